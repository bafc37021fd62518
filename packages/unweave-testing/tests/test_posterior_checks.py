"""Each deliberately wrong family fails the check that is named for its fault, and no other."""

from typing import TYPE_CHECKING

import pytest

from unweave_testing import posterior_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
D = torch.distributions


class Posterior:
    """Factorised normal posterior."""

    has_density = True

    def __init__(self, mean, std):
        self.mean, self.std = mean, std

    @property
    def distribution(self):
        return D.Independent(D.Normal(self.mean, self.std, validate_args=False), 1)

    def rsample(self, generator=None):
        return self.mean + self.std * self.noise(generator)

    def noise(self, generator):
        mean = self.mean
        return torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)

    def log_prob(self, z):
        return self.distribution.log_prob(z)


class Right(torch.nn.Module):
    """Normal posteriors around an affine map of the outputs."""

    has_density = True
    posterior = Posterior

    def __init__(self, dim):
        super().__init__()
        self.outputs = 2 * dim
        self.shift = torch.nn.Parameter(torch.full((dim,), 0.5))
        self.register_buffer("floor", torch.full((dim,), 0.1))

    def forward(self, parameters):
        self.check(parameters)
        mean, spread = parameters.chunk(2, dim=1)
        return self.posterior(mean + self.shift, self.floor + (0.3 * spread).exp())

    def check(self, parameters):
        if parameters.shape[1] != self.outputs:
            raise ValueError(f"expected (b, {self.outputs}), got {tuple(parameters.shape)}")


def with_posterior(name):
    """Decorate a posterior: make it the family that gives it."""

    def family(posterior):
        return type(name, (Right,), {"posterior": posterior})

    return family


