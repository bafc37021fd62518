"""Flow posteriors: bijections, densities, gradients, and what a draw remembers."""

import math

import pytest
import torch

import unweave_flows
from unweave_flows import FlowPosteriorFamily
from unweave_flows.posterior_layers import InverseAutoregressive, Planar, Radial

KINDS = ["iaf", "planar", "radial"]
SMALL = {"transforms": 3, "hidden": (16,), "context": 4}


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def noise(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=seeded(seed), dtype=dtype)


@pytest.fixture(autouse=True)
def first_weights():
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def bent(kind, dim, size=0.3, **options):
    """Build a family far from the identity."""
    family = FlowPosteriorFamily(dim, kind=kind, **(SMALL | options)).double()
    with torch.no_grad():
        for index, parameter in enumerate(family.parameters()):
            parameter.add_(size * noise(*parameter.shape, seed=index))
    return family


def layers(dim):
    iaf = InverseAutoregressive(dim, context=4, hidden=(16,), reverse=True).double()
    with torch.no_grad():
        for parameter in iaf.parameters():
            parameter.add_(0.3 * noise(*parameter.shape))
    return {"iaf": iaf, "planar": Planar(dim), "radial": Radial(dim)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 5])
@pytest.mark.parametrize("size", [0.01, 1.0, 5.0])
def test_layers_and_their_inverses(kind, dim, size):
    layer = layers(dim)[kind]
    parameters, x = size * noise(40, layer.outputs, seed=1), 2 * noise(40, dim, seed=2)
    y, _ = layer(x, parameters)
    torch.testing.assert_close(layer.inverse(y, parameters), x, rtol=0, atol=1e-7)
    torch.testing.assert_close(layer(layer.inverse(x, parameters), parameters)[0], x)


@pytest.mark.parametrize("kind", KINDS)
def test_inverses_are_good_in_single_precision(kind):
    layer = layers(4)[kind].float()
    parameters, x = noise(200, layer.outputs, seed=1).float(), noise(200, 4, seed=2).float()
    y, _ = layer(x, parameters)
    torch.testing.assert_close(layer(layer.inverse(y, parameters), parameters)[0], y)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_log_determinant_is_that_of_autograd(kind, dim):
    layer = layers(dim)[kind]
    parameters, x = 2 * noise(8, layer.outputs, seed=1), noise(8, dim, seed=2)
    _, found = layer(x, parameters)
    for i in range(8):
        jacobian = torch.autograd.functional.jacobian(
            lambda row, i=i: layer(row[None], parameters[i : i + 1])[0][0], x[i]
        )
        torch.testing.assert_close(torch.linalg.det(jacobian).log(), found[i])


def test_planar_layers_are_invertible_whatever_the_encoder_gives():
    # Without the constraint w.v > -1 most of these would fold the space over.
    parameters = torch.cat([noise(500, 3, seed=1), noise(500, 3, seed=2), noise(500, 1)], dim=1)
    parameters[:, :3] = -5 * parameters[:, 3:6]
    _, log_det = Planar(3)(noise(500, 3, seed=4), parameters)
    assert log_det.isfinite().all()


def test_planar_is_the_paper_s_formula_where_no_constraint_is_needed():
    u, w, b = torch.tensor([0.5, 1.0]), torch.tensor([1.0, -0.2]), 0.3
    # The u that the constraint turns into this one: m(w.u) = w.u' has the inverse below.
    along = float(w @ u)
    before = math.log(math.expm1(along + 1)) - math.log(math.e - 1)
    given = u + (before - along) * w / float(w @ w)
    x = torch.tensor([[0.2, 0.7]])
    y, log_det = Planar(2)(x, torch.cat([given, w, torch.tensor([b])])[None])
    bend = math.tanh(0.2 * 1.0 + 0.7 * -0.2 + b)
    torch.testing.assert_close(y, x + u * bend)
    assert log_det.item() == pytest.approx(math.log(1 + (1 - bend**2) * along), rel=1e-4)


def test_radial_is_the_paper_s_formula():
    centre, alpha, beta = torch.tensor([1.0, -1.0]), 0.8, 2.5
    inverse_softplus = [math.log(math.expm1(alpha)), math.log(math.expm1(alpha + beta))]
    x = torch.tensor([[0.2, 0.7]])
    y, log_det = Radial(2)(x, torch.cat([centre, torch.tensor(inverse_softplus)])[None])
    r = math.hypot(0.8, 1.7)
    h = 1 / (alpha + r)
    torch.testing.assert_close(y, x + beta * h * (x - centre))
    expected = math.log(1 + beta * h) + math.log(1 + beta * h - beta * h**2 * r)
    assert log_det.item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_density_integrates_to_one(kind):
    family = bent(kind, 2, size=0.15)  # masked networks further away spread beyond the grid
    q = family(noise(2, family.outputs, seed=3))
    axis = torch.linspace(-25, 25, 401, dtype=torch.float64)
    with torch.no_grad():
        density = q.log_prob(torch.cartesian_prod(axis, axis)[:, None, :]).exp()
    mass = torch.trapezoid(torch.trapezoid(density.reshape(401, 401, 2), axis, dim=1), axis, dim=0)
    torch.testing.assert_close(mass, torch.ones_like(mass), rtol=0, atol=2e-3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dim", [1, 4])
def test_a_draw_knows_its_density(kind, dim):
    family = bent(kind, dim)
    q = family(noise(6, family.outputs, seed=3))
    z = q.rsample(seeded(1))
    torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()))
    torch.testing.assert_close(q.distribution.log_prob(z), q.log_prob(z.clone()))
    # The next draw takes its place, and the flow is inverted for the first one.
    q.rsample(seeded(2))
    torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()))


