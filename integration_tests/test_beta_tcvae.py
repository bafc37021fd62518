"""beta-TCVAE in its two forms: the same expectation of the loss, and less noise in one."""

import functools

import pytest
import torch

from unweave.costs import SquaredError
from unweave.latent import Latent
from unweave.method_terms import build_estimators
from unweave.methods.variational import beta_tcvae
from unweave.objectives.terms import WeightedTerms
from unweave.players import Parts
from unweave.posterior import Gaussian
from unweave.registry import registry

USUAL = (1.0, 2.0, 1.0)
WEIGHTS = [USUAL, (2.0, 5.0, 0.5), (0.5, 1.0, 3.0)]
DRAWS, B, D = 500, 12, 3


@functools.cache
def losses_and_gradients(kl, alpha, beta, gamma):
    """Return the loss and its gradient to the posteriors' parameters for many draws of codes."""
    start = torch.randn(B, 2 * D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    parameters = start.requires_grad_()
    method = beta_tcvae(kl=kl, cost="l2sq", alpha=alpha, beta=beta, gamma=gamma)
    family = Gaussian(D)
    built = build_estimators(registry(), method.terms, "unweave", D, family)
    objective = WeightedTerms(
        Parts(None, SquaredError(), *built, (2, 2, 1), D, (), registry().build)
    )
    prior = registry().lookup("prior", "normal").load()(D)
    generator = torch.Generator().manual_seed(0)
    values, gradients = [], []
    for _ in range(DRAWS):
        posterior = family(parameters)
        z = posterior.rsample(generator)
        latent = Latent(z, posterior, prior, torch.nn.Identity(), 1000, generator)
        loss, _ = objective.add_terms(0.0, latent, torch.tensor(0))
        (gradient,) = torch.autograd.grad(loss, parameters)
        values.append(loss.detach())
        gradients.append(gradient.flatten())
    return torch.stack(values), torch.stack(gradients)


@pytest.mark.parametrize(("alpha", "beta", "gamma"), WEIGHTS)
def test_both_forms_have_one_expectation(alpha, beta, gamma):
    sampled, analytic = (
        losses_and_gradients(kl, alpha, beta, gamma) for kl in ("sampled", "analytic")
    )
    # The codes are the same, so the difference is alpha times that of the two KLs: of mean zero.
    for one, other in zip(sampled, analytic, strict=True):
        difference = (one - other).reshape(DRAWS, -1)
        error = difference.std(0) / DRAWS**0.5
        assert (difference.mean(0).abs() < 5 * error).all()
        assert (difference.std(0) > 0).all()


def test_the_analytic_form_is_less_noisy_where_it_is_the_usual_one():
    noise = {kl: losses_and_gradients(kl, *USUAL)[1].var(0).sum() for kl in ("sampled", "analytic")}
    assert noise["analytic"] < noise["sampled"]
