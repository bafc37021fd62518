"""The logged `objective` is the number that training descends, even where `loss` is not."""

import math

import pytest
import torch

import unweave
from unweave.costs import SquaredError
from unweave.latent import Latent
from unweave.method_terms import build_estimators
from unweave.methods.wasserstein import tcwae_mws
from unweave.objectives.terms import WeightedTerms
from unweave.players import Parts
from unweave.posterior import Gaussian
from unweave.registry import registry

B, D, N, COST = 12, 3, 1000, 7.0
SMALL = {
    "steps": 6, "log_every": 2, "batch_size": 16, "dim": 4, "architecture": "mlp:widths=16",
    "data": "digits", "device": "cpu", "beta": 6, "gamma": 2,
}  # fmt: skip


def published(z, mean, std, beta, gamma):
    """Sum cost, beta x TC and gamma x dimension-wise KL, with q of the paper's equation 10."""
    log_q = -0.5 * ((z[:, None] - mean) / std) ** 2 - std.log() - 0.5 * math.log(2 * math.pi)
    joint = log_q.sum(2).logsumexp(1) - math.log(N * B)
    marginals = log_q.logsumexp(1) - math.log(N * B)
    log_prior = -0.5 * z**2 - 0.5 * math.log(2 * math.pi)
    tc = (joint - marginals.sum(1)).mean()
    kl = (marginals - log_prior).sum(1).mean()
    return COST + beta * tc + gamma * kl


@pytest.mark.parametrize(("beta", "gamma"), [(6.0, 2.0), (1.0, 0.125)])
def test_value_and_gradient_are_those_of_the_published_formula(beta, gamma):
    start = torch.randn(B, 2 * D, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    parameters = start.requires_grad_()
    family = Gaussian(D)
    built = build_estimators(
        registry(), tcwae_mws(beta=beta, gamma=gamma).terms, "unweave", D, family
    )
    terms = WeightedTerms(Parts(None, SquaredError(), *built, (2, 2, 1), D, (), registry().build))
    posterior = family(parameters)
    generator = torch.Generator().manual_seed(0)
    z = posterior.rsample(generator)
    prior = registry().lookup("prior", "normal").load()(D)
    latent = Latent(z, posterior, prior, torch.nn.Identity(), N, generator)

    loss, values = terms.add_terms(torch.tensor(COST).double(), latent, torch.tensor(0))

    expected = published(z, posterior.mean, posterior.std, beta, gamma)
    torch.testing.assert_close(values["objective"], expected.detach(), rtol=1e-12, atol=0.0)
    assert abs((loss - expected).item()) > 1
    gradients = [torch.autograd.grad(v, parameters, retain_graph=True)[0] for v in (loss, expected)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-12)


def test_the_log_has_it_beside_the_loss_where_the_two_differ(tmp_path):
    logged = unweave.train("tcwae-mws", out=tmp_path / "a", **SMALL).scalars()
    term = {"estimator": "mws", "weights": {"total_correlation": 6, "dimension_wise_kl": 2}}
    settings = {k: v for k, v in SMALL.items() if k not in ("beta", "gamma")}
    term["options"] = {"constants": "paper"}
    paper = unweave.train("custom", cost="l2sq", terms=[term], out=tmp_path / "b", **settings)
    assert len(logged) == len(paper.scalars()) == 3
    for one, other in zip(logged, paper.scalars(), strict=True):
        assert one["objective"] == pytest.approx(other["loss"], rel=1e-4)
        assert one["loss"] != pytest.approx(other["loss"], rel=1e-4)
        assert "objective" not in other


@pytest.mark.parametrize(
    ("method", "logged"), [("wae-mmd", False), ("vae", False), ("beta-tcvae", True)]
)
def test_a_loss_that_is_descended_itself_has_none_beside_it(tmp_path, method, logged):
    settings = {k: v for k, v in SMALL.items() if k not in ("beta", "gamma")}
    for line in unweave.train(method, out=tmp_path / "run", **settings).scalars():
        assert ("objective" in line) == logged