@pytest.mark.parametrize("kind", KINDS)
def test_the_density_of_a_draw_needs_no_inverse(kind, monkeypatch):
    family = bent(kind, 3)
    for layer in family.layers:
        monkeypatch.setattr(layer, "inverse", None)
    q = family(noise(6, family.outputs, seed=3))
    assert q.log_prob(q.rsample(seeded())).shape == (6,)


def test_a_draw_that_was_changed_is_not_remembered():
    family = bent("radial", 2)
    q = family(noise(6, family.outputs, seed=3))
    with torch.no_grad():
        z = q.rsample(seeded())
        z.add_(1.0)
        torch.testing.assert_close(q.log_prob(z), q.log_prob(z.clone()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_draw_without_gradient_has_a_density_with_one(kind):
    family = bent(kind, 2)
    outputs = noise(6, family.outputs, seed=3).requires_grad_()
    q = family(outputs)
    with torch.no_grad():
        z = q.rsample(seeded())
    (found,) = torch.autograd.grad(q.log_prob(z).sum(), outputs)
    (exact,) = torch.autograd.grad(family(outputs).log_prob(z.clone()).sum(), outputs)
    assert torch.equal(found, exact)


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_the_density_at_any_codes(kind):
    family = bent(kind, 2, transforms=2)
    outputs, z = noise(3, family.outputs, seed=3), noise(3, 2, seed=4)
    assert torch.autograd.gradcheck(
        lambda outputs, z: family(outputs).log_prob(z),
        (outputs.requires_grad_(), z.requires_grad_()),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_gradients_of_a_draw_and_of_its_density(kind):
    family = bent(kind, 2, transforms=2)

    def draw(outputs):
        q = family(outputs)
        z = q.rsample(seeded(5))
        return z, q.log_prob(z)

    assert torch.autograd.gradcheck(draw, (noise(3, family.outputs, seed=3).requires_grad_(),))


def test_gradients_reach_every_weight():
    family = bent("iaf", 3)
    q = family(noise(5, family.outputs, seed=3))
    q.log_prob(q.rsample(seeded())).sum().backward()
    for name, parameter in family.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


@pytest.mark.parametrize("kind", ["planar", "radial"])
def test_outputs_of_zero_give_the_base(kind):
    family = FlowPosteriorFamily(3, kind=kind, **SMALL)
    outputs = torch.zeros(4, family.outputs, requires_grad=True)
    q = family(outputs)
    z = q.rsample(seeded())
    torch.testing.assert_close(z, torch.randn(4, 3, generator=seeded()))
    (gradient,) = torch.autograd.grad(q.log_prob(z).sum() + z.square().sum(), outputs)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_families_start_near_the_identity(kind):
    family = FlowPosteriorFamily(8, kind=kind, transforms=4)
    # A linear layer under torch's default weights gives outputs of about this size.
    outputs = 0.3 * noise(200, family.outputs, dtype=torch.float32)
    q = family(outputs)
    base = outputs[:, :8] + (outputs[:, 8:16] / 2).exp() * torch.randn(200, 8, generator=seeded(1))
    assert (q.rsample(seeded(1)) - base).square().mean().sqrt() < 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_mean_and_std_are_those_that_the_docs_say(kind):
    family = bent(kind, 3)
    outputs = noise(4, family.outputs, seed=3)
    q = family(outputs)
    torch.testing.assert_close(q.std, (outputs[:, 3:6] / 2).exp())
    # With hardly any noise every draw is the image of the base's mean.
    still = outputs.clone()
    still[:, 3:6] = -40.0
    torch.testing.assert_close(q.mean, family(still).rsample(seeded()), rtol=0, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_codes_may_be_compared_with_every_posterior(kind):
    family = bent(kind, 2)
    q = family(noise(4, family.outputs, seed=3))
    z = noise(5, 2, seed=4)
    table = q.distribution.log_prob(z[:, None, :])
    assert table.shape == (5, 4)
    for i in range(5):
        torch.testing.assert_close(q.log_prob(z[i : i + 1].expand(4, 2).clone()), table[i])


@pytest.mark.parametrize("shape", [(4, 3), (3, 2), (4, 1), (), (5, 3, 2)])
def test_codes_of_another_shape_are_refused(shape):
    family = bent("planar", 2)
    with pytest.raises(ValueError, match=r"z must have shape \(b, D\) = \(4, 2\) .* got \("):
        family(noise(4, family.outputs)).log_prob(torch.zeros(shape))


@pytest.mark.parametrize("kind", KINDS)
def test_randomness_comes_from_the_generator(kind):
    family = bent(kind, 3)
    q = family(noise(4, family.outputs))
    state = torch.random.get_rng_state()
    first, again, other = (q.rsample(seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), state)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("kind", KINDS)
def test_the_distribution_has_a_batch_of_codes(kind):
    family = FlowPosteriorFamily(3, kind=kind, **SMALL)
    p = family(torch.zeros(4, family.outputs)).distribution
    assert (p.batch_shape, p.event_shape) == ((4,), (3,))
    z = p.rsample((7,))
    assert z.shape == (7, 4, 3)
    assert p.log_prob(z).shape == (7, 4)
    assert not p.sample().requires_grad


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_dtype_follows_the_outputs(kind, dtype):
    family = FlowPosteriorFamily(3, kind=kind, **SMALL).to(dtype)
    q = family(torch.zeros(4, family.outputs, dtype=dtype))
    for tensor in (q.rsample(seeded()), q.mean, q.log_prob(torch.zeros(4, 3, dtype=dtype))):
        assert tensor.dtype == dtype


@pytest.mark.parametrize("kind", KINDS)
def test_device_follows_the_outputs(kind):
    device = "cuda" if torch.cuda.is_available() else "meta"
    family = FlowPosteriorFamily(3, kind=kind, **SMALL).to(device)
    q = family(torch.zeros(4, family.outputs, device=device))
    for tensor in (q.rsample(), q.mean, q.log_prob(torch.zeros(4, 3, device=device))):
        assert tensor.device.type == device


@pytest.mark.parametrize(("kind", "outputs"), [("iaf", 2 * 5 + 4), ("planar", 43), ("radial", 31)])
def test_number_of_outputs(kind, outputs):
    assert FlowPosteriorFamily(5, kind=kind, **SMALL).outputs == outputs


def test_save_and_load():
    first, other = bent("iaf", 3), FlowPosteriorFamily(3, **SMALL).double()
    outputs = noise(4, first.outputs)
    other.load_state_dict(first.state_dict())
    assert torch.equal(first(outputs).mean, other(outputs).mean)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"kind": "maf"}, "kind must be iaf, planar or radial, got 'maf'"),
        ({"dim": 0}, "dim must be a positive integer, got 0"),
        ({"transforms": 0}, "transforms must be a positive integer, got 0"),
        ({"context": 0}, "context must be a positive integer, got 0"),
        ({"hidden": (8, 0)}, "every width in hidden must be a positive integer, got 0"),
    ],
)
def test_wrong_options_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        FlowPosteriorFamily(**({"dim": 2} | options))


