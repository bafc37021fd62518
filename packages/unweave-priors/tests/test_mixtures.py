"""Spike-slab, uniform and mixture priors against closed forms."""

import math

import pytest
import torch

from unweave_priors import GaussianMixture, Normal, SpikeSlab, Uniform


def normal(z, mean, variance):
    return math.exp(-((z - mean) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)


def test_spike_slab_is_the_weighted_sum_of_two_normals():
    prior = SpikeSlab(2, gamma=0.7, slab=2.0, spike=0.1)
    expected = sum(math.log(0.3 * normal(z, 0, 2.0) + 0.7 * normal(z, 0, 0.1)) for z in (0.2, -1.5))
    found = prior().log_prob(torch.tensor([[0.2, -1.5]])).item()
    assert found == pytest.approx(expected, rel=1e-5)


def test_spike_slab_samples(generator, assert_drawn_from):
    def cdf(z):
        return 0.2 * torch.special.ndtr(z) + 0.8 * torch.special.ndtr(z / math.sqrt(0.05))

    z = SpikeSlab(3, gamma=0.8).sample(20_000, generator)
    for column in z.T:
        assert_drawn_from(column, cdf)
    # Dimensions choose spike or slab on their own.
    assert torch.corrcoef(z.abs().T).fill_diagonal_(0).abs().max() < 5 / math.sqrt(20_000)


@pytest.mark.parametrize(("gamma", "scale"), [(0.0, 1.0), (1.0, math.sqrt(0.05))])
def test_spike_slab_is_normal_at_both_ends_of_gamma(gamma, scale, generator):
    z = torch.linspace(-3, 3, 12).reshape(4, 3)
    prior = SpikeSlab(3, gamma=gamma)
    torch.testing.assert_close(prior().log_prob(z), Normal(3, scale=scale)().log_prob(z))
    assert prior.sample(5_000, generator).std().item() == pytest.approx(scale, rel=0.03)


def test_spike_slab_gradients_are_finite_without_a_spike():
    z = torch.linspace(-3, 3, 12).reshape(4, 3).requires_grad_()
    SpikeSlab(3, gamma=0.0)().log_prob(z).sum().backward()
    torch.testing.assert_close(z.grad, -z.detach())


def test_uniform_samples_fill_the_box(generator, assert_drawn_from):
    z = Uniform(2, low=-3.0, high=1.0).sample(20_000, generator)
    for column in z.T:
        assert_drawn_from(column, lambda z: (z + 3) / 4)
    assert Uniform(2, low=-3.0, high=1.0)().log_prob(z).exp().unique().item() == 1 / 16


WEIGHTS = (0.2, 0.3, 0.5)
MEANS = ((0.0, 4.0), (-3.0, 1.0), (2.0, -2.0))


def mixture(**options):
    return GaussianMixture(2, weights=WEIGHTS, means=MEANS, scale=0.7, **options)


def test_mixture_is_the_weighted_sum_of_normals():
    z = (0.5, 0.8)
    expected = sum(
        weight * normal(z[0], mean[0], 0.49) * normal(z[1], mean[1], 0.49)
        for weight, mean in zip(WEIGHTS, MEANS, strict=True)
    )
    found = mixture()().log_prob(torch.tensor([z])).item()
    assert found == pytest.approx(math.log(expected), rel=1e-5)


def test_mixture_samples_have_the_marginals(generator, assert_drawn_from):
    z = mixture().sample(20_000, generator)
    for d, column in enumerate(z.T):

        def cdf(z, d=d):
            return sum(
                weight * torch.special.ndtr((z - mean[d]) / 0.7)
                for weight, mean in zip(WEIGHTS, MEANS, strict=True)
            )

        assert_drawn_from(column, cdf)


def test_mixture_samples_stay_in_one_component(generator):
    z = mixture().sample(20_000, generator)
    nearest = torch.cdist(z, torch.tensor(MEANS)).argmin(dim=1)
    shares = torch.bincount(nearest, minlength=3) / len(z)
    torch.testing.assert_close(shares, torch.tensor(WEIGHTS), rtol=0, atol=0.02)


def test_weights_are_divided_by_their_sum():
    z = torch.zeros(1, 2)
    double = GaussianMixture(2, weights=(0.4, 0.6, 1.0), means=MEANS, scale=0.7)
    torch.testing.assert_close(double().log_prob(z), mixture()().log_prob(z))


@pytest.mark.parametrize("components", [1, 3, 4, 6])
def test_means_on_axes_are_apart(components):
    means = GaussianMixture(3, components=components, spread=3.0).means
    assert means.shape == (components, 3)
    assert (means.norm(dim=1) == 3).all()
    assert (torch.pdist(means) > 4).all()


def test_learned_mixture_finds_clusters(generator):
    codes = mixture().sample(3_000, generator)
    prior = GaussianMixture(2, components=3, spread=3.0, scale=1.5, learned=True)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(250):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    held_out = mixture().sample(3_000, generator)
    gap = mixture()().log_prob(held_out).mean() - prior().log_prob(held_out).mean()
    assert gap < 0.02


def test_empty_samples_are_allowed():
    assert mixture().sample(0).shape == (0, 2)
