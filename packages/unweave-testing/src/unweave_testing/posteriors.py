"""Checks that every family of posteriors must pass."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_testing import densities
from unweave_testing import torch_modules as modules
from unweave_testing.check import Check, NotApplicable
from unweave_testing.quadrature import Array, Rule, rule

B, DIM = 7, 3


@dataclass(frozen=True)
class _Facts:
    """What the author says about the family."""

    exact_moments: bool
    any_code: bool


def posterior_checks(*, exact_moments: bool = True, any_code: bool = True) -> list[Check]:
    """List the checks of posterior families; their factory is called with the code dimensions.

    - `family`: a Module with `has_density`, and `outputs`, how many numbers an encoder gives.
    - `shapes`: mean, std and a draw are (b, dim), finite, std not negative; log_prob is (b,), and
      `distribution` has batch shape (b,) and event shape (dim,).
    - `density`: where there is none, log_prob raises a ValueError; else log_prob of a draw is that
      of an equal tensor, and that of `distribution`.
    - `rows`: the posterior of one image does not depend on the others in the batch.
    - `moments`: mean and standard deviation of 10,000 draws are `mean` and `std`.
    - `normalised`: the density integrates to one in one and two dimensions, by quadrature.
    - `samples-marginals`: Kolmogorov-Smirnov distance of every coordinate from the density.
    - `samples-jointly`: joint moments of the ranks of two coordinates against the density's.
    - `gradients`: of draws, and of their log_prob, to the encoder's outputs and to every weight,
      against central differences; every output matters.
    - `generator`: a draw depends on the generator alone.
    - `dtype`, `device`: follow the encoder's outputs.
    - `save-and-load`: draws follow `state_dict`, which holds every tensor.
    - `wrong-width`: another number of outputs is refused, and the message names both.

    Parameters
    ----------
    exact_moments : bool
        Whether `mean` and `std` are those of the density; flows have no closed form.
    any_code : bool
        Whether log_prob takes any codes, and not the family's own draws alone.

    Examples
    --------
    >>> from unweave_testing import posterior_checks
    >>> [check.name for check in posterior_checks()][:3]
    ['family', 'shapes', 'density']
    """
    facts = _Facts(exact_moments, any_code)
    functions: dict[str, Callable[[Any, _Facts], None]] = {
        "family": _family,
        "shapes": _shapes,
        "density": _density,
        "rows": _rows,
        "moments": _moments,
        "normalised": _normalised,
        "samples-marginals": _samples_marginals,
        "samples-jointly": _samples_jointly,
        "gradients": _gradients,
        "generator": _generator,
        "dtype": _dtype,
        "device": _device,
        "save-and-load": _save_and_load,
        "wrong-width": _wrong_width,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: _Facts, function: Callable[[Any, _Facts], None]) -> Callable[[Any], None]:
    return lambda factory: function(factory, facts)


def _parameters(family: Any, n: int = B) -> Any:
    """Draw an encoder's outputs (n, outputs) for different images."""
    import torch

    size = (n, family.outputs)
    return torch.randn(size, generator=modules.generator(0), dtype=torch.float64)


def _family(factory: Any, facts: _Facts) -> None:
    import torch

    family = factory(DIM)
    assert isinstance(family, torch.nn.Module), f"must be a torch Module, got {type(family)}"
    has, outputs = getattr(family, "has_density", None), getattr(family, "outputs", None)
    assert isinstance(has, bool), f"has_density must be True or False, got {has!r}"
    assert type(outputs) is int, f"outputs must be a positive integer, got {outputs!r}"
    assert outputs > 0, f"outputs must be a positive integer, got {outputs}"
    found = family.double()(_parameters(family)).has_density
    assert found is has, f"has_density is {has} of the family, but {found} of its posteriors"


def _shapes(factory: Any, facts: _Facts) -> None:
    family = factory(DIM).double()
    q = family(_parameters(family))
    for name, value in (("mean", q.mean), ("std", q.std), ("a draw", q.rsample())):
        assert tuple(value.shape) == (B, DIM), f"{name} must be {B, DIM}, got {tuple(value.shape)}"
        assert bool(value.isfinite().all()), f"{name} must be finite"
    assert bool((q.std >= 0).all()), f"std must not be negative, got {float(q.std.min()):.3g}"
    if not family.has_density:
        return
    p = q.distribution
    for name, found, expected in [
        ("batch_shape", p.batch_shape, (B,)),
        ("event_shape", p.event_shape, (DIM,)),
        ("the shape of log_prob", q.log_prob(q.rsample()).shape, (B,)),
    ]:
        assert tuple(found) == expected, f"{name} must be {expected}, got {tuple(found)}"