def test_outputs_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"parameters must have shape \(b, 8\), got \(4, 7\)"):
        FlowPosteriorFamily(2, **SMALL)(torch.zeros(4, 7))


def reach(family, target, steps=500):
    """Fit one posterior to a target by the sampled KL and return the KL in nats."""
    outputs = (0.1 * noise(1, family.outputs, dtype=torch.float32)).requires_grad_()
    optimizer = torch.optim.Adam([outputs, *family.parameters()], lr=0.02)
    for step in range(steps):
        q = family(outputs.expand(128, -1))
        z = q.rsample(seeded(step))
        optimizer.zero_grad()
        (q.log_prob(z) - target(z)).mean().backward()
        optimizer.step()
    with torch.no_grad():
        q = family(outputs.expand(20_000, -1))
        z = q.rsample(seeded(steps))
        return float((q.log_prob(z) - target(z)).mean())


def test_iaf_fits_correlated_codes():
    covariance = torch.tensor([[1.0, 0.9], [0.9, 1.0]])
    target = torch.distributions.MultivariateNormal(torch.tensor([1.0, -1.0]), covariance).log_prob
    # The best factorised normal stays at -log(1 - 0.9^2) / 2 = 0.83 nats.
    assert -0.01 < reach(FlowPosteriorFamily(2, transforms=2, hidden=(16,)), target) < 0.05


@pytest.mark.parametrize(("kind", "least"), [("planar", 0.1), ("radial", 0.3)])
def test_planar_and_radial_layers_fit_two_clusters(kind, least):
    def target(z):
        wide = torch.distributions.Normal(0.0, 1.0).log_prob(z[:, 1])
        clusters = [torch.distributions.Normal(m, 0.5).log_prob(z[:, 0]) for m in (-1.5, 1.5)]
        return wide + torch.logaddexp(*clusters) - math.log(2)

    # A normal density on one cluster alone stays at log 2 = 0.69 nats.
    options = {"kind": kind, "transforms": 8}
    assert -0.02 < reach(FlowPosteriorFamily(2, **options), target) < least


def test_every_hooked_posterior_is_a_family():
    hooks = pytest.importorskip("_unweave_flows_plugin", reason="needs pluggy")
    for target in hooks.unweave_posteriors().values():
        module, attribute = target.split(":")
        assert module == "unweave_flows"
        assert getattr(unweave_flows, attribute).has_density
