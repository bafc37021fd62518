"""Each deliberately wrong prior fails the check that is named for its fault, and no other."""

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

from unweave_testing import prior_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
D = torch.distributions


class Right(torch.nn.Module):
    """Normal prior with a learned location, a given scale and samples of its own."""

    scale: torch.Tensor

    def __init__(self, dim):
        super().__init__()
        self.loc = torch.nn.Parameter(torch.full((dim,), 0.5))
        self.register_buffer("scale", torch.full((dim,), 2.0))

    def forward(self):
        return D.Independent(D.Normal(self.loc, self.scale, validate_args=False), 1)

    @torch.no_grad()
    def sample(self, n, generator=None):
        return self.rsample(n, generator)

    def rsample(self, n, generator=None):
        return self.loc + self.scale * self.noise(n, generator)

    def noise(self, n, generator):
        size = (n, len(self.loc))
        return torch.randn(size, generator=generator, dtype=self.loc.dtype, device=self.loc.device)


class ScalarBatch(Right):
    def forward(self):
        return D.Normal(self.loc, self.scale, validate_args=False)


class NotIndependent(Right):
    def forward(self):
        return D.MultivariateNormal(self.loc, torch.diag(self.scale**2), validate_args=False)


class Unnormalised(Right):
    def forward(self):
        base = D.Normal(self.loc, self.scale, validate_args=False)
        shifted = {"log_prob": lambda self, z: D.Normal.log_prob(self, z) + 0.01}
        base.__class__ = type("Shifted", (D.Normal,), shifted)
        return D.Independent(base, 1)


class TooWide(Right):
    def noise(self, n, generator):
        return 1.3 * super().noise(n, generator)


class OneDrawForAll(Right):
    def noise(self, n, generator):
        return super().noise(n, generator)[:, :1].expand(n, len(self.loc))


class SharedSize(Right):
    """Uncorrelated coordinates with normal marginals that nevertheless depend on each other."""

    def noise(self, n, generator):
        noise = super().noise(n, generator)
        return noise[:, :1].abs() * noise.sign()


class Detached(Right):
    def forward(self):
        return D.Independent(D.Normal(self.loc.detach(), self.scale, validate_args=False), 1)


