import pytest
import torch

from unweave_laplace import AsymmetricLaplace
from unweave_testing import parametrize, plugin_checks, prior_checks


@parametrize(prior_checks(), AsymmetricLaplace)
def test_conformance(check):
    check()


@parametrize(
    prior_checks(length=0.5), lambda dim: AsymmetricLaplace(dim, left=0.5, right=1.0, learned=True)
)
def test_conformance_of_learned_scales(check):
    check()


@parametrize(plugin_checks(), "_unweave_laplace_plugin")
def test_hook_file(check):
    check()


def test_equal_scales_are_the_laplace_density():
    z = torch.linspace(-3, 3, 12).reshape(4, 3)
    exact = torch.distributions.Laplace(0.0, 0.7).log_prob(z).sum(dim=1)
    torch.testing.assert_close(AsymmetricLaplace(3, left=0.7, right=0.7)().log_prob(z), exact)


def test_moments():
    prior = AsymmetricLaplace(2, left=0.5, right=2.0)
    z = prior.sample(50_000, torch.Generator().manual_seed(0))
    # The standard error of the mean is 0.01, that of the variance 0.05.
    torch.testing.assert_close(z.mean(dim=0), prior().mean, rtol=0, atol=0.05)
    torch.testing.assert_close(z.var(dim=0), prior().variance, rtol=0, atol=0.25)


def test_learned_scales_are_those_of_maximum_likelihood():
    codes = AsymmetricLaplace(1, left=0.5, right=3.0).sample(
        2_000, torch.Generator().manual_seed(0)
    )
    prior = AsymmetricLaplace(1, learned=True)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(300):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    below, above = (-codes).clamp_min(0).mean(), codes.clamp_min(0).mean()
    # Where the derivatives of below / left + above / right + log(left + right) vanish.
    root = (below * above).sqrt()
    exact = torch.stack([below + root, above + root])
    torch.testing.assert_close(prior.log_scales.exp()[:, 0], exact, rtol=1e-3, atol=0)


def test_scales_must_be_positive():
    with pytest.raises(ValueError, match=r"left must be positive, got -1\.0"):
        AsymmetricLaplace(2, left=-1.0)
