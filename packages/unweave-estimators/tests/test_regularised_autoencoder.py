"""Code norm, decoder penalties and the prior's likelihood by hand, and by the whole Jacobian."""

import math
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Normal

from unweave_estimators import (
    CodeNorm,
    DecoderGradientPenalty,
    DecoderL2,
    PriorNLL,
    code_norm,
    decoder_gradient_penalty,
    decoder_l2,
    prior_nll,
)


def decoder(dim=3, seed=0):
    g = torch.Generator().manual_seed(seed)
    layers = nn.Sequential(
        nn.Linear(dim, 16), nn.Tanh(), nn.Linear(16, 2 * 4 * 4), nn.Unflatten(1, (2, 4, 4)),
        nn.ConvTranspose2d(2, 1, 4, stride=2, padding=1),
    )  # fmt: skip
    for parameter in layers.parameters():
        parameter.data = 0.3 * torch.randn(parameter.shape, generator=g)
    return layers


def exact_penalty(layers, z):
    """mean_i |d D(z_i) / d z_i|_F^2 from the Jacobian of each code."""
    jacobians = torch.func.vmap(torch.func.jacrev(lambda code: layers(code[None])[0]))(z)
    return jacobians.square().sum() / z.shape[0]


def test_code_norm_by_hand(latent_of):
    z = torch.tensor([[1.0, 2.0], [0.0, -3.0]])  # squared norms 5 and 9
    assert float(code_norm(z)) == pytest.approx(3.5)
    latent = latent_of()
    torch.testing.assert_close(CodeNorm(3)(latent)["code_norm"], code_norm(latent.z))
    with pytest.raises(ValueError, match="z must be finite"):
        code_norm(z / 0.0 - math.inf)
    with pytest.raises(ValueError, match=r"z must have shape \(b, d\), got \(2,\)"):
        CodeNorm(2)(SimpleNamespace(z=z[0]))


def test_decoder_l2_is_weight_decay_of_the_decoder(latent_of):
    layers = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    layers[0].weight.data = torch.tensor([[1.0, -2.0], [0.0, 3.0]])
    layers[0].bias.data = torch.tensor([0.5, 0.0])
    value = decoder_l2(layers).detach()  # 1 + 4 + 9 + .25, and two scales of 1
    assert float(value) == pytest.approx(16.25)
    latent = latent_of()
    DecoderL2(3)(latent)["decoder_l2"].backward()
    for parameter in latent.decoder.parameters():
        torch.testing.assert_close(parameter.grad, 2 * parameter)
    assert float(decoder_l2(nn.Tanh())) == 0.0
    with pytest.raises(TypeError, match="decoder must be a torch module, got function"):
        decoder_l2(lambda z: z)


def test_the_penalty_estimates_the_jacobian_without_bias(latent_of):
    layers, g = decoder(), torch.Generator().manual_seed(1)
    z = torch.randn(7, 3, generator=g)
    truth = float(exact_penalty(layers, z).detach())
    draws = torch.stack(
        [decoder_gradient_penalty(layers, z, generator=g).detach() for _ in range(600)]
    )
    assert abs(float(draws.mean()) - truth) < 3 * float(draws.std()) / math.sqrt(len(draws))
    many = float(decoder_gradient_penalty(layers, z, probes=400, generator=g).detach())
    assert many == pytest.approx(truth, rel=0.05)


def test_one_output_needs_one_probe():
    """Random signs of a single output have square one: no noise is left, value and gradient."""
    layers = nn.Sequential(nn.Linear(3, 8), nn.Softplus(), nn.Linear(8, 1)).double()
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(0)).double().requires_grad_()
    leaves = [z, *list(layers.parameters())[:-1]]
    ours, truth = decoder_gradient_penalty(layers, z), exact_penalty(layers, z)
    torch.testing.assert_close(ours, truth)
    torch.testing.assert_close(
        torch.autograd.grad(ours, leaves, allow_unused=True, materialize_grads=True),
        torch.autograd.grad(truth, leaves, allow_unused=True, materialize_grads=True),
    )


def test_outputs_that_cancel_in_their_sum_still_count():
    layers = nn.Linear(1, 2, bias=False)
    layers.weight.data = torch.tensor([[2.0], [-2.0]])
    g = torch.Generator().manual_seed(0)
    value = decoder_gradient_penalty(layers, torch.zeros(1, 1), probes=2000, generator=g)
    assert float(value.detach()) == pytest.approx(8.0, rel=0.1)


def test_the_penalty_is_logged_where_nothing_is_trained(latent_of):
    latent = latent_of()
    with torch.no_grad():
        value = DecoderGradientPenalty(3)(latent)["gradient_penalty"]
    assert value > 0
    assert not value.requires_grad
    detached = decoder_gradient_penalty(latent.decoder, latent.z.detach())
    assert all(p.grad is None for p in latent.decoder.parameters())
    detached.backward()
    assert latent.decoder[0].weight.grad.abs().sum() > 0
    with pytest.raises(ValueError, match="probes must be at least 1, got 0"):
        DecoderGradientPenalty(3, probes=0)


def test_prior_nll_by_hand_and_where_its_gradient_goes(latent_of):
    scale = torch.tensor([1.0, 2.0, 0.5], requires_grad=True)
    prior = Independent(Normal(torch.zeros(3), scale), 1)
    latent = latent_of(prior=prior)
    z = latent.z.detach()
    by_hand = (0.5 * (z / scale).square() + scale.log() + 0.5 * math.log(2 * math.pi)).sum(1).mean()
    value = PriorNLL(3)(latent)["prior_nll"]
    torch.testing.assert_close(value, by_hand)
    value.backward()
    torch.testing.assert_close(scale.grad, (-(z**2).mean(0) / scale**3 + 1 / scale).detach())
    assert latent.posterior.mean.grad is None
    PriorNLL(3, detach=False)(latent)["prior_nll"].backward()
    torch.testing.assert_close(latent.posterior.mean.grad, (z / scale**2 / len(z)).detach())
    torch.testing.assert_close(prior_nll(z, prior), by_hand)


def test_prior_nll_of_another_width_is_refused():
    prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    with pytest.raises(ValueError, match=r"prior must have event shape \(3,\), got \(2,\)"):
        prior_nll(torch.zeros(4, 3), prior)