class Idle(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.idle = torch.nn.Parameter(torch.zeros(dim))


class AlwaysFloat32(Right):
    @torch.no_grad()
    def sample(self, n, generator=None):
        return super().sample(n, generator).float()


class AlwaysOnCpu(Right):
    @torch.no_grad()
    def sample(self, n, generator=None):
        return 0.5 + 2 * torch.randn(n, len(self.loc), generator=generator, dtype=self.loc.dtype)


class GlobalRandomness(Right):
    def noise(self, n, generator):
        return super().noise(n, None)


class OneSeed(Right):
    def noise(self, n, generator):
        return super().noise(n, torch.Generator().manual_seed(0))


class OtherDraws(Right):
    def rsample(self, n, generator=None):
        codes = super().rsample(n, generator)
        return codes.flip(0) if torch.is_grad_enabled() else codes


class CutDraws(Right):
    def rsample(self, n, generator=None):
        return super().rsample(n, generator).detach()


class Forgetful(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.register_buffer("scale", torch.full((dim,), 2.0), persistent=False)


class Careless(D.Independent[D.Normal]):
    """Takes the first coordinates of codes that are too long, and pads those too short."""

    def log_prob(self, value):
        dim = self.event_shape[0]
        padded = torch.nn.functional.pad(value, (0, max(0, dim - value.shape[-1])))
        return super().log_prob(padded[..., :dim])


class TakesAnyDimension(Right):
    def forward(self):
        return Careless(D.Normal(self.loc, self.scale, validate_args=False), 1)


class Mute(D.Independent[D.Normal]):
    def log_prob(self, value):
        if value.shape[-1] != self.event_shape[0]:
            raise ValueError("bad shape")
        return super().log_prob(value)


class NamesNothing(Right):
    def forward(self):
        return Mute(D.Normal(self.loc, self.scale, validate_args=False), 1)


FAULTS = {
    NotIndependent: "factorised",
    Unnormalised: "normalised",
    TooWide: "samples-marginals",
    OneDrawForAll: "samples-jointly",
    SharedSize: "samples-jointly",
    Detached: "gradients",
    Idle: "gradients",
    AlwaysFloat32: "dtype",
    AlwaysOnCpu: "device",
    GlobalRandomness: "generator",
    OneSeed: "generator",
    OtherDraws: "rsample",
    CutDraws: "rsample",
    Forgetful: "save-and-load",
    TakesAnyDimension: "wrong-dimension",
    NamesNothing: "wrong-dimension",
}


def test_a_right_prior_passes():
    report = run(prior_checks(), Right)
    assert report.ok, str(report)
    assert set(report.names("passed")) == {check.name for check in prior_checks()}


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(prior_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_a_batch_of_marginals_is_not_a_density_of_codes():
    assert "event-shape" in run(prior_checks(), ScalarBatch).names("failed")
    assert "event_shape must be (3,), got ()" in str(run(prior_checks(), ScalarBatch))


def test_the_normalisation_check_names_the_integral():
    (check,) = [check for check in prior_checks() if check.name == "normalised"]
    with pytest.raises(AssertionError, match=r"integrates to 1\.0100"):
        check(Unnormalised)


def test_a_prior_that_does_not_factorise_says_so():
    report = run(prior_checks(factorised=False), NotIndependent)
    assert report.ok, str(report)
    assert run(prior_checks(factorised=False), Right).names("failed") == ("factorised",)


def test_without_samples_of_its_own_the_generator_is_not_checked():
    class Plain(torch.nn.Module):
        def __init__(self, dim):
            super().__init__()
            self.right = Right(dim)

        def forward(self):
            return self.right()

    report = run(prior_checks(), Plain)
    assert report.names("skipped") == ("generator", "rsample")
    assert report.ok, str(report)


class Box(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("low", torch.full((dim,), -0.3))
        self.register_buffer("high", torch.full((dim,), 1.7))

    def forward(self):
        return D.Independent(D.Uniform(self.low, self.high, validate_args=False), 1)


class Cauchy(torch.nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.register_buffer("loc", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))

    def forward(self):
        return D.Independent(D.Cauchy(self.loc, self.scale, validate_args=False), 1)


class Ring(torch.nn.Module):
    """Eight narrow components on a circle of radius 4."""

    means: torch.Tensor

    def __init__(self, dim):
        super().__init__()
        angle = torch.arange(8) * math.pi / 4
        circle = torch.stack([angle.cos(), angle.sin()], dim=1)
        self.register_buffer("means", 4 * torch.nn.functional.pad(circle, (0, 3))[:, :dim])

    def forward(self):
        components = D.Normal(self.means, torch.full_like(self.means, 0.5), validate_args=False)
        weights = D.Categorical(logits=torch.zeros_like(self.means[:, 0]), validate_args=False)
        return D.MixtureSameFamily(weights, D.Independent(components, 1), validate_args=False)


@pytest.mark.parametrize(
    ("checks", "prior"),
    [
        (prior_checks(support=(-0.3, 1.7)), Box),
        (prior_checks(), Cauchy),
        (prior_checks(factorised=False), Ring),
    ],
    ids=["bounded", "heavy-tails", "mixture"],
)
def test_priors_that_are_hard_to_integrate_pass(checks, prior):
    report = run(checks, prior)
    assert report.ok, str(report)


def test_an_operation_that_meta_lacks_is_not_a_tensor_left_behind():
    class Dirichlet(Right):
        """Draws with an operation that torch has for real devices alone."""

        def noise(self, n, generator):
            torch._sample_dirichlet(torch.ones_like(self.loc), generator)
            return super().noise(n, generator)

    report = run([check for check in prior_checks() if check.name == "device"], Dirichlet)
    assert report.ok, str(report)


def test_the_quadrature_agrees_with_closed_forms():
    from unweave_testing.quadrature import rule

    line = rule((-np.inf, np.inf), length=1.0, reach=1e8, panels=400, order=12)
    cauchy = 1 / (math.pi * (1 + line.nodes**2))
    assert line.weights @ cauchy == pytest.approx(1, abs=1e-7)
    z = np.array([-30.0, -1.0, 0.0, 2.0])
    np.testing.assert_allclose(
        line.distribution(cauchy, z), 0.5 + np.arctan(z) / math.pi, atol=1e-4
    )
    assert line.weights @ np.exp(-np.abs(line.nodes)) == pytest.approx(2, abs=1e-10)
