"""Checks that every flow, or other density fitted to codes, must pass."""

from __future__ import annotations

import copy
import functools
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from unweave_testing import densities
from unweave_testing import torch_modules as modules
from unweave_testing.check import Check, NotApplicable
from unweave_testing.quadrature import Array, Rule, rule

Fit = Callable[[Any], Any]


def flow_checks() -> list[Check]:
    """List the checks of flows; their factory is called with the number of code dimensions.

    Most checks share one fit to 600 codes of two dimensions, and some fit again. Build a small
    flow, so that this is fast.

    - `event-shape`: a call of the module returns a Distribution with event shape (dim,).
    - `fit`: `flow.fit(codes, generator=...)` returns the flow, and held-out codes have a higher
      log density than under independent normal dimensions.
    - `fit-generator`: two fits under one generator seed are equal.
    - `progress`: `fit` calls `progress(done, total)` with a growing `done` and a constant `total`.
    - `normalised`: the fitted density integrates to one over the plane, by quadrature.
    - `samples-marginals`: every coordinate of the samples follows the density, by its
      Kolmogorov-Smirnov distance.
    - `samples-jointly`: two coordinates together follow the density, by joint moments of ranks.
    - `inverse`: the bijection and its inverse cancel, in both orders.
    - `log-determinant`: the bijection's log-determinant equals that of the Jacobian by autograd.
    - `gradients`: the gradient to the codes equals central differences; every parameter has a
      finite one.
    - `dtype`, `device`: the density and its samples follow the module.
    - `generator`: `flow.sample(n, generator)` depends on the generator alone.
    - `save-and-load`: `state_dict` holds every tensor, the density follows it, and a new flow can
      load it after a fit.
    - `wrong-dimension`: codes of another dimension raise an error that names both dimensions.

    The bijection is `flow().transform`, from codes to noise, or the `transforms` of a
    `torch.distributions.TransformedDistribution`, from noise to codes.

    Examples
    --------
    >>> from unweave_testing import flow_checks
    >>> [check.name for check in flow_checks()][:3]
    ['event-shape', 'fit', 'fit-generator']
    """
    fit_once = functools.cache(_fit)

    def fit(factory: Any) -> Any:
        return copy.deepcopy(fit_once(factory))

    functions: dict[str, Callable[[Any, Fit], None]] = {
        "event-shape": _event_shape,
        "fit": _check_fit,
        "fit-generator": _fit_generator,
        "progress": _progress,
        "normalised": _normalised,
        "samples-marginals": _samples_marginals,
        "samples-jointly": _samples_jointly,
        "inverse": _inverse,
        "log-determinant": _log_determinant,
        "gradients": _gradients,
        "dtype": _dtype,
        "device": _device,
        "generator": _generator,
        "save-and-load": _save_and_load,
        "wrong-dimension": _wrong_dimension,
    }
    return [Check(name, _with(fit, function)) for name, function in functions.items()]


def _with(fit: Fit, function: Callable[[Any, Fit], None]) -> Callable[[Any], None]:
    return lambda factory: function(factory, fit)


def _codes(n: int, seed: int) -> Any:
    """Draw correlated codes (n, 2) away from zero mean and unit variance."""
    import torch

    noise = torch.randn(n, 2, generator=modules.generator(seed))
    return torch.tensor([1.0, -2.0]) + noise @ torch.tensor([[1.5, 0.6], [0.0, 0.4]])


def _fit(factory: Any) -> Any:
    return factory(2).fit(_codes(600, 0), generator=modules.generator(1))


def _event_shape(factory: Any, fit: Fit) -> None:
    modules.check_density(factory(3), 3)


def _check_fit(factory: Any, fit: Fit) -> None:
    import torch

    flow = factory(2)
    codes, held_out = _codes(600, 0), _codes(2_000, 2)
    result = flow.fit(codes, generator=modules.generator(1))
    assert result is flow, f"fit must return the flow itself, got {type(result).__name__}"
    independent = torch.distributions.Normal(codes.mean(dim=0), codes.std(dim=0))
    with torch.no_grad():
        score = float(flow().log_prob(held_out).mean())
    normal = independent.log_prob(held_out)  # type: ignore[no-untyped-call]
    least = float(normal.sum(dim=1).mean())
    assert score > least, (
        "after fit, the mean log density of held-out codes must exceed that of independent normal "
        f"dimensions, {least:.3f} nats, got {score:.3f}"
    )


def _fit_generator(factory: Any, fit: Fit) -> None:
    import torch

    codes, values = _codes(60, 3), []
    with torch.random.fork_rng(devices=[]):
        for seed in (0, 1):
            flow = factory(2)
            torch.default_generator.manual_seed(seed)
            flow.fit(codes, generator=modules.generator(4))
            values.append(flow().log_prob(codes))
    assert torch.equal(*values), (
        "two fits under one generator seed differ; draw noise from the generator, and first "
        "weights under a fixed seed, not from torch's global generator"
    )


def _progress(factory: Any, fit: Fit) -> None:
    calls: list[tuple[int, int]] = []
    factory(2).fit(
        _codes(60, 3),
        generator=modules.generator(4),
        progress=lambda count, total: calls.append((count, total)),
    )
    assert calls, "fit never called progress(done, total)"
    counts = [call[0] for call in calls]
    assert all(later > earlier for earlier, later in pairwise(counts)), (
        f"progress must be called with growing counts, got {counts[:5]}"
    )
    totals = {call[1] for call in calls}
    assert len(totals) == 1, f"progress must be called with a constant total, got {sorted(totals)}"
    assert counts[-1] <= max(totals), (
        f"progress must not count above the total, got {counts[-1]} of {max(totals)}"
    )


