"""Gradients of averages over draws, against those of the integral over the density."""

import pytest
import torch

from unweave_priors import AnisotropicNormal, Laplace, Normal, SpikeSlab, StudentT, Uniform


def height(z):
    """A bounded smooth function without symmetry, so that no gradient vanishes by chance."""
    return z.cos() + 0.5 * torch.tanh(z - 0.3)


def averages(prior, tensors, generator, batches=60):
    """Gradients of the mean height of 4,000 draws to each tensor, for every batch."""
    rows = []
    for _ in range(batches):
        value = height(prior.rsample(4_000, generator)).mean()
        rows.append(torch.stack([g.sum() for g in torch.autograd.grad(value, tensors)]))
    return torch.stack(rows)


def integral(prior, tensors):
    """Gradients of int height(z) p(z) dz, on nodes that are dense at zero and reach 1e5."""
    t = torch.linspace(-12, 12, 20_001, dtype=torch.float64)
    density = prior().log_prob(t.sinh()[:, None]).exp()
    value = torch.trapezoid(height(t.sinh()) * density * t.cosh(), t)
    return torch.stack([g.sum() for g in torch.autograd.grad(value, tensors)])


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (lambda: Normal(1, loc=0.4, scale=0.8), ["loc", "scale"]),
        (lambda: AnisotropicNormal(1, scales=(0.8,), learned=True), ["log_scales"]),
        (lambda: Laplace(1, loc=0.4, scale=0.8, learned=True), ["loc", "log_scale"]),
        (lambda: StudentT(1, df=3.0, loc=0.4, learned=True), ["log_df", "loc", "scale"]),
        (lambda: SpikeSlab(1, gamma=0.6, spike=0.1), ["log_variances"]),
    ],
)
def test_gradients_of_draws_are_those_of_the_density(build, names, generator):
    prior = build().double()
    tensors = [prior.get_parameter(n) if n in dict(prior.named_parameters())
               else prior.get_buffer(n).requires_grad_() for n in names]  # fmt: skip
    found = averages(prior, tensors, generator)
    error = found.std(dim=0) / len(found) ** 0.5
    exact = integral(prior, tensors)
    assert ((found.mean(dim=0) - exact).abs() < 5 * error).all()
    # The comparison has to be able to tell the gradient from zero.
    assert (exact.abs() > 10 * error).all()


def test_gradients_to_the_ends_of_the_box(generator):
    prior = Uniform(1, low=-0.5, high=2.0).double()
    tensors = [prior.low.requires_grad_(), prior.high.requires_grad_()]
    found = averages(prior, tensors, generator)
    low, high = (tensor.detach() for tensor in tensors)
    grid = torch.linspace(-0.5, 2.0, 10_001, dtype=torch.float64)
    mean = torch.trapezoid(height(grid), grid) / 2.5
    # d/dh of int_l^h f / (h - l), and the same at the other end.
    exact = torch.cat([mean - height(low), height(high) - mean]) / 2.5
    error = found.std(dim=0) / len(found) ** 0.5
    assert ((found.mean(dim=0) - exact).abs() < 5 * error).all()
    assert (exact.abs() > 10 * error).all()


def test_each_choice_of_spike_and_slab_keeps_its_own_scale(generator):
    prior = SpikeSlab(2, gamma=0.5, spike=0.01)
    z = prior.rsample(1_000, generator)
    assert not z.requires_grad  # nothing of it is learned
    assert z.abs().median() < 0.5 < z.abs().max()
