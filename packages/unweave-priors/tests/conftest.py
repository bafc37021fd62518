"""Tools that compare samples with distribution functions."""

import math

import pytest
import torch


def _ks_statistic(samples, cdf):
    """Largest distance of the empirical distribution function of (n,) samples from cdf."""
    ordered = samples.double().sort().values
    exact = cdf(ordered)
    ranks = torch.arange(len(ordered) + 1, dtype=torch.float64) / len(ordered)
    return float(torch.maximum((ranks[1:] - exact).max(), (exact - ranks[:-1]).max()))


@pytest.fixture
def assert_drawn_from():
    """Refuse samples whose distance from a distribution function has a chance below 1e-6."""

    def check(samples, cdf):
        # Asymptotic Kolmogorov tail: P(D > t / sqrt(n)) is about 2 exp(-2 t^2).
        limit = math.sqrt(math.log(2 / 1e-6) / 2 / len(samples))
        assert _ks_statistic(samples, cdf) < limit

    return check


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(20)
