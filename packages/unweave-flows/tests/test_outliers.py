"""Codes that would spoil a fit: far ones, and dimensions without spread."""

import warnings

import pytest
import torch

from unweave_flows import IAF, MAF, NSF, Gaussian, GaussianMixture, RealNVP, fit_flow
from unweave_flows.outliers import near_rows

FLOWS = {
    "iaf": (IAF, {"transforms": 2, "hidden": (16,)}),
    "maf": (MAF, {"transforms": 3, "hidden": (16,)}),
    "nsf": (NSF, {"transforms": 2, "hidden": (16,)}),
    "realnvp": (RealNVP, {"transforms": 4, "hidden": (32,)}),
}
DENSITIES = FLOWS | {
    "gaussian": (Gaussian, {}),
    "gaussian-mixture": (GaussianMixture, {"components": 2}),
}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def normal_codes(n=3_000, dim=3):
    noise = torch.randn(n, dim, generator=seeded())
    return 2 + noise @ torch.tensor([[1.5, 0.6, 0.0], [0.0, 0.4, 0.2], [0.0, 0.0, 1.0]])


def entropy_gap(density, codes):
    """Return how much less likely codes are than under their normal density, in nats."""
    exact = torch.distributions.MultivariateNormal(codes.mean(dim=0), torch.cov(codes.T))
    with torch.no_grad():
        return float((exact.log_prob(codes) - density.log_prob(codes)).mean())


@pytest.mark.parametrize("kind", FLOWS)
@pytest.mark.parametrize("row", [0, 7, 2_999])
def test_one_outlier_among_thousands_is_left_out(kind, row):
    build, options = FLOWS[kind]
    codes = normal_codes()
    spoilt = codes.clone()
    spoilt[row, 1] = 1e4
    sentence = r"1 of 3000 codes lie more than 20 deviations from the median, in dimensions \[1\]"
    with pytest.warns(RuntimeWarning, match=sentence):
        flow = build(3, **options).fit(spoilt, generator=seeded(), epochs=3)
    clean = build(3, **options).fit(codes, generator=seeded(), epochs=3)
    assert entropy_gap(flow, codes) == pytest.approx(entropy_gap(clean, codes), abs=0.05)


def test_full_sized_flows_survive_the_outlier():
    codes = normal_codes()
    codes[5, 0] = -1e4
    for kind in ("maf", "realnvp"):
        with pytest.warns(RuntimeWarning, match="the fit leaves them out"):
            flow = fit_flow(codes, kind, generator=seeded(), epochs=1)
        assert entropy_gap(flow, torch.cat([codes[:5], codes[6:]])) < 0.5


@pytest.mark.parametrize("kind", FLOWS)
def test_heavy_tails_do_not_end_a_fit(kind):
    build, options = FLOWS[kind]
    noise = torch.randn(2, 2_000, 3, generator=seeded())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        flow = build(3, **options).fit(noise[0] / noise[1], generator=seeded(), epochs=3)
    assert len(flow.losses) == 3
    assert torch.tensor(flow.losses).isfinite().all()


@pytest.mark.parametrize("n", [20, 200, 20_000])
def test_normal_codes_are_all_near(n):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert near_rows(normal_codes(n)).tolist() == list(range(n))


def test_a_rare_second_cluster_is_no_outlier():
    codes = normal_codes(10_000)
    codes[:60, 0] += 60.0  # 0.6 %, forty deviations away
    assert len(near_rows(codes)) == 10_000


def test_the_only_other_value_of_a_dimension_is_far():
    codes = normal_codes(3_000)
    codes[:, 2] = 0.0
    codes[0, 2] = 1.0
    with pytest.warns(RuntimeWarning, match=r"1 of 3000 codes .* in dimensions \[2\]"):
        assert near_rows(codes).tolist() == list(range(1, 3_000))


@pytest.mark.parametrize("kind", DENSITIES)
def test_a_constant_dimension_is_left_out_and_put_back(kind):
    build, options = DENSITIES[kind]
    codes = normal_codes()
    full = torch.cat([codes, torch.full((3_000, 1), 0.7)], dim=1)
    epochs = {"epochs": 4} if kind in FLOWS else {}
    with pytest.warns(RuntimeWarning, match=r"code dimensions \[3\] are constant; the fit leaves"):
        density = build(4, **options).fit(full, generator=seeded(), **epochs)
    drawn = density.sample(2_000, seeded(1))
    assert (drawn[:, 3] - 0.7).abs().max() < 0.01
    assert drawn[:, 3].std() > 0
    # The other dimensions are fitted as they are alone: their conditional density given 0.7.
    torch.testing.assert_close(drawn[:, :3].mean(dim=0), codes.mean(dim=0), rtol=0, atol=0.25)
    away = full + torch.tensor([0.0, 0.0, 0.0, 0.1])
    with torch.no_grad():
        gap = (density.log_prob(full) - density.log_prob(away)).mean()
    assert gap > 50  # a value that never came is very unlikely
    assert abs(entropy_gap_of_rest(density, full, codes)) < 0.5


def entropy_gap_of_rest(density, full, codes):
    """Compare the density of the varying dimensions with the normal one, after integration."""
    grid = 0.7 + torch.linspace(-0.01, 0.01, 401)
    rows = full[:200].repeat_interleave(401, dim=0).clone()
    rows[:, 3] = grid.repeat(200)
    with torch.no_grad():
        table = density.log_prob(rows).reshape(200, 401).double()
    marginal = table.logsumexp(dim=1) + torch.log(grid[1] - grid[0]).double()
    exact = torch.distributions.MultivariateNormal(codes.mean(dim=0), torch.cov(codes.T))
    return float((exact.log_prob(codes[:200]) - marginal).mean())


@pytest.mark.parametrize("kind", DENSITIES)
def test_codes_that_are_all_the_same_are_refused(kind):
    build, options = DENSITIES[kind]
    with pytest.raises(ValueError, match="vary in at least one dimension, got constant codes"):
        build(2, **options).fit(torch.full((50, 2), 3.0))


def test_large_constants_are_told_apart_in_float32():
    codes = torch.cat([normal_codes(500)[:, :2], torch.full((500, 1), 1e4)], dim=1)
    with pytest.warns(RuntimeWarning, match="constant"):
        flow = MAF(3, transforms=2, hidden=(16,)).fit(codes, generator=seeded(), epochs=2)
    assert flow.sample(100, seeded(1))[:, 2].unique().numel() > 20
    assert flow.log_prob(codes).isfinite().all()
