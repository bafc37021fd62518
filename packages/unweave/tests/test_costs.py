"""Reconstruction costs by hand and against torch's distributions; learned spreads."""

import math

import pytest
import torch
from torch.distributions import Laplace, Normal

import unweave
from unweave.costs import (
    SMALLEST_SIGMA,
    AbsoluteError,
    CrossEntropy,
    GaussianLikelihood,
    LaplaceLikelihood,
    SquaredError,
)


def batch(b=5, shape=(2, 3, 4)):
    generator = torch.Generator().manual_seed(0)
    x = torch.rand(b, *shape, generator=generator)
    return x, torch.randn(b, *shape, generator=generator)


def sigma_of(cost):
    sigma = cost.sigma()
    assert isinstance(sigma, torch.Tensor)
    return sigma


def raw_sigma_of(cost):
    assert cost.raw_sigma is not None
    return cost.raw_sigma


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


@pytest.mark.parametrize("scale", [0.1, 2.0])
@pytest.mark.parametrize("link", ["identity", "sigmoid"])
def test_laplace_is_torchs_density(scale, link):
    x, output = batch()
    cost = LaplaceLikelihood(scale=scale, link=link)
    expected = output.sigmoid() if link == "sigmoid" else output
    wanted = -Laplace(expected, scale).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(cost(x, output), wanted)
    torch.testing.assert_close(cost.expected(output), expected)
    torch.testing.assert_close(cost.image(output), expected.clamp(0, 1))


def test_laplace_has_the_gradient_of_l1_over_its_scale():
    x, output = batch()
    output.requires_grad_()
    gradients = [
        torch.autograd.grad(cost(x, output).sum(), output)[0]
        for cost in (LaplaceLikelihood(scale=0.1), AbsoluteError())
    ]
    torch.testing.assert_close(gradients[0], 10 * gradients[1])


@pytest.mark.parametrize("learned", ["none", "one", "each"])
@pytest.mark.parametrize("sigma", [0.0011, 0.3, 1.0, 40.0])
def test_gaussian_starts_as_torchs_density(learned, sigma):
    x, output = batch()
    cost = GaussianLikelihood(sigma=sigma, learned=learned)
    wanted = -Normal(output, sigma).log_prob(x).sum((1, 2, 3))
    torch.testing.assert_close(cost(x, output), wanted, rtol=1e-4, atol=0)
    shape = {"none": None, "one": (), "each": (2, 3, 4)}[learned]
    assert [tuple(p.shape) for p in cost.parameters()] == [shape] * (shape is not None)


@pytest.mark.parametrize("learned", ["one", "each"])
def test_a_learned_sigma_becomes_the_root_mean_squared_error(learned):
    x, output = batch(b=64)
    cost = GaussianLikelihood(learned=learned)
    cost(x, output)
    optimizer = torch.optim.Adam(cost.parameters(), lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        cost(x, output).mean().backward()
        optimizer.step()
    errors = (x - output).square()
    wanted = errors.mean().sqrt() if learned == "one" else errors.mean(0).sqrt()
    torch.testing.assert_close(sigma_of(cost).detach(), wanted, rtol=1e-3, atol=0)


def test_the_gradient_of_a_learned_sigma_is_the_closed_form():
    x, output = batch()
    cost = GaussianLikelihood(sigma=0.5, learned="each").double()
    x, output = x.double(), output.double()
    loss = cost(x, output).sum()
    (gradient,) = torch.autograd.grad(loss, list(cost.parameters()))
    # d/d sigma of e^2 / (2 sigma^2) + log sigma, times the slope of softplus.
    by_sigma = (1 / 0.5 - (x - output).square() / 0.5**3).sum(0)
    slope = 1 - math.exp(-(0.5 - SMALLEST_SIGMA))
    torch.testing.assert_close(gradient, by_sigma * slope)


def test_a_pixel_that_never_changes_has_a_bounded_density():
    x = torch.zeros(4, 1, 2, 2)
    cost = GaussianLikelihood(learned="each")
    cost(x, x)
    with torch.no_grad():
        raw_sigma_of(cost).fill_(-1e4)
    assert sigma_of(cost).min().item() == pytest.approx(SMALLEST_SIGMA)
    assert cost(x, x).isfinite().all()


def test_a_sigma_for_each_pixel_is_saved_and_refuses_other_pixels():
    x, output = batch()
    cost = GaussianLikelihood(learned="each", sigma=0.2)
    cost(x, output)
    with torch.no_grad():
        raw_sigma_of(cost).normal_(generator=torch.Generator().manual_seed(0))
    other = GaussianLikelihood(learned="each")
    other.load_state_dict(cost.state_dict())
    torch.testing.assert_close(other(x, output), cost(x, output))
    with pytest.raises(ValueError, match=r"each of \(2, 3, 4\) pixels, got .* \(5, 2, 3, 3\)"):
        cost(x[..., :3], output[..., :3])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GaussianLikelihood(sigma=0.0), "sigma must be a positive number, got 0"),
        (lambda: GaussianLikelihood(sigma=math.inf), "sigma must be a positive number, got inf"),
        (
            lambda: GaussianLikelihood(sigma=1e-3, learned="one"),
            "must start above 0.001",
        ),
        (lambda: GaussianLikelihood(learned="all"), "must be none, one or each, got 'all'"),
        (lambda: LaplaceLikelihood(scale=-1.0), "scale must be a positive number, got -1"),
    ],
)
def test_a_cost_that_makes_no_sense(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize("learned", ["one", "each"])
def test_a_run_trains_its_sigma_and_goes_on_with_it(learned, tmp_path, settings):
    settings |= {"cost": f"gaussian:sigma=0.5,learned={learned}", "device": "cpu"}
    whole = unweave.train("toy-vae", out=tmp_path / "whole", **settings)
    first = unweave.train("toy-vae", out=tmp_path / "first", **{**settings, "steps": 10})
    text = first.config_path.read_text()
    first.config_path.write_text(text.replace("steps = 10", "steps = 20"))
    resumed = unweave.resume(first.path, device="cpu")
    assert resumed.scalars() == whole.scalars()
    from unweave.checkpoint import load_checkpoint

    key = "objective.cost.raw_sigma"
    trained = load_checkpoint(whole.checkpoints)[1][key]
    assert trained.shape == (() if learned == "one" else (1, 16, 16))
    start = GaussianLikelihood(sigma=0.5, learned="one").raw_sigma
    assert start is not None
    assert (trained != start).all()
    assert torch.equal(load_checkpoint(resumed.checkpoints)[1][key], trained)