def _density(factory: Any, facts: _Facts) -> None:
    import torch

    family = factory(DIM).double()
    q = family(_parameters(family))
    z = q.rsample(modules.generator(1))
    if not family.has_density:
        try:
            q.log_prob(z)
        except ValueError:
            return
        raise AssertionError("has_density is False, but log_prob does not raise a ValueError")
    found = q.log_prob(z)
    others = {"distribution.log_prob": q.distribution.log_prob(z)}
    if facts.any_code:
        others["log_prob of an equal tensor"] = q.log_prob(z.clone())
    for name, value in others.items():
        assert torch.allclose(found, value, rtol=1e-5, atol=1e-6), (
            f"log_prob of a draw is {float(found[0]):.6g}, {name} {float(value[0]):.6g}"
        )


def _rows(factory: Any, facts: _Facts) -> None:
    import torch

    family = factory(DIM).double()
    parameters = _parameters(family)
    together = family(parameters)
    for name in ("mean", "std"):
        alone = torch.cat([getattr(family(row), name) for row in parameters.split(1)])
        assert torch.allclose(alone, getattr(together, name)), (
            f"{name} of an image alone is another than in a batch"
        )


def _draws(factory: Any, dim: int, seed: int) -> tuple[Any, Any]:
    """Build the posterior of one image and draw from it, (n, dim)."""
    import torch

    family = factory(dim).double()
    parameters = _parameters(family, 1)
    with torch.no_grad():
        z = family(parameters.expand(densities.DRAWS, -1)).rsample(modules.generator(seed))
        return family(parameters), z


def _moments(factory: Any, facts: _Facts) -> None:
    if not facts.exact_moments:
        raise NotApplicable("the moments are not exact (exact_moments=False)")
    q, z = _draws(factory, DIM, 2)
    mean, std = q.mean.detach(), q.std.detach()
    for name, values, expected in [
        ("mean", z - mean, 0.0),
        ("variance", (z - mean).square(), std.square()),
    ]:
        error = (values.mean(dim=0) - expected).abs()
        # Six standard errors: a chance of 1e-8 or so. Constants are exact to rounding.
        limit = 6 * values.std(dim=0) / densities.DRAWS**0.5 + 1e-9
        assert bool((error < limit).all()), (
            f"{name} of {densities.DRAWS} draws is off by {error.tolist()}, "
            f"allowed are {limit.tolist()}"
        )


def _scored(factory: Any, facts: _Facts, dim: int, line: Rule) -> tuple[Array, Any]:
    """Evaluate the density on the grid of a rule in standardised codes, and draw such codes."""
    import torch

    family = factory(dim)
    if not family.has_density:
        raise NotApplicable("the posterior has no density")
    if not facts.any_code:
        raise NotApplicable("log_prob takes only draws of the family (any_code=False)")
    q, z = _draws(factory, dim, 3 + dim)
    low, centre, high = z.quantile(torch.tensor([0.16, 0.5, 0.84], dtype=z.dtype), dim=0)
    scale = (high - low) / 2
    assert bool((scale > 0).all()), (
        "draws do not vary, but the posterior says that it has a density"
    )
    grid = torch.from_numpy(np.stack(np.meshgrid(*[line.nodes] * dim, indexing="ij"), axis=-1))
    codes = (centre + scale * grid).reshape(-1, 1, dim)
    with torch.no_grad():
        parts = [q.distribution.log_prob(part)[:, 0].exp() for part in codes.split(20_000)]
    table = (torch.cat(parts) * scale.prod()).reshape(grid.shape[:-1])
    return table.numpy(), (z - centre) / scale


def _line() -> Rule:
    return rule((-np.inf, np.inf), length=1.0, reach=1e6, panels=200, order=8)


def _plane() -> Rule:
    return rule((-np.inf, np.inf), length=1.0, reach=1e3, panels=40, order=6)


def _normalised(factory: Any, facts: _Facts) -> None:
    line, plane = _line(), _plane()
    density, _ = _scored(factory, facts, 1, line)
    mass = float(line.weights @ density)
    # Flows have kinks, and are inverted by bisection; both cost accuracy.
    assert abs(mass - 1) < 2e-3, f"the density over one dimension integrates to {mass:.5f}"
    table, _ = _scored(factory, facts, 2, plane)
    mass = float(plane.weights @ table @ plane.weights)
    assert abs(mass - 1) < 5e-3, f"the density over two dimensions integrates to {mass:.5f}"


