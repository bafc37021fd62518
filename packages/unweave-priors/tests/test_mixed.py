"""The prior of InfoGAN against its closed forms, and what it refuses."""

import math

import pytest
import torch

from unweave_priors import Mixed

K, U, D = 4, 2, 8


@pytest.fixture
def codes():
    return Mixed(D, categories=K, uniform=U).sample(40_000, torch.Generator().manual_seed(0))


def test_samples_have_the_shares_and_moments_of_the_three_parts(codes):
    assert codes.shape == (40_000, D)
    classes, uniform, noise = codes.split([K, U, D - K - U], dim=1)
    assert torch.equal(classes.sum(1), torch.ones(len(codes)))
    assert ((classes == 0) | (classes == 1)).all()
    torch.testing.assert_close(classes.mean(0), torch.full((K,), 1 / K), rtol=0, atol=0.01)
    assert uniform.abs().max() <= 1
    torch.testing.assert_close(uniform.var(0), torch.full((U,), 1 / 3), rtol=0.03, atol=0)
    torch.testing.assert_close(noise.var(0), torch.ones(D - K - U), rtol=0.03, atol=0)
    covariance = torch.cov(codes.T)
    across = covariance[:K, K:]
    assert across.abs().max() < 0.02
    prior = Mixed(D, categories=K, uniform=U)()
    torch.testing.assert_close(prior.mean, codes.mean(0), rtol=0, atol=0.02)
    torch.testing.assert_close(prior.variance, codes.var(0), rtol=0.05, atol=0)


def test_the_log_density_is_the_sum_of_three_closed_forms(codes):
    prior = Mixed(D, categories=K, uniform=U)()
    noise = torch.distributions.Normal(0.0, 1.0).log_prob(codes[:, K + U :]).sum(1)
    expected = noise - math.log(K) - U * math.log(2)
    torch.testing.assert_close(prior.log_prob(codes), expected)
    torch.testing.assert_close(prior.log_prob_per_dim(codes).sum(1), expected)


def test_the_entropy_of_class_and_codes_is_exact_for_every_sample(codes):
    per_dim = Mixed(D, categories=K, uniform=U)().log_prob_per_dim(codes)[:, : K + U].sum(1)
    torch.testing.assert_close(per_dim, torch.full_like(per_dim, -math.log(K) - U * math.log(2)))


@pytest.mark.parametrize(
    "code",
    [
        [1.0, 1.0, 0, 0, 0, 0, 0, 0],  # two classes
        [0.5, 0.5, 0, 0, 0, 0, 0, 0],  # half a class
        [0.0, 0, 0, 0, 0, 0, 0, 0],  # no class
        [1.0, 0, 0, 0, 1.5, 0, 0, 0],  # outside of the box
    ],
)
def test_what_the_prior_never_draws_has_density_zero(code):
    assert Mixed(D, categories=K, uniform=U)().log_prob(torch.tensor(code)) == -math.inf


@pytest.mark.parametrize("options", [{"categories": 1}, {"categories": 9}, {"uniform": -1}])
def test_parts_that_do_not_fit_are_refused(options):
    with pytest.raises(ValueError, match="categories must be 0 or at least 2"):
        Mixed(D, **options)


def test_draws_follow_the_generator_and_no_other():
    prior = Mixed(D, categories=K, uniform=U)
    one, two = (prior.sample(5, torch.Generator().manual_seed(s)) for s in (3, 3))
    assert torch.equal(one, two)
    assert not torch.equal(one, prior.sample(5, torch.Generator().manual_seed(4)))
    with pytest.raises(ValueError, match="last dimension 8"):
        prior().log_prob(torch.zeros(3, 7))
