"""Checks that every prior must pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_testing import densities
from unweave_testing import torch_modules as modules
from unweave_testing.check import Check, NotApplicable
from unweave_testing.quadrature import Array, Rule, rule


@dataclass(frozen=True)
class _Facts:
    """The author's statements about the prior."""

    factorised: bool
    support: tuple[float, float]
    length: float


def prior_checks(
    *,
    factorised: bool = True,
    support: tuple[float, float] = (-np.inf, np.inf),
    length: float = 1.0,
) -> list[Check]:
    """List the checks of priors; their factory is called with the number of code dimensions.

    - `event-shape`: a call of the module returns a Distribution with event shape (dim,).
    - `factorised`: a factorised prior returns Independent, and its marginals add up to `log_prob`;
      another prior does not return Independent.
    - `normalised`: the density integrates to one in one and two dimensions, by quadrature.
    - `samples-marginals`: every coordinate of the samples follows the density, by its
      Kolmogorov-Smirnov distance.
    - `samples-jointly`: two coordinates together follow the density, by joint moments of ranks:
      heavy tails do not disturb these, and wrong marginals do not fail this check too.
    - `gradients`: the gradients to the codes and to every parameter equal central differences.
    - `dtype`, `device`: the density and its samples follow the module.
    - `generator`: `prior.sample(n, generator)` depends on the generator alone.
    - `rsample`: if the prior has it, `rsample` draws the same codes as `sample` under one generator
      seed, with a gradient to every parameter of the density.
    - `save-and-load`: `state_dict` holds every tensor, and the density follows it.
    - `wrong-dimension`: codes of another dimension raise an error that names both dimensions.

    Parameters
    ----------
    factorised : bool
        Whether the prior is a product over code dimensions.
    support : two floats
        Interval outside of which the density is zero, the same for every dimension.
    length : float
        Order of magnitude of the smallest distance on which the density varies. The quadrature
        resolves a tenth of it within 10 lengths of the origin.

    Examples
    --------
    >>> from unweave_testing import prior_checks
    >>> [check.name for check in prior_checks()][:3]
    ['event-shape', 'factorised', 'normalised']
    """
    facts = _Facts(factorised, support, length)
    functions: dict[str, Callable[[Any, _Facts], None]] = {
        "event-shape": _event_shape,
        "factorised": _factorised,
        "normalised": _normalised,
        "samples-marginals": _samples_marginals,
        "samples-jointly": _samples_jointly,
        "gradients": _gradients,
        "dtype": _dtype,
        "device": _device,
        "generator": _generator,
        "rsample": _rsample,
        "save-and-load": _save_and_load,
        "wrong-dimension": _wrong_dimension,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: _Facts, function: Callable[[Any, _Facts], None]) -> Callable[[Any], None]:
    return lambda factory: function(factory, facts)


def _event_shape(factory: Any, facts: _Facts) -> None:
    modules.check_density(factory(3), 3)
    for name, draw in densities.samplers(factory(3)):
        shape = tuple(draw(7, 0).shape)
        assert shape == (7, 3), f"{name} must draw shape (7, 3), got {shape}"


def _factorised(factory: Any, facts: _Facts) -> None:
    import torch

    prior = factory(3).double()
    independent = isinstance(prior(), torch.distributions.Independent)
    if not facts.factorised:
        assert not independent, (
            "the prior returns Independent, so it factorises; remove factorised=False from "
            "prior_checks"
        )
        return
    assert independent, (
        f"a factorised prior must return torch.distributions.Independent(base, 1), got "
        f"{type(prior()).__name__}; call prior_checks(factorised=False) if it does not factorise"
    )
    z = modules.draw(prior, 5, seed=0)
    total = prior().base_dist.log_prob(z).sum(dim=-1)
    assert torch.allclose(total, prior().log_prob(z)), (
        "log_prob must be the sum of base_dist.log_prob over dimensions, it is not"
    )


def _normalised(factory: Any, facts: _Facts) -> None:
    line, density = _line(factory, facts)
    mass = float(line.weights @ density)
    assert abs(mass - 1) < 1e-4, f"the density over one dimension integrates to {mass:.6f}"
    plane, table = _plane(factory, facts)
    mass = float(plane.weights @ table @ plane.weights)
    assert abs(mass - 1) < 1e-3, f"the density over two dimensions integrates to {mass:.6f}"


