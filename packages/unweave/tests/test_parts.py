"""Posteriors, costs, architectures and batches against closed forms and by hand."""

import math

import numpy as np
import pytest
import torch
from toy import ToyImages, ToyNormal

from unweave.architectures.conv import conv64
from unweave.architectures.mlp import mlp
from unweave.batches import BatchIndices, derive_seed, open_feed
from unweave.costs import AbsoluteError, CrossEntropy, GaussianLikelihood, SquaredError
from unweave.errors import ConfigError
from unweave.objective import sample_prior
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


def test_costs_by_hand():
    x = torch.tensor([[[[0.0, 1.0], [0.5, 0.25]]]])
    output = torch.tensor([[[[0.0, 2.0], [-1.0, 3.0]]]])
    p = [1 / (1 + math.exp(-o)) for o in (0.0, 2.0, -1.0, 3.0)]
    pairs = list(zip((0.0, 1.0, 0.5, 0.25), p, strict=True))
    squared = sum((a - b) ** 2 for a, b in pairs)
    assert SquaredError(link="sigmoid")(x, output).item() == pytest.approx(squared, rel=1e-5)
    assert AbsoluteError(link="sigmoid")(x, output).item() == pytest.approx(
        sum(abs(a - b) for a, b in pairs), rel=1e-5
    )
    entropy = -sum(a * math.log(b) + (1 - a) * math.log(1 - b) for a, b in pairs)
    assert CrossEntropy()(x, output).item() == pytest.approx(entropy, rel=1e-5)
    likelihood = sum(
        -torch.distributions.Normal(b, 0.3).log_prob(torch.tensor(a)).item() for a, b in pairs
    )
    assert GaussianLikelihood(sigma=0.3, link="sigmoid")(x, output).item() == pytest.approx(
        likelihood, rel=1e-5
    )
    raw = sum(
        (a - b) ** 2 for a, b in zip((0.0, 1.0, 0.5, 0.25), (0.0, 2.0, -1.0, 3.0), strict=True)
    )
    assert SquaredError()(x, output).item() == pytest.approx(raw)
    assert SquaredError().image(output).flatten().tolist() == [0, 1, 0, 1]
    assert CrossEntropy().image(output).flatten().tolist() == pytest.approx(p)


def test_a_cost_that_makes_no_sense():
    with pytest.raises(ValueError, match="sigma must be a positive number, got 0"):
        GaussianLikelihood(sigma=0.0)


@pytest.mark.parametrize("colours", [1, 3])
@pytest.mark.parametrize("side", [8, 9, 15, 16, 28, 31, 32, 50, 64, 97, 128])
@pytest.mark.parametrize("build", [conv64, mlp])
def test_architectures_take_any_size_and_use_every_pixel(build, side, colours):
    torch.manual_seed(0)
    encoder, decoder = build((side, side + 3, colours), 5, 10)
    x = torch.rand(2, colours, side, side + 3, requires_grad=True)
    parameters = encoder(x)
    assert parameters.shape == (2, 10)
    assert decoder(parameters[:, :5]).shape == x.shape
    # A pixel at the border that was cropped would have no gradient; a dead ReLU has some zeros.
    touched = torch.zeros(colours, side, side + 3, dtype=torch.bool)
    for _ in range(4):
        encoder, _ = build((side, side + 3, colours), 5, 10)
        (gradient,) = torch.autograd.grad(encoder(x).square().sum(), x)
        touched |= (gradient != 0).any(0)
    assert touched.all()


def test_conv64_at_64_is_the_published_one():
    encoder, decoder = conv64((64, 64, 1), 10, 20)
    weights = [tuple(p.shape) for p in encoder.parameters() if p.ndim > 1]
    assert weights == [
        (32, 1, 4, 4), (32, 32, 4, 4), (64, 32, 4, 4), (64, 64, 4, 4), (256, 1024), (20, 256),
    ]  # fmt: skip
    weights = [tuple(p.shape) for p in decoder.parameters() if p.ndim > 1]
    assert weights == [
        (256, 10), (1024, 256), (64, 64, 4, 4), (64, 32, 4, 4), (32, 32, 4, 4), (32, 1, 4, 4),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: conv64((7, 64, 1), 2, 4), "at least 8 x 8 pixels, got 7 x 64"),
        (lambda: conv64((64, 64, 1), 2, 4, width=0), "width must be a positive number"),
        (lambda: mlp((8, 8, 1), 2, 4, widths=()), "widths must be"),
        (lambda: mlp((8, 8, 1), 2, 4, widths=(3, 0)), "widths must be"),
    ],
)
def test_architectures_that_cannot_be(call, message):
    with pytest.raises(ValueError, match=message):
        call()


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
@pytest.mark.parametrize("kept", [{"bits": 8}, {"bits": 1}, {"disk": True}])
def test_a_feed_gives_the_images_as_floats(kept, side, colours):
    dataset = ToyImages(side=side, colours=colours, **kept)
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
