"""Laplace priors against closed forms."""

import math

import pytest
import torch

from unweave_priors import Laplace


def test_density_is_the_closed_form():
    expected = sum(-abs(z - 0.5) / 0.8 - math.log(1.6) for z in (0.3, -2.0, 1.1))
    found = Laplace(3, loc=0.5, scale=0.8)().log_prob(torch.tensor([[0.3, -2.0, 1.1]]))
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_samples_follow_the_laplace_distribution(generator, assert_drawn_from):
    z = Laplace(2, loc=0.5, scale=0.8).sample(20_000, generator)
    for column in (z.T - 0.5) / 0.8:
        assert_drawn_from(column, lambda t: torch.where(t < 0, t.exp() / 2, 1 - (-t).exp() / 2))
    sizes = (z - 0.5).abs().argsort(dim=0).argsort(dim=0).float()
    assert torch.corrcoef(sizes.T)[0, 1].abs() < 5 / math.sqrt(20_000)


def test_learned_scale_is_the_mean_size_of_codes(generator):
    codes = Laplace(2, scale=3.0).sample(1_000, generator)
    prior = Laplace(2, learned=True)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    torch.testing.assert_close(prior.log_scale.exp(), codes.abs().mean(dim=0), rtol=1e-3, atol=0)