def _samples_marginals(factory: Any, facts: _Facts) -> None:
    line, density = _line(factory, facts)
    for name, draw in densities.samplers(factory(1).double()):
        densities.refuse_distance(name, line, density, draw(densities.DRAWS, 1)[:, 0])
    plane, table = _plane(factory, facts)
    for name, draw in densities.samplers(factory(2).double()):
        z = draw(densities.DRAWS, 2)
        densities.refuse_distance(name, plane, table @ plane.weights, z[:, 0])
        densities.refuse_distance(name, plane, plane.weights @ table, z[:, 1])


def _samples_jointly(factory: Any, facts: _Facts) -> None:
    plane, table = _plane(factory, facts)
    for name, draw in densities.samplers(factory(2).double()):
        densities.refuse_joint(name, plane, table, draw(densities.DRAWS, 3))


def _gradients(factory: Any, facts: _Facts) -> None:
    prior = factory(3).double()
    z = modules.draw(prior, 6, seed=4)
    modules.check_code_gradient(lambda codes: prior().log_prob(codes), z)
    modules.check_parameter_gradients(prior, lambda: prior().log_prob(z).sum())


def _dtype(factory: Any, facts: _Facts) -> None:
    densities.check_dtype(lambda: factory(3))


def _device(factory: Any, facts: _Facts) -> None:
    modules.check_device(factory(3), densities.on_its_device)


def _generator(factory: Any, facts: _Facts) -> None:
    prior = factory(3)
    if not hasattr(prior, "sample"):
        raise NotApplicable("the prior has no sample(n, generator=None) of its own")
    modules.check_generator(prior)


def _rsample(factory: Any, facts: _Facts) -> None:
    import torch

    prior = factory(3).double()
    draw = getattr(prior, "rsample", None)
    if draw is None:
        raise NotApplicable("the prior has no rsample(n, generator=None) of its own")
    codes = _draw(draw)
    expected = _draw(getattr(prior, "sample", draw))
    # The check `dtype` judges the dtype.
    assert torch.allclose(codes.detach().double(), expected.double(), rtol=1e-5, atol=1e-6), (
        "rsample and sample draw different codes under one generator seed"
    )
    density = prior().log_prob(codes.detach().double()).sum()
    names = _dependencies(density, prior)
    missing = [name for name in names if name not in _dependencies(codes.sum(), prior)]
    assert not missing, (
        f"rsample carries no gradient to {', '.join(missing)}; if it cannot, remove rsample"
    )


def _dependencies(value: Any, module: Any) -> list[str]:
    """List the parameters of a module to which a value carries a gradient."""
    import torch

    parameters = dict(module.named_parameters())
    if not (parameters and value.requires_grad):
        return []
    gradients = torch.autograd.grad(
        value, list(parameters.values()), retain_graph=True, allow_unused=True
    )
    return [
        name for name, gradient in zip(parameters, gradients, strict=True) if gradient is not None
    ]


def _draw(draw: Callable[..., Any]) -> Any:
    """Draw codes under a seed of the generator and of torch's global one.

    The check `generator` judges whether the global one is used.
    """
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(7)
        return draw(6, modules.generator(7))


def _save_and_load(factory: Any, facts: _Facts) -> None:
    prior, other = factory(3), factory(3)
    z = modules.draw(prior, 6, seed=6)
    modules.check_state(prior, other, lambda module: module().log_prob(z))


def _wrong_dimension(factory: Any, facts: _Facts) -> None:
    prior = factory(3)
    modules.check_wrong_dimension(lambda z: prior().log_prob(z), 3)


def _line(factory: Any, facts: _Facts) -> tuple[Rule, Array]:
    """Return nodes on the line, and the density at them (nodes,)."""
    line = rule(facts.support, length=facts.length, reach=1e8, panels=400, order=12)
    return line, densities.evaluate(factory(1).double(), line.nodes[:, None])


def _plane(factory: Any, facts: _Facts) -> tuple[Rule, Array]:
    """Return nodes of each axis of the plane, and the density on their grid (nodes, nodes)."""
    plane = rule(facts.support, length=facts.length, reach=1e4, panels=120, order=5)
    return plane, densities.on_plane(factory(2).double(), plane)
