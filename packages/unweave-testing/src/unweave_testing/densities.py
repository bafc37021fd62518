"""Checks of densities over codes and their samples, for priors, flows and posteriors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from unweave_testing import torch_modules as modules
from unweave_testing.quadrature import Array, Rule

# Enough draws to see a distance of 0.03 between distribution functions.
DRAWS = 10_000


def samplers(module: Any) -> Iterator[tuple[str, Callable[[int, int], Any]]]:
    """Yield the ways to draw n codes under a seed: the distribution's, and the module's if any."""
    yield "the distribution", lambda n, seed: modules.draw(module, n, seed)
    if hasattr(module, "sample"):
        yield "the module", lambda n, seed: module.sample(n, modules.generator(seed))


def evaluate(module: Any, z: Array) -> Array:
    """Evaluate the density of a module at z (n, dim), 20,000 codes at a time."""
    import torch

    with torch.no_grad():
        codes = torch.from_numpy(z)
        parts = [module().log_prob(part).exp() for part in torch.split(codes, 20_000)]
    values: Array = torch.cat(parts).double().numpy()
    return values


def on_plane(module: Any, plane: Rule) -> Array:
    """Evaluate the density of a module over two dimensions on a grid (nodes, nodes)."""
    n = len(plane.nodes)
    grid = np.stack(np.meshgrid(plane.nodes, plane.nodes, indexing="ij"), axis=-1)
    return evaluate(module, grid.reshape(-1, 2)).reshape(n, n)


def refuse_distance(name: str, line: Rule, density: Array, samples: Any) -> None:
    """Refuse samples whose Kolmogorov-Smirnov distance has a probability below 1e-6."""
    z = np.sort(samples.numpy())
    exact = line.distribution(density, z)
    steps = np.arange(len(z) + 1) / len(z)
    distance = max(np.max(steps[1:] - exact), np.max(exact - steps[:-1]))
    # Kolmogorov's tail: P(D > t / sqrt(n)) is about 2 exp(-2 t^2).
    limit = np.sqrt(np.log(2 / 1e-6) / 2 / len(z))
    assert distance < limit, (
        f"samples of {name} do not follow the density: their Kolmogorov-Smirnov distance is "
        f"{distance:.3f}, allowed is {limit:.3f} for {len(z)} draws"
    )


def refuse_joint(name: str, plane: Rule, table: Array, samples: Any) -> None:
    """Refuse samples (n, 2) whose joint moments of ranks are not those of a density on a grid.

    Heavy tails do not disturb moments of ranks, and wrong marginals do not fail this check too.
    """
    mass = plane.weights[:, None] * table * plane.weights
    exact = _joint_moments(
        plane.distribution(table @ plane.weights, plane.nodes)[:, None],
        plane.distribution(plane.weights @ table, plane.nodes),
        mass / mass.sum(),
    )
    z = samples.numpy()
    ranks = (z.argsort(axis=0).argsort(axis=0) + 0.5) / len(z)
    moments = _joint_moments(ranks[:, 0], ranks[:, 1], np.full(len(z), 1 / len(z)))
    # Six standard errors: a product of two centred ranks has a standard deviation of at most about
    # 1 / 12.
    distance, limit = np.abs(moments - exact).max(), 6 / 12 / np.sqrt(len(z))
    assert distance < limit, (
        f"samples of {name} do not follow the density: joint moments of the ranks of two "
        f"coordinates are {moments}, expected {exact}; are the coordinates drawn together?"
    )


def _joint_moments(first: Array, second: Array, mass: Array) -> Array:
    """Return mean products of centred ranks, and of their absolute values, weighted by `mass`."""
    first, second = first - 0.5, second - 0.5
    products = (first * second, np.abs(first) * np.abs(second))
    return np.array([np.sum(mass * product) for product in products])


def check_dtype(build: Callable[[], Any]) -> None:
    """Refuse samples or log densities that do not follow the module's dtype."""
    import torch

    for dtype in (torch.float32, torch.float64):
        module = build().to(dtype)
        for name, draw in samplers(module):
            z = draw(4, 5)
            assert z.dtype == dtype, f"after .to({dtype}), {name} draws {z.dtype}"
            result = module().log_prob(z).dtype
            assert result == dtype, f"after .to({dtype}), log_prob returns {result}"


def on_its_device(module: Any) -> Iterator[tuple[str, Any]]:
    """Yield names and values of a density's results, whose devices are to be checked."""
    z = module().sample((4,))
    yield "the distribution's sample", z
    yield "log_prob", module().log_prob(z)
    if hasattr(module, "sample"):
        yield "the module's sample", module.sample(4)
