"""Variance and covariance penalties by hand."""

import pytest
import torch

from unweave_estimators import DIP, Variance, dip, variance_constraint


def test_variance_by_hand():
    z = torch.tensor([[0.0, 1.0], [3.0, 1.0], [6.0, 4.0]])  # variances 9 and 3
    assert float(variance_constraint(z)) == pytest.approx(10.0)
    assert float(variance_constraint(z, target=16.0)) == pytest.approx(4.0)
    assert float(variance_constraint(z + 100.0, target=12.0)) == pytest.approx(0.0, abs=1e-4)


def test_variance_is_unbiased():
    g = torch.Generator().manual_seed(0)
    draws = torch.stack(
        [variance_constraint(2 * torch.randn(5, 3, generator=g), 0.0) for _ in range(3000)]
    )
    assert float(draws.mean()) == pytest.approx(12.0, abs=3 * float(draws.std()) / 3000**0.5)


def test_dip_by_hand():
    mean = torch.tensor([[1.0, 2.0], [-1.0, 2.0], [1.0, -2.0], [-1.0, -2.0], [2.0, 2.0]])
    mean = mean[:4] + torch.tensor([5.0, 7.0])  # covariance diag(1, 4)
    assert float(dip(mean)) == pytest.approx(10 * 9)
    assert float(dip(mean, diagonal=2.0)) == pytest.approx(2 * 9)
    line = torch.tensor([[1.0, 2.0], [-1.0, -2.0]])  # covariance [[1, 2], [2, 4]]
    assert float(dip(line)) == pytest.approx(2 * 4 + 10 * 9)
    std = torch.tensor([[1.0, 0.0], [1.0, 2.0]])  # mean squares 1 and 2
    assert float(dip(line, std, kind="ii")) == pytest.approx(2 * 4 + 1 + 25)


def test_dip_ii_vanishes_for_codes_like_the_prior():
    g = torch.Generator().manual_seed(0)
    mean = 0.8 * torch.randn(100000, 2, generator=g)
    assert float(dip(mean, torch.full_like(mean, 0.6), kind="ii")) < 1e-3


def test_modules_and_errors(latent_of):
    latent = latent_of(b=50)
    value = Variance(3, target=2.0)(latent)["variance"]
    torch.testing.assert_close(value, (latent.z.var(0).sum() - 2.0).abs())
    mean, std = latent.posterior.mean, latent.posterior.std
    torch.testing.assert_close(DIP(3, kind="ii")(latent)["dip"], dip(mean, std, kind="ii"))
    torch.testing.assert_close(DIP(3, diagonal=3.0)(latent)["dip"], dip(mean, diagonal=3.0))
    with pytest.raises(ValueError, match="kind 'ii' needs the std"):
        dip(mean, kind="ii")
    with pytest.raises(ValueError, match="std must have the shape of z"):
        dip(mean, std[:, :1], kind="ii")
    with pytest.raises(ValueError, match="kind must be one of i, ii, got 'iii'"):
        DIP(3, kind="iii")
    with pytest.raises(ValueError, match="batch of at least 2 codes, got 1"):
        variance_constraint(torch.zeros(1, 3))
