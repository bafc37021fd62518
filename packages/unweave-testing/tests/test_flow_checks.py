"""Each deliberately wrong flow fails the check that is named for its fault, and no other."""

from typing import TYPE_CHECKING

import pytest

from unweave_testing import flow_checks, run

if TYPE_CHECKING:
    import torch
else:
    torch = pytest.importorskip("torch")
D = torch.distributions


class Linear(D.Transform):
    """Map noise to loc + root noise, with a triangular root."""

    domain = codomain = D.constraints.real_vector
    bijective = True

    def __init__(self, flow):
        super().__init__()
        self.loc, self.root, self.flow = flow.loc, flow.root.tril(), flow

    def _call(self, x):
        return self.loc + x @ self.root.mT

    def _inverse(self, y):
        return self.flow.undo(y - self.loc, self.root)

    def log_abs_det_jacobian(self, x, y):
        return self.flow.log_scale(self.root).expand(x.shape[:-1])


class Right(torch.nn.Module):
    """Normal density as a linear flow, fitted in closed form."""

    def __init__(self, dim):
        super().__init__()
        self.loc = torch.nn.Parameter(torch.zeros(dim))
        self.root = torch.nn.Parameter(torch.eye(dim))

    def noise(self):
        return D.Independent(
            D.Normal(torch.zeros_like(self.loc), torch.ones_like(self.loc), validate_args=False), 1
        )

    def forward(self):
        return D.TransformedDistribution(self.noise(), [Linear(self)], validate_args=False)

    def undo(self, centred, root):
        return torch.linalg.solve_triangular(root, centred[..., None], upper=False)[..., 0]

    def log_scale(self, root):
        return root.diagonal().abs().log().sum()

    @torch.no_grad()
    def fit(self, codes, *, generator=None, progress=None):
        self.loc.copy_(codes.mean(dim=0))
        self.root.copy_(torch.linalg.cholesky(torch.cov(codes.T)))
        if progress is not None:
            progress(1, 2)
            progress(2, 2)
        return self

    @torch.no_grad()
    def sample(self, n, generator=None):
        like = self.loc
        noise = torch.randn(n, len(like), generator=generator, dtype=like.dtype, device=like.device)
        return Linear(self)(noise)


class NeverFitted(Right):
    def fit(self, codes, *, generator=None, progress=None):
        before = [parameter.clone() for parameter in self.parameters()]
        super().fit(codes, generator=generator, progress=progress)
        with torch.no_grad():
            self.loc.copy_(before[0])
            self.root.copy_(before[1])
        return self


class ReturnsNothing(Right):
    """Fits a copy as well, so that only what it returns is wrong."""

    def fit(self, codes, *, generator=None, progress=None):
        super().fit(codes, generator=generator, progress=progress)
        other = type(self)(len(self.loc))
        other.load_state_dict(self.state_dict())
        return other


class GlobalFit(Right):
    def fit(self, codes, *, generator=None, progress=None):
        rows = torch.randint(len(codes), (len(codes),))
        return super().fit(codes[rows], generator=generator, progress=progress)


class SilentFit(Right):
    def fit(self, codes, *, generator=None, progress=None):
        return super().fit(codes, generator=generator)


class Unnormalised(Right):
    """A determinant that forgets one dimension; the density with it is as wrong."""

    def log_scale(self, root):
        return super().log_scale(root) + 0.1


class WrongInverse(Right):
    """A density of its own right, whose two directions do not agree."""

    def undo(self, centred, root):
        return super().undo(centred, root) + 0.01


class WideSamples(Right):
    @torch.no_grad()
    def sample(self, n, generator=None):
        return self.loc + 1.3 * (super().sample(n, generator) - self.loc)


class GlobalSamples(Right):
    def sample(self, n, generator=None):
        return super().sample(n, None)


