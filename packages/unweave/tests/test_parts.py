"""Posteriors and batches against closed forms and by hand."""

import math

import numpy as np
import pytest
import torch
from toy import ToyImages, ToyNormal

from unweave.batches import BatchIndices, derive_seed, open_feed
from unweave.errors import ConfigError
from unweave.latent import sample_prior
from unweave.posterior import Deterministic, FixedNoise, Gaussian

CPU = torch.device("cpu")


def test_gaussian_posterior_has_the_density_of_torchs_normal():
    parameters = torch.randn(5, 6, generator=torch.Generator().manual_seed(0))
    posterior = Gaussian(parameters.shape[1] // 2)(parameters)
    z = torch.randn(5, 3, generator=torch.Generator().manual_seed(1))
    normal = torch.distributions.Normal(parameters[:, :3], (parameters[:, 3:] / 2).exp())
    torch.testing.assert_close(posterior.log_prob_per_dim(z), normal.log_prob(z))
    torch.testing.assert_close(posterior.log_prob(z), normal.log_prob(z).sum(1))
    torch.testing.assert_close(posterior.distribution.log_prob(z), posterior.log_prob(z))
    # Every code under every posterior, as estimators ask for it.
    torch.testing.assert_close(posterior.log_prob(z[:, None]).diag(), posterior.log_prob(z))


def test_posterior_draws_have_the_moments_and_the_gradient():
    parameters = torch.tensor([[1.0, -2.0, 0.0, 2.0]]).repeat(100_000, 1).requires_grad_()
    z = Gaussian(parameters.shape[1] // 2)(parameters).rsample(torch.Generator().manual_seed(0))
    assert torch.allclose(z.mean(0), torch.tensor([1.0, -2.0]), atol=0.03)
    assert torch.allclose(z.std(0), torch.tensor([1.0, math.e]), rtol=0.02)
    (gradient,) = torch.autograd.grad(z.sum(), parameters)
    torch.testing.assert_close(gradient[:, :2], torch.ones(100_000, 2))


def test_fixed_noise_and_deterministic_posteriors():
    means = torch.randn(7, 4)
    noisy = FixedNoise(means.shape[1], noise=0.3)(means)
    assert torch.equal(noisy.std, torch.full((7, 4), 0.3))
    assert torch.equal(noisy.mean, means)
    point = Deterministic(means.shape[1])(means)
    assert torch.equal(point.rsample(torch.Generator()), means)
    assert not point.std.any()
    for ask in (lambda: point.distribution, lambda: point.log_prob(means)):
        with pytest.raises(ValueError, match="no density"):
            ask()
    with pytest.raises(ValueError, match="noise must be a positive standard deviation, got 0"):
        FixedNoise(4, noise=0.0)


def test_the_softplus_head_gives_a_positive_std_however_negative_its_output():
    posterior = Gaussian(2, head="softplus")(torch.tensor([[0.0, 0.0, -200.0, 3.0]]))
    torch.testing.assert_close(posterior.std, torch.tensor([[1e-6, math.log1p(math.exp(3.0))]]))
    assert posterior.log_prob(posterior.mean).isfinite().all()


def test_the_authors_head_gives_a_softplus_variance_that_is_clipped():
    family = Gaussian(5, head="softplus-variance")
    spread = torch.tensor([[0.0, 3.0, -20.0, -1000.0, 1000.0]], requires_grad=True)
    posterior = family(torch.cat([torch.zeros(1, 5), spread], dim=1))
    least = math.log1p(math.exp(-20.0))
    variance = torch.tensor([[math.log(2), math.log1p(math.exp(3.0)), least, least, 500.0]])
    torch.testing.assert_close(posterior.std, variance.sqrt())
    (gradient,) = torch.autograd.grad(posterior.std.square().sum(), spread)
    assert gradient[0].tolist() == pytest.approx(
        [0.5, 1 / (1 + math.exp(-3.0)), 2.06e-9, 0, 0], rel=1e-3
    )


def test_heads_start_where_their_page_says():
    for head, std in (("log-variance", 1.0), ("softplus", 0.693), ("softplus-variance", 0.833)):
        posterior = Gaussian(2, head=head)(torch.zeros(1, 4))
        assert posterior.std[0, 0].item() == pytest.approx(std, abs=5e-4)
    with pytest.raises(ValueError, match="unknown head 'softmax'; did you mean 'softplus'"):
        Gaussian(2, head="softmax")


def test_every_image_comes_once_an_epoch():
    order = BatchIndices(23, 5, seed=3, stream="codes", device=CPU)
    drawn = torch.cat([order(step) for step in range(23)])
    epochs = drawn.view(5, 23)
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, torch.arange(23))
    assert not torch.equal(epochs[0], epochs[1])


def test_the_order_is_a_function_of_seed_and_step():
    first = BatchIndices(100, 8, seed=1, stream="codes", device=CPU)
    expected = [first(step) for step in range(40)]
    for step in (39, 0, 17, 18, 5):  # any order of asking, anew each time
        fresh = BatchIndices(100, 8, seed=1, stream="codes", device=CPU)
        assert torch.equal(fresh(step), expected[step])
    other_seed = BatchIndices(100, 8, seed=2, stream="codes", device=CPU)
    other_stream = BatchIndices(100, 8, seed=1, stream="critic", device=CPU)
    assert not torch.equal(other_seed(0), expected[0])
    assert not torch.equal(other_stream(0), expected[0])


def test_a_batch_larger_than_the_data_set_is_refused():
    with pytest.raises(ConfigError, match="at most the 3 images of the data set, got 4"):
        BatchIndices(3, 4, 0, "codes", CPU)


def test_seeds_do_not_collide():
    seeds = {derive_seed(s, use, i) for s in range(5) for use in ("a", "b") for i in range(500)}
    assert len(seeds) == 5000


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("side", [9, 16])
@pytest.mark.parametrize("storage", [{"bits": 8}, {"bits": 1}, {"disk": True}])
def test_a_feed_gives_the_images_as_floats(storage, side, colours):
    dataset = ToyImages(side=side, colours=colours, **storage)
    index = torch.tensor([0, 77, 5])
    x = open_feed(dataset, CPU)(index)
    expected = dataset.images(index.numpy()).transpose(0, 3, 1, 2) / 255
    np.testing.assert_array_equal(x.numpy(), expected.astype(np.float32))


def test_a_prior_without_a_generator_of_its_own_is_drawn_from_reproducibly():
    prior = ToyNormal(3)
    before = torch.random.get_rng_state()
    draws = [sample_prior(prior, 50_000, torch.Generator().manual_seed(s)) for s in (0, 0, 1)]
    assert torch.equal(before, torch.random.get_rng_state())
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
    assert torch.allclose(draws[0].std(0), torch.ones(3), rtol=0.02)