class CountsNothing(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.outputs = float(2 * dim)

    def forward(self, parameters):
        return super().forward(parameters)


class Point(Posterior):
    has_density = False

    def __init__(self, mean, std):
        super().__init__(mean, torch.zeros_like(mean))

    @property
    def distribution(self):
        raise ValueError("no density")


class RightPoints(Right):
    has_density = False
    posterior = Point

    def __init__(self, dim):
        super().__init__(dim)
        self.outputs = dim
        del self.floor

    def forward(self, parameters):
        self.check(parameters)
        return self.posterior(parameters + self.shift, None)


class PointsThatScore(RightPoints):
    class posterior(Point):
        def log_prob(self, z):
            return z.sum(dim=1)


class SaysOtherwise(RightPoints):
    class posterior(Point):
        has_density = True


@with_posterior("TwoDensities")
class TwoDensities(Posterior):
    def log_prob(self, z):
        return super().log_prob(z) + 0.1


class WholeBatch(Right):
    def forward(self, parameters):
        self.check(parameters)
        mean, spread = parameters.chunk(2, dim=1)
        mean = mean + 0.5 * (mean - mean.mean(dim=0))
        return Posterior(mean + self.shift, self.floor + (0.3 * spread).exp())


@with_posterior("OffMean")
class OffMean(Posterior):
    def __init__(self, mean, std):
        super().__init__(mean, std)
        self.centre = mean + 0.2

    @property
    def distribution(self):
        return D.Independent(D.Normal(self.centre, self.std, validate_args=False), 1)

    def rsample(self, generator=None):
        return super().rsample(generator) + 0.2


class Heavier(D.Normal):
    def log_prob(self, value):
        return super().log_prob(value) + 0.01


@with_posterior("Unnormalised")
class Unnormalised(Posterior):
    @property
    def distribution(self):
        return D.Independent(Heavier(self.mean, self.std, validate_args=False), 1)


@with_posterior("Skewed")
class Skewed(Posterior):
    """Draws of the right mean and variance from an exponential distribution."""

    def noise(self, generator):
        return -1 + torch.empty_like(self.mean).exponential_(generator=generator).detach()


@with_posterior("SharedSize")
class SharedSize(Posterior):
    """Uncorrelated coordinates with normal marginals that nevertheless depend on each other."""

    def noise(self, generator):
        noise = super().noise(generator)
        return noise[:, :1].abs() * noise.sign()


@with_posterior("Detached")
class Detached(Posterior):
    def rsample(self, generator=None):
        return self.mean + self.std.detach() * self.noise(generator)


class Idle(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.idle = torch.nn.Parameter(torch.zeros(dim))


class OutputTooMany(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.outputs = 2 * dim + 1

    def forward(self, parameters):
        self.check(parameters)
        mean, spread = parameters[:, :-1].chunk(2, dim=1)
        return Posterior(mean + self.shift, self.floor + (0.3 * spread).exp())


@with_posterior("GlobalNoise")
class GlobalNoise(Posterior):
    def noise(self, generator):
        return super().noise(None)


@with_posterior("AlwaysDouble")
class AlwaysDouble(Posterior):
    def noise(self, generator):
        return super().noise(generator).double()


@with_posterior("AlwaysOnCpu")
class AlwaysOnCpu(Posterior):
    def noise(self, generator):
        return torch.randn(self.mean.shape, generator=generator, dtype=self.mean.dtype)

    def rsample(self, generator=None):
        if self.mean.device.type == "cpu":
            return super().rsample(generator)
        return self.noise(generator)

    def log_prob(self, z):
        return super().log_prob(z.to(self.mean.device))


class Forgetful(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.register_buffer("floor", torch.full((dim,), 0.1), persistent=False)


class TakesAnyWidth(Right):
    def check(self, parameters):
        pass

    def forward(self, parameters):
        padding = max(0, self.outputs - parameters.shape[1])
        padded = torch.nn.functional.pad(parameters, (0, padding))
        return super().forward(padded[:, : self.outputs])


FAULTS = {
    SaysOtherwise: "family",
    PointsThatScore: "density",
    TwoDensities: "density",
    WholeBatch: "rows",
    OffMean: "moments",
    Unnormalised: "normalised",
    Skewed: "samples-marginals",
    SharedSize: "samples-jointly",
    Detached: "gradients",
    Idle: "gradients",
    OutputTooMany: "gradients",
    GlobalNoise: "generator",
    AlwaysDouble: "dtype",
    AlwaysOnCpu: "device",
    Forgetful: "save-and-load",
    TakesAnyWidth: "wrong-width",
}


def test_a_right_family_passes():
    report = run(posterior_checks(), Right)
    assert report.ok, str(report)
    assert set(report.names("passed")) == {check.name for check in posterior_checks()}


def test_a_family_without_a_density_passes():
    report = run(posterior_checks(), RightPoints)
    assert report.ok, str(report)
    skipped = ("normalised", "samples-marginals", "samples-jointly", "generator")
    assert report.names("skipped") == skipped


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(posterior_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_the_number_of_outputs_must_be_an_integer():
    assert "outputs must be a positive integer, got 6.0" in str(
        run(posterior_checks(), CountsNothing)
    )


def test_facts_are_arguments():
    report = run(posterior_checks(exact_moments=False), OffMean)
    assert report.ok, str(report)
    report = run(posterior_checks(any_code=False), Unnormalised)
    assert report.names("skipped") == ("normalised", "samples-marginals", "samples-jointly")
    assert report.ok, str(report)


def test_a_density_made_by_a_bijection_passes():
    class Bent(Posterior):
        """z = mean + std sinh(x), x normal: its mean is exact, its std is not."""

        @property
        def distribution(self):
            zero, one = torch.zeros_like(self.mean), torch.ones_like(self.mean)
            normal = D.Normal(zero, one, validate_args=False)
            parts = [SinhTransform(), D.AffineTransform(self.mean, self.std)]
            bent = D.TransformedDistribution(normal, parts, validate_args=False)
            return D.Independent(bent, 1)

        def noise(self, generator):
            return super().noise(generator).sinh()

    family = type("BentFamily", (Right,), {"posterior": Bent})
    report = run(posterior_checks(exact_moments=False), family)
    assert report.ok, str(report)
    assert run(posterior_checks(), family).names("failed") == ("moments",)


class SinhTransform(D.Transform):
    domain = codomain = D.constraints.real
    bijective = True

    def _call(self, x):
        return x.sinh()

    def _inverse(self, y):
        return y.asinh()

    def log_abs_det_jacobian(self, x, y):
        return x.cosh().log()