class PairedAnew(Right):
    """Samples of the right marginals whose coordinates belong to different codes."""

    def sample(self, n, generator=None):
        z = super().sample(n, generator)
        return torch.stack([z[:, 0], z[:, -1].roll(1)], dim=1) if z.shape[1] == 2 else z


class Detached(Right):
    def forward(self):
        copy = type(self)(len(self.loc)).to(self.loc)
        copy.loc, copy.root = (torch.nn.Parameter(p, False) for p in (self.loc, self.root))
        return Right.forward(copy)


class AlwaysFloat32(Right):
    def sample(self, n, generator=None):
        return super().sample(n, generator).float()


class AlwaysOnCpu(Right):
    @torch.no_grad()
    def sample(self, n, generator=None):
        noise = torch.randn(n, len(self.loc), generator=generator, dtype=self.loc.dtype)
        return Linear(self)(noise)


class Forgetful(Right):
    def __init__(self, dim):
        super().__init__(dim)
        del self.loc
        self.register_buffer("loc", torch.zeros(dim), persistent=False)


class Careless(Linear):
    """Takes the first coordinates of codes that are too long, and pads those too short."""

    def _inverse(self, y):
        dim = len(self.loc)
        padded = torch.nn.functional.pad(y, (0, max(0, dim - y.shape[-1])))
        return super()._inverse(padded[..., :dim])


class TakesAnyDimension(Right):
    def forward(self):
        return D.TransformedDistribution(self.noise(), [Careless(self)], validate_args=False)


class BufferOfTheFit(Right):
    def fit(self, codes, **options):
        self.register_buffer("shift", codes.mean(dim=0))
        return super().fit(codes, **options)


class ShapeOfTheCodes(Right):
    def __init__(self, dim):
        super().__init__(dim)
        self.register_buffer("rows", torch.zeros(0, dim))

    def fit(self, codes, **options):
        self.rows = codes[:50].clone()
        return super().fit(codes, **options)


FAULTS = {
    NeverFitted: {"fit"},
    ReturnsNothing: {"fit"},
    GlobalFit: {"fit-generator"},
    SilentFit: {"progress"},
    # The density is computed from the determinant: both are wrong together.
    Unnormalised: {"normalised", "log-determinant"},
    WrongInverse: {"inverse"},
    WideSamples: {"samples-marginals"},
    PairedAnew: {"samples-jointly"},
    Detached: {"gradients"},
    AlwaysFloat32: {"dtype"},
    AlwaysOnCpu: {"device"},
    GlobalSamples: {"generator"},
    Forgetful: {"save-and-load"},
    BufferOfTheFit: {"save-and-load"},
    ShapeOfTheCodes: {"save-and-load"},
    TakesAnyDimension: {"wrong-dimension"},
}


def test_a_right_flow_passes():
    report = run(flow_checks(), Right)
    assert report.ok, str(report)
    assert set(report.names("passed")) == {check.name for check in flow_checks()}


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_checks_alone(wrong):
    report = run(flow_checks(), wrong)
    assert set(report.names("failed")) == FAULTS[wrong], str(report)


def test_state_that_a_fit_adds_is_named():
    report = run([c for c in flow_checks() if c.name == "save-and-load"], BufferOfTheFit)
    assert "cannot load the state of a fitted one: shift differ" in report.results[0].message


def test_a_density_without_a_bijection_skips_its_checks():
    class Plain(Right):
        def forward(self):
            root = self.root.tril()
            return D.MultivariateNormal(self.loc, scale_tril=root, validate_args=False)

    report = run(flow_checks(), Plain)
    assert report.names("skipped") == ("inverse", "log-determinant")
    assert report.ok, str(report)


def test_a_batch_of_marginals_is_not_a_density_of_codes():
    class Marginals(Right):
        def forward(self):
            return D.Normal(self.loc, self.root.diagonal(), validate_args=False)

    assert "event-shape" in run(flow_checks(), Marginals).names("failed")