def _plane(flow: Any) -> tuple[Rule, Array]:
    plane = rule((-np.inf, np.inf), length=0.5, reach=1e3, panels=40, order=6)
    return plane, densities.on_plane(flow.double(), plane)


def _normalised(factory: Any, fit: Fit) -> None:
    plane, table = _plane(fit(factory))
    mass = float(plane.weights @ table @ plane.weights)
    # Splines and networks with kinks are integrated less exactly than closed forms.
    assert abs(mass - 1) < 5e-3, f"the fitted density over two dimensions integrates to {mass:.5f}"


def _samples_marginals(factory: Any, fit: Fit) -> None:
    flow = fit(factory).double()
    plane, table = _plane(flow)
    for name, draw in densities.samplers(flow):
        z = draw(densities.DRAWS, 5).detach()
        densities.refuse_distance(name, plane, table @ plane.weights, z[:, 0])
        densities.refuse_distance(name, plane, plane.weights @ table, z[:, 1])


def _samples_jointly(factory: Any, fit: Fit) -> None:
    flow = fit(factory).double()
    plane, table = _plane(flow)
    for name, draw in densities.samplers(flow):
        densities.refuse_joint(name, plane, table, draw(densities.DRAWS, 11).detach())


def _bijection(flow: Any) -> Any:
    """Return the bijection from codes to noise."""
    import torch

    p = flow()
    if isinstance(p, torch.distributions.TransformedDistribution):
        return torch.distributions.ComposeTransform(p.transforms).inv
    if hasattr(p, "transform"):
        return p.transform
    raise NotApplicable("the flow has no bijection")


def _inverse(factory: Any, fit: Fit) -> None:
    import torch

    bijection = _bijection(fit(factory).double())
    z = _codes(20, 6).double()
    noise = torch.randn(20, 2, generator=modules.generator(7), dtype=torch.float64)
    # An inverse by bisection is exact to about 1e-6.
    for name, forward, backward, start in [
        ("codes to noise to codes", bijection, bijection.inv, z),
        ("noise to codes to noise", bijection.inv, bijection, noise),
    ]:
        with torch.no_grad():
            error = float((backward(forward(start)) - start).abs().max())
        assert error < 1e-5, f"{name} must return its input, got a difference of {error:.2g}"


def _log_determinant(factory: Any, fit: Fit) -> None:
    import torch

    bijection = _bijection(fit(factory).double())
    z = _codes(8, 8).double()
    log_det = bijection.log_abs_det_jacobian(z, bijection(z)).detach()
    # No code depends on another: the gradient of a sum over codes holds each code's Jacobian.
    rows = z.clone().requires_grad_()
    columns = [torch.autograd.grad(bijection(rows)[:, d].sum(), rows)[0] for d in range(2)]
    exact = torch.linalg.slogdet(torch.stack(columns, dim=1)).logabsdet
    assert torch.allclose(log_det, exact, rtol=1e-5, atol=1e-6), (
        f"log_abs_det_jacobian of a code must be {exact[0]:.6g}, by autograd, got {log_det[0]:.6g}"
    )


def _gradients(factory: Any, fit: Fit) -> None:
    import torch

    flow, z = fit(factory).double(), _codes(6, 9).double()
    modules.check_code_gradient(lambda codes: flow().log_prob(codes), z)
    parameters = dict(flow.named_parameters())
    if not parameters:
        return
    value = flow().log_prob(z).sum()
    assert value.requires_grad, f"log_prob carries no gradient to {', '.join(parameters)}"
    gradients = torch.autograd.grad(value, list(parameters.values()), allow_unused=True)
    for name, gradient in zip(parameters, gradients, strict=True):
        assert gradient is not None, f"parameter {name} receives no gradient from log_prob"
        assert bool(gradient.isfinite().all()), f"the gradient to parameter {name} is not finite"


def _dtype(factory: Any, fit: Fit) -> None:
    densities.check_dtype(lambda: fit(factory))


def _device(factory: Any, fit: Fit) -> None:
    modules.check_device(fit(factory), densities.on_its_device)


def _generator(factory: Any, fit: Fit) -> None:
    flow = fit(factory)
    if not hasattr(flow, "sample"):
        raise NotApplicable("the flow has no sample(n, generator=None) of its own")
    modules.check_generator(flow)


def _save_and_load(factory: Any, fit: Fit) -> None:
    z = _codes(6, 10)
    # A run builds a new flow from its options and loads the state of the fitted one.
    state, fresh = fit(factory).state_dict(), factory(2).state_dict()
    differences = sorted(
        name
        for name in {*state, *fresh}
        if getattr(state.get(name), "shape", None) != getattr(fresh.get(name), "shape", None)
    )
    assert not differences, (
        "a new flow cannot load the state of a fitted one: "
        f"{', '.join(differences)} differ in name or shape; "
        "register all parameters and buffers in __init__"
    )
    modules.check_state(fit(factory), factory(2), lambda flow: flow().log_prob(z))


def _wrong_dimension(factory: Any, fit: Fit) -> None:
    flow = factory(3)
    modules.check_wrong_dimension(lambda z: flow().log_prob(z), 3)
