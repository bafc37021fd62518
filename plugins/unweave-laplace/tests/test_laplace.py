import pytest
import torch

from unweave_laplace import Laplace
from unweave_testing import parametrize, plugin_checks, prior_checks


@parametrize(prior_checks(), Laplace)
def test_conformance(check):
    check()


@parametrize(prior_checks(length=0.5), lambda dim: Laplace(dim, scale=0.5, learned=True))
def test_conformance_of_a_learned_scale(check):
    check()


@parametrize(plugin_checks(), "_unweave_laplace_plugin")
def test_hook_file(check):
    check()


def test_learned_scale_is_the_mean_size_of_codes():
    codes = Laplace(2, scale=3.0).sample(1_000, torch.Generator().manual_seed(0))
    prior = Laplace(2, learned=True)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    torch.testing.assert_close(prior.log_scale.exp(), codes.abs().mean(dim=0), rtol=1e-3, atol=0)


def test_scale_must_be_positive():
    with pytest.raises(ValueError, match=r"scale must be positive, got -1\.0"):
        Laplace(2, scale=-1.0)
