"""The posterior of InfoGAN's Q: a class beside Gaussians, against torch's distributions."""

import pytest
import torch
from torch.distributions import Categorical, Normal

from unweave.posterior_mixed import Mixed

K, D, B = 3, 5, 6


@pytest.fixture
def posterior():
    family = Mixed(D, categories=K)
    assert family.outputs == K + 2 * (D - K)
    return family(torch.randn(B, family.outputs, generator=torch.Generator().manual_seed(0)))


def test_log_prob_is_that_of_a_class_and_of_gaussians(posterior):
    z = posterior.rsample(torch.Generator().manual_seed(1))
    chances = posterior.mean[:, :K]
    torch.testing.assert_close(chances.sum(1), torch.ones(B))
    classes = Categorical(probs=chances).log_prob(z[:, :K].argmax(1))
    rest = Normal(posterior.mean[:, K:], posterior.std[:, K:]).log_prob(z[:, K:]).sum(1)
    torch.testing.assert_close(posterior.log_prob(z), classes + rest)
    torch.testing.assert_close(posterior.distribution.log_prob(z), classes + rest)
    torch.testing.assert_close(posterior.log_prob_per_dim(z).sum(1), classes + rest)


def test_draws_have_the_chances_and_spreads(posterior):
    generator = torch.Generator().manual_seed(2)
    draws = torch.stack([posterior.rsample(generator) for _ in range(4000)])
    torch.testing.assert_close(draws.mean(0), posterior.mean, rtol=0, atol=0.08)
    torch.testing.assert_close(draws.std(0), posterior.std, rtol=0.06, atol=0.02)
    assert ((draws[..., :K].detach() - draws[..., :K].detach().round()).abs() < 1e-6).all()


def test_a_draw_carries_a_gradient_to_the_chances():
    family = Mixed(D, categories=K)
    outputs = torch.zeros(B, family.outputs, requires_grad=True)
    z = family(outputs).rsample(torch.Generator().manual_seed(3))
    (gradient,) = torch.autograd.grad((z[:, :K] * torch.arange(K)).sum(), outputs)
    assert gradient[:, :K].abs().min(1).values.max() > 0


def test_what_does_not_fit_is_refused():
    for categories in (1, 5):
        with pytest.raises(ValueError, match="categories must be from 2 to dim - 1"):
            Mixed(D, categories=categories)
    with pytest.raises(ValueError, match="parameters must have shape"):
        Mixed(D, categories=K)(torch.zeros(2, 4))