def _samples_marginals(factory: Any, facts: _Facts) -> None:
    line, plane = _line(), _plane()
    density, z = _scored(factory, facts, 1, line)
    densities.refuse_distance("rsample", line, density, z[:, 0])
    table, z = _scored(factory, facts, 2, plane)
    densities.refuse_distance("rsample", plane, table @ plane.weights, z[:, 0])
    densities.refuse_distance("rsample", plane, plane.weights @ table, z[:, 1])


def _samples_jointly(factory: Any, facts: _Facts) -> None:
    plane = _plane()
    table, z = _scored(factory, facts, 2, plane)
    densities.refuse_joint("rsample", plane, table, z)


def _drawn(q: Any, seed: int) -> Any:
    """Draw under a seed, the global generator's too: another check is for what draws from that."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return q.rsample(modules.generator(seed))


def _gradients(factory: Any, facts: _Facts) -> None:
    import torch

    family = factory(DIM).double()
    parameters = _parameters(family)
    weights = torch.randn(DIM, generator=modules.generator(6), dtype=torch.float64)

    def drawn(outputs: Any) -> Any:
        return _drawn(family(outputs), 7) @ weights

    def scored(outputs: Any) -> Any:
        q = family(outputs)
        return q.log_prob(_drawn(q, 7))

    functions = {"a draw": drawn} | ({"log_prob": scored} if family.has_density else {})
    for name, function in functions.items():
        modules.check_code_gradient(function, parameters, name, "output")

    def total() -> Any:
        return sum(function(parameters).sum() for function in functions.values())

    modules.check_parameter_gradients(family, total, "draws and log_prob")
    parameters.requires_grad_()
    (gradient,) = torch.autograd.grad(total(), parameters)
    idle = torch.nonzero(gradient.abs().sum(dim=0) == 0).flatten().tolist()
    assert not idle, f"outputs {idle} of {family.outputs} change neither a draw nor log_prob"


def _generator(factory: Any, facts: _Facts) -> None:
    import torch

    family = factory(DIM).double()
    q = family(_parameters(family))
    if not bool((q.std > 0).any()):
        raise NotApplicable("std is zero: nothing is drawn")
    with torch.random.fork_rng(devices=[]):
        draws = []
        for seed in (0, 1):
            torch.default_generator.manual_seed(seed)
            draws.append(q.rsample(modules.generator(8)))
    assert torch.equal(*draws), (
        "two draws under one generator seed differ; is something drawn from torch's global one?"
    )
    other = q.rsample(modules.generator(9))
    assert not torch.equal(draws[0], other), "draws under two generator seeds are the same"


def _results(family: Any, parameters: Any) -> Iterator[tuple[str, Any]]:
    q = family(parameters)
    z = q.rsample()
    yield from (("mean", q.mean), ("std", q.std), ("a draw", z))
    if family.has_density:
        yield "log_prob", q.log_prob(z)


def _dtype(factory: Any, facts: _Facts) -> None:
    import torch

    for dtype in (torch.float32, torch.float64):
        family = factory(DIM).to(dtype)
        for name, value in _results(family, _parameters(family).to(dtype)):
            assert value.dtype == dtype, f"after .to({dtype}), {name} is {value.dtype}"


def _device(factory: Any, facts: _Facts) -> None:
    family = factory(DIM)
    parameters = _parameters(family).float()
    modules.check_device(family, lambda moved: _results(moved, parameters.to(_place(moved))))


def _place(family: Any) -> str:
    """Give the device that a family was moved to; one without tensors does not show it."""
    import torch

    tensors = [*family.parameters(), *family.buffers()]
    if tensors:
        return str(tensors[0].device)
    return "cuda" if torch.cuda.is_available() else "meta"


def _save_and_load(factory: Any, facts: _Facts) -> None:
    family = factory(DIM)
    parameters = _parameters(family).float()

    def drawn(module: Any) -> Any:
        return _drawn(module(parameters), 10)

    modules.check_state(family, factory(DIM), drawn, "a draw")


def _wrong_width(factory: Any, facts: _Facts) -> None:
    family = factory(DIM)
    modules.check_wrong_dimension(
        lambda parameters: family(parameters), family.outputs, "the family", "outputs"
    )
