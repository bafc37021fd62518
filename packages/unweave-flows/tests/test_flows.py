"""What holds for every flow: a bijection with the right determinant."""

import io

import pytest
import torch

from unweave_flows import IAF, MAF, NSF, RealNVP

FLOWS = {"iaf": IAF, "maf": MAF, "nsf": NSF, "realnvp": RealNVP}
SMALL = {"transforms": 3, "hidden": (16,)}


@pytest.fixture(params=FLOWS)
def build(request):
    return FLOWS[request.param]


def trained(build, dim, size=0.3, **options):
    """Build a flow far from the identity, away from zero mean and unit variance."""
    flow = build(dim, **(SMALL | options)).double()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in flow.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(size * noise)
        flow.shift.copy_(torch.linspace(-2, 3, dim))
        flow.scale.copy_(torch.linspace(0.5, 2, dim))
    return flow


def codes(dim, n=6):
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_both_inverses(build, dim):
    flow, z = trained(build, dim), codes(dim)
    torch.testing.assert_close(flow.to_codes(flow.to_noise(z)), z, rtol=0, atol=1e-7)
    torch.testing.assert_close(flow.to_noise(flow.to_codes(z)), z, rtol=0, atol=1e-7)


@pytest.mark.parametrize("dim", [1, 2, 5])
def test_log_determinant_is_that_of_autograd(build, dim):
    flow, z = trained(build, dim), codes(dim)
    bijection = flow.transform()
    found = bijection.log_abs_det_jacobian(z, bijection(z))
    for row, log_determinant in zip(z, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(flow.to_noise, row)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_determinant)


def test_the_learned_affine_is_at_the_noise_end(build):
    flow, plain = (build(3, affine=affine, **SMALL) for affine in (True, False))
    z = codes(3).float()
    assert torch.equal(flow.log_prob(z), plain.log_prob(z))  # it starts as the identity
    affine = flow.layers[-1]
    with torch.no_grad():
        affine.shift.copy_(torch.tensor([1.0, -2.0, 0.0]))
        affine.log_scale.copy_(torch.tensor([0.0, 0.5, -1.0]))
    expected = (plain.to_noise(z) - affine.shift) / affine.log_scale.exp()
    torch.testing.assert_close(flow.to_noise(z), expected)
    torch.testing.assert_close(flow.to_codes(flow.to_noise(z)), z, rtol=0, atol=1e-4)
    assert len(flow.state_dict()) == len(plain.state_dict()) + 2


def test_log_determinant_with_the_affine(build):
    flow, z = trained(build, 2, affine=True), codes(2)
    bijection = flow.transform()
    found = bijection.log_abs_det_jacobian(z, bijection(z))
    for row, log_determinant in zip(z, found, strict=True):
        jacobian = torch.autograd.functional.jacobian(flow.to_noise, row)
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_determinant)


def test_density_integrates_to_one(build):
    flow = trained(build, 2, size=0.1)
    x = torch.linspace(-12, 8, 301, dtype=torch.float64)
    y = torch.linspace(-17, 23, 301, dtype=torch.float64)
    with torch.no_grad():
        density = flow.log_prob(torch.cartesian_prod(x, y)).exp().reshape(301, 301)
    mass = torch.trapezoid(torch.trapezoid(density, y, dim=1), x)
    assert float(mass) == pytest.approx(1, abs=1e-3)


def test_every_dimension_depends_on_every_other(build):
    flow = trained(build, 4, transforms=6)
    jacobian = torch.autograd.functional.jacobian(flow.to_noise, codes(4)[0])
    assert (jacobian.abs() > 1e-8).all()


def test_samples_are_mapped_noise(build):
    flow = trained(build, 3)
    noise = torch.randn(5, 3, generator=torch.Generator().manual_seed(3), dtype=torch.float64)
    drawn = flow.sample(5, torch.Generator().manual_seed(3))
    torch.testing.assert_close(flow.to_noise(drawn), noise, rtol=0, atol=1e-7)
    assert not drawn.requires_grad


def test_distribution_has_codes_as_events(build):
    p = build(3, **SMALL)()
    assert p.event_shape == (3,)
    assert p.batch_shape == ()
    assert p.sample((7,)).shape == (7, 3)
    assert p.log_prob(p.sample((7,))).shape == (7,)


@pytest.mark.parametrize("wrong", [1, 2, 4])
def test_other_dimensions_are_refused(build, wrong):
    with pytest.raises(ValueError, match=rf"last dimension 3, got shape \(5, {wrong}\)"):
        build(3, **SMALL).log_prob(torch.zeros(5, wrong))


def test_gradients_reach_every_parameter(build):
    flow = trained(build, 3)
    flow.log_prob(codes(3)).sum().backward()
    for name, parameter in flow.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_weights_depend_on_the_seed_alone(build):
    state = torch.random.get_rng_state()
    first, again, other = (build(5, seed=seed, **SMALL) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    z = codes(5).float()
    assert torch.equal(first.log_prob(z), again.log_prob(z))
    assert not torch.equal(first.log_prob(z), other.log_prob(z))


def test_save_and_load_across_seeds(build):
    flow, other = trained(build, 5, seed=1), trained(build, 5, seed=2)
    stream = io.BytesIO()
    torch.save(flow.state_dict(), stream)
    stream.seek(0)
    other.load_state_dict(torch.load(stream, weights_only=True))
    assert torch.equal(flow.log_prob(codes(5)), other.log_prob(codes(5)))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"dim": 0}, "dim must be a positive integer, got 0"),
        ({"dim": 2, "transforms": 0}, "transforms must be a positive integer, got 0"),
        ({"dim": 2, "hidden": (8, 0)}, "every width in hidden must be a positive integer, got 0"),
    ],
)
def test_wrong_options_are_refused(build, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        build(**options)


def test_torch_still_validates_its_arguments():
    with pytest.raises(ValueError, match="scale"):
        torch.distributions.Normal(0.0, -1.0)
