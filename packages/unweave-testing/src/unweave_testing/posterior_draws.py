"""Checks of a posterior's draws against its moments and, by quadrature, its density."""

from __future__ import annotations

from typing import Any

import numpy as np

from unweave_testing import densities
from unweave_testing import torch_modules as modules
from unweave_testing.check import NotApplicable
from unweave_testing.posterior_facts import DIM, Facts, outputs_of
from unweave_testing.quadrature import Array, Rule, rule


def _draws(factory: Any, dim: int, seed: int) -> tuple[Any, Any]:
    """Build the posterior of one image and draw from it, (n, dim)."""
    import torch

    family = factory(dim).double()
    parameters = outputs_of(family, 1)
    with torch.no_grad():
        z = family(parameters.expand(densities.DRAWS, -1)).rsample(modules.generator(seed))
        return family(parameters), z


def check_moments(factory: Any, facts: Facts) -> None:
    """Compare mean and standard deviation of draws with `mean` and `std`."""
    if not facts.exact_moments:
        raise NotApplicable("the moments are not exact (exact_moments=False)")
    q, z = _draws(factory, DIM, 2)
    mean, std = q.mean.detach(), q.std.detach()
    for name, values, expected in [
        ("mean", z - mean, 0.0),
        ("variance", (z - mean).square(), std.square()),
    ]:
        error = (values.mean(dim=0) - expected).abs()
        # Six standard errors: a right posterior fails with a probability of about 1e-8. The last
        # term covers the rounding of constants.
        limit = 6 * values.std(dim=0) / densities.DRAWS**0.5 + 1e-9
        assert bool((error < limit).all()), (
            f"{name} of {densities.DRAWS} draws differs from the posterior's by {error.tolist()}, "
            f"allowed are {limit.tolist()}"
        )


def _density_and_draws(factory: Any, facts: Facts, dim: int, line: Rule) -> tuple[Array, Any]:
    """Return the density of standardised codes on the grid of a rule, and draws of such codes."""
    import torch

    family = factory(dim)
    if not family.has_density:
        raise NotApplicable("the posterior has no density")
    if not facts.any_code:
        raise NotApplicable("log_prob takes only the posterior's own draws (any_code=False)")
    q, z = _draws(factory, dim, 3 + dim)
    low, centre, high = z.quantile(torch.tensor([0.16, 0.5, 0.84], dtype=z.dtype), dim=0)
    scale = (high - low) / 2
    assert bool((scale > 0).all()), "draws do not vary, but has_density is True"
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


def check_normalised(factory: Any, facts: Facts) -> None:
    """Refuse a density that does not integrate to one in one and two dimensions."""
    line, plane = _line(), _plane()
    density, _ = _density_and_draws(factory, facts, 1, line)
    mass = float(line.weights @ density)
    # Kinks of a flow and its inverse by bisection make the quadrature less exact.
    assert abs(mass - 1) < 2e-3, f"the density over one dimension integrates to {mass:.5f}"
    table, _ = _density_and_draws(factory, facts, 2, plane)
    mass = float(plane.weights @ table @ plane.weights)
    assert abs(mass - 1) < 5e-3, f"the density over two dimensions integrates to {mass:.5f}"


def check_samples_marginals(factory: Any, facts: Facts) -> None:
    """Refuse draws whose coordinates do not follow the marginals of the density."""
    line, plane = _line(), _plane()
    density, z = _density_and_draws(factory, facts, 1, line)
    densities.refuse_distance("rsample", line, density, z[:, 0])
    table, z = _density_and_draws(factory, facts, 2, plane)
    densities.refuse_distance("rsample", plane, table @ plane.weights, z[:, 0])
    densities.refuse_distance("rsample", plane, plane.weights @ table, z[:, 1])


def check_samples_jointly(factory: Any, facts: Facts) -> None:
    """Refuse draws whose coordinates do not depend on each other as in the density."""
    plane = _plane()
    table, z = _density_and_draws(factory, facts, 2, plane)
    densities.refuse_joint("rsample", plane, table, z)
