"""A prior that learns is moved to the codes by every estimator that compares the two."""

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal, Uniform

import unweave_estimators
from unweave_estimators import DensityRatio, InclusiveKL, LatentGAN

BUILD = {
    "AnalyticKL": {},
    "SampledKL": {},
    "LOO": {},
    "MWS": {"dimension_wise": False},
    "Hierarchical": {},
    "MMD": {"kernel": "rbf"},
    "InclusiveKL": {},
    "SlicedWasserstein": {},
    "Sinkhorn": {},
    "PriorNLL": {},
}
SHIFT, NOISE = 1.5, 0.5


class Prior(nn.Module):
    def __init__(self):
        super().__init__()
        self.loc, self.log_scale = (nn.Parameter(torch.zeros(2)) for _ in range(2))

    def forward(self):
        return Independent(Normal(self.loc, self.log_scale.exp()), 1)

    def rsample(self, n, generator):
        return self.loc + self.log_scale.exp() * torch.randn(n, 2, generator=generator)


def setting(latent_of, n=128):
    """Codes around SHIFT, and a prior that starts around 0."""
    latent, prior = latent_of(b=n, dim=2), Prior()
    mean = SHIFT + NOISE * latent.posterior.mean.detach()
    latent.posterior = type(latent.posterior)(mean, torch.full((n, 2), NOISE))
    latent.z = mean + NOISE * torch.randn(n, 2, generator=latent.generator)
    latent.prior = prior
    latent.prior_sample = lambda: prior.rsample(n, latent.generator)
    return latent, prior


def descend(prior, loss, steps, lr=0.05):
    optimizer = torch.optim.Adam(prior.parameters(), lr=lr)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()


@pytest.mark.parametrize("name", BUILD)
def test_the_prior_finds_the_codes(name, latent_of):
    if name == "Sinkhorn":
        pytest.importorskip("geomloss")
    module = getattr(unweave_estimators, name)(2, **BUILD[name])
    latent, prior = setting(latent_of)
    term = module.terms[-1]
    descend(prior, lambda: module(latent)[term], steps=120)
    truth = Normal(SHIFT, 2**0.5 * NOISE)
    torch.testing.assert_close(prior.loc.data, truth.mean.expand(2), rtol=0, atol=0.2)
    torch.testing.assert_close(prior.log_scale.exp().data, truth.stddev.expand(2), rtol=0, atol=0.2)


def test_the_latent_gan_moves_the_prior_too(latent_of):
    torch.manual_seed(0)
    latent, prior = setting(latent_of)
    module = LatentGAN(2, width=32, layers=2)
    critic = torch.optim.Adam(module.parameters(), lr=3e-3, betas=(0.5, 0.9))

    def loss():
        critic.zero_grad()
        module.critic_loss(latent, latent).backward()
        critic.step()
        return module(latent)["js"]

    descend(prior, loss, steps=250, lr=0.02)
    torch.testing.assert_close(prior.loc.data, torch.full((2,), SHIFT), rtol=0, atol=0.3)


def test_the_density_ratio_gives_the_prior_the_exact_gradient(latent_of):
    latent, prior = setting(latent_of)
    module = DensityRatio(2, width=8, layers=1)
    value = module(latent)["dimension_wise_kl"]
    expected = -prior().log_prob(latent.z).mean()  # a permutation keeps the marginals
    leaves = list(prior.parameters())
    torch.testing.assert_close(
        torch.autograd.grad(value, leaves), torch.autograd.grad(expected, leaves)
    )
    bounds = torch.zeros(2), torch.ones(2)
    latent.prior = lambda: Independent(Uniform(*bounds), 1)  # refuses codes outside its support
    assert module(latent)["dimension_wise_kl"].isfinite()


def test_samples_that_are_constants_give_the_inclusive_kl_no_gradient_for_the_prior(latent_of):
    latent, prior = setting(latent_of)
    latent.posterior.mean.requires_grad_()
    with_gradient = latent.prior_sample
    latent.prior_sample = lambda: with_gradient().detach()
    value = InclusiveKL(2)(latent)["inclusive_kl"]
    gradients = torch.autograd.grad(value, [latent.posterior.mean, prior.loc], allow_unused=True)
    assert gradients[0].abs().sum() > 0
    assert gradients[1] is None
