"""What holds for every prior of the package."""

import copy
import io
import subprocess
import sys
from typing import Any

import pytest
import torch
from torch.distributions import Independent
from torch.distributions import Normal as TorchNormal

import unweave_priors
from unweave_priors import (
    AnisotropicNormal,
    GaussianMixture,
    Laplace,
    Normal,
    SpikeSlab,
    StudentT,
    Uniform,
    Vamp,
)


def encode(images):
    """Encode images as codes of three dimensions, under weights that never change."""
    pixels = images.flatten(1)
    weights = torch.linspace(-1, 1, 3 * pixels.shape[1]).reshape(-1, 3).to(pixels)
    return Independent(TorchNormal(pixels @ weights, 0.3 + pixels[:, :3], validate_args=False), 1)


def attached(prior):
    generator = torch.Generator().manual_seed(7)
    prior.attach(encode, torch.rand(prior.images_wanted, 1, 4, 4, generator=generator))
    return prior


PRIORS: dict[str, Any] = {
    "normal": Normal,
    "anisotropic-normal": lambda dim: AnisotropicNormal(dim, scales=tuple(range(1, dim + 1))),
    "anisotropic-normal-learned": lambda dim: AnisotropicNormal(dim, learned=True),
    "anisotropic-normal-total": lambda dim: attached(
        AnisotropicNormal(dim, scales="principal", learned=True, constraint="total")
    ),
    "anisotropic-normal-principal": lambda dim: attached(
        AnisotropicNormal(dim, scales="principal")
    ),
    "gaussian-mixture": GaussianMixture,
    "gaussian-mixture-learned": lambda dim: GaussianMixture(dim, components=3, learned=True),
    "laplace": Laplace,
    "laplace-learned": lambda dim: Laplace(dim, scale=0.5, learned=True),
    "spike-slab": SpikeSlab,
    "student-t": StudentT,
    "student-t-learned": lambda dim: StudentT(dim, learned=True),
    "uniform": Uniform,
    "vamp": lambda dim: attached(Vamp(dim, components=5)),
    "vamp-data": lambda dim: attached(Vamp(dim, components=5, learned=False)),
}
# Mixtures over whole codes have no marginals, and draws that do not carry every gradient.
WHOLE = {"gaussian-mixture", "gaussian-mixture-learned", "vamp", "vamp-data"}


@pytest.fixture(params=PRIORS)
def build(request):
    return PRIORS[request.param]


def saved(prior):
    stream = io.BytesIO()
    torch.save(prior.state_dict(), stream)
    stream.seek(0)
    return torch.load(stream, weights_only=True)


def test_event_shape(build):
    p = build(3)()
    assert p.event_shape == (3,)
    assert p.batch_shape == ()
    assert p.sample((7,)).shape == (7, 3)
    assert p.log_prob(p.sample((7,))).shape == (7,)


@pytest.mark.parametrize("name", sorted(set(PRIORS) - WHOLE))
def test_marginals_add_up(name):
    p = PRIORS[name](3)()
    z = p.sample((5,))
    assert isinstance(p, torch.distributions.Independent)
    torch.testing.assert_close(p.base_dist.log_prob(z).sum(dim=-1), p.log_prob(z))


@pytest.mark.parametrize("wrong", [1, 2, 4])
def test_other_dimensions_are_refused(build, wrong):
    with pytest.raises(ValueError, match=rf"last dimension 3, got shape \(5, {wrong}\)"):
        build(3)().log_prob(torch.zeros(5, wrong))


def test_randomness_comes_from_the_generator(build):
    prior = build(3)
    torch.manual_seed(0)
    first = prior.sample(5, torch.Generator().manual_seed(3))
    state = torch.random.get_rng_state()
    torch.manual_seed(1)
    again = prior.sample(5, torch.Generator().manual_seed(3))
    other = prior.sample(5, torch.Generator().manual_seed(4))
    torch.manual_seed(0)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_dtype_follows_the_module(build):
    prior = build(3).double()
    assert prior.sample(4).dtype == torch.float64
    assert prior().sample((4,)).dtype == torch.float64
    assert prior().log_prob(prior.sample(4)).dtype == torch.float64


def test_device_follows_the_module(build):
    device = "cuda" if torch.cuda.is_available() else "meta"
    prior = build(3).to(device)
    assert prior().log_prob(torch.zeros(4, 3, device=device)).device.type == device
    try:
        drawn = prior.sample(4)
    except NotImplementedError as error:
        pytest.skip(str(error).partition(".")[0])  # gammas on meta, before torch 2.13
    assert drawn.device.type == device


def test_torch_may_have_no_typed_distributions():
    """As torch 2.6, whose Independent is not generic."""
    program = (
        "import torch.distributions as d; d.Independent.__class_getitem__ = None; "
        "d.MixtureSameFamily.__class_getitem__ = None; "
        "import unweave_priors; print(unweave_priors.Normal(2)().event_shape[0])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "2\n", done.stderr


def test_save_and_load(build):
    prior, other = build(3), build(3)
    with torch.no_grad():
        for value in prior.state_dict().values():
            value.mul_(1.25).add_(0.1)
    z = torch.linspace(-1, 1, 12).reshape(4, 3)
    assert not torch.allclose(prior().log_prob(z), other().log_prob(z))
    other.load_state_dict(saved(prior))
    assert torch.equal(prior().log_prob(z), other().log_prob(z))


def test_gradients_reach_parameters_and_codes(build):
    prior = build(3)
    z = torch.linspace(-0.9, 0.9, 12).reshape(4, 3).requires_grad_()
    (prior().log_prob(z).sum() + 0 * z.sum()).backward()  # a constant density has no graph
    for name, parameter in [("z", z), *prior.named_parameters()]:
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_samples_carry_no_gradient(build):
    assert not build(3).sample(4).requires_grad


@pytest.mark.parametrize("name", sorted(set(PRIORS) - WHOLE))
def test_differentiable_draws_are_the_samples(name):
    prior = PRIORS[name](3)
    drawn = prior.rsample(6, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, prior.sample(6, torch.Generator().manual_seed(1)))
    if list(prior.parameters()):
        drawn.square().sum().backward()
    for parameter in prior.parameters():
        assert (parameter.grad != 0).all()


@pytest.mark.parametrize("name", sorted(WHOLE))
def test_draws_that_lose_gradients_are_not_offered(name):
    assert not hasattr(PRIORS[name](3), "rsample")


def test_copies_are_independent(build):
    prior = build(3)
    twin = copy.deepcopy(prior)
    z = torch.zeros(1, 3)
    before = prior().log_prob(z)
    with torch.no_grad():
        for value in twin.state_dict().values():
            value.add_(1.0)
    assert torch.equal(prior().log_prob(z), before)


@pytest.mark.parametrize("dim", [0, -1, 2.0, "3", True])
def test_dim_is_checked(build, dim):
    with pytest.raises(ValueError, match="dim must be a positive integer, got"):
        build(dim) if build in PRIORS.values() and isinstance(build, type) else Normal(dim)


@pytest.mark.parametrize("n", [-1, 1.5, "4"])
def test_number_of_samples_is_checked(build, n):
    with pytest.raises(ValueError, match="n must be a non-negative integer, got"):
        build(2).sample(n)


@pytest.mark.parametrize(
    ("build", "sentence"),
    [
        (lambda: Normal(2, scale=0.0), "scale must be positive"),
        (lambda: Normal(2, loc=float("nan")), "loc must be finite"),
        (lambda: StudentT(2, df=-1.0), "df must be positive"),
        (lambda: AnisotropicNormal(2, scales=(1.0, 2.0, 3.0)), r"2 numbers, got shape \(3,\)"),
        (lambda: AnisotropicNormal(2, scales=(1.0, -2.0)), "scales must be positive"),
        (lambda: AnisotropicNormal(2, scales="main"), "numbers or \"principal\", got 'main'"),
        (lambda: Laplace(2, scale=0.0), "scale must be positive"),
        (lambda: Vamp(2, components=0), "components must be a positive integer, got 0"),
        (lambda: Uniform(2, low=1.0, high=1.0), "low must be less than high"),
        (lambda: SpikeSlab(2, gamma=1.5), "gamma must lie between 0 and 1, got 1.5"),
        (lambda: SpikeSlab(2, spike=0.0), "spike must be a positive variance, got 0.0"),
        (lambda: GaussianMixture(2, components=5), "at most 2 dim = 4 .* got 5"),
        (lambda: GaussianMixture(2, components=0), "components must be a positive integer, got 0"),
        (lambda: GaussianMixture(2, spread=-1.0), "spread must be positive, got -1.0"),
        (lambda: GaussianMixture(2, means=((1.0,),)), r"shape \(k, 2\), got \(1, 1\)"),
        (lambda: GaussianMixture(2, weights=(1.0,)), r"4 numbers, .* got shape \(1,\)"),
        (lambda: GaussianMixture(1, components=2, weights=(1.0, 0.0)), "weights must be positive"),
    ],
)
def test_wrong_options_are_refused(build, sentence):
    with pytest.raises(ValueError, match=sentence):
        build()


def test_every_hooked_name_leads_to_a_prior():
    hooks = pytest.importorskip("_unweave_priors_plugin", reason="needs pluggy")
    for target in hooks.unweave_priors().values():
        module, name = target.split(":")
        assert module == "unweave_priors"
        assert issubclass(getattr(unweave_priors, name), unweave_priors.Prior)
