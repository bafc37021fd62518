"""Two sets of samples as unions of balls, whose radii are distances to a neighbour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_metrics._arrays import check_positive
from unweave_metrics._counting import Floats
from unweave_metrics._shared import shared
from unweave_metrics.pairs._sets import check_two

# Number of rows whose distances to all others are in memory: 64 MB for a set of 8,000.
ROWS = 1_000


@dataclass(frozen=True)
class Manifolds:
    """Which rows lie in which balls, for n real rows x and m generated rows y.

    `counts` (m,) is the number of real balls that contain each generated row, `recall` (n,) says
    whether a real row lies in a generated ball, and `coverage` (n,) whether the ball of a real row
    contains a generated row.
    """

    counts: NDArray[np.int64]
    recall: NDArray[np.bool_]
    coverage: NDArray[np.bool_]
    settings: dict[str, Any]


def manifolds(x: ArrayLike, y: ArrayLike, neighbors: int) -> Manifolds:
    """Return which rows lie in which balls, after checking the arguments."""
    check_positive(neighbors, "neighbors")
    first, second, _ = check_two(x, y)  # the scale does not matter, only the order of distances
    least = min(len(first), len(second))
    if least <= neighbors:
        raise ValueError(
            f"x and y must each have more rows than neighbors={neighbors}, got {len(first)} and "
            f"{len(second)}"
        )
    return _manifolds(first, second, neighbors)


@shared
def _manifolds(x: Floats, y: Floats, neighbors: int) -> Manifolds:
    """Compare all rows of both sets, a thousand at a time."""
    from scipy.spatial.distance import cdist

    radius_x, radius_y = radii(x, neighbors), radii(y, neighbors)
    counts = np.zeros(len(y), np.int64)
    recall, coverage = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for start in range(0, len(x), ROWS):
        part = slice(start, start + ROWS)
        distance = cdist(x[part], y)
        inside = distance < radius_x[part, None]
        counts += inside.sum(axis=0)
        coverage[part] = inside.any(axis=1)
        recall[part] = (distance < radius_y).any(axis=1)
    settings = {"neighbors": neighbors, "rows": [len(x), len(y)]}
    return Manifolds(counts, recall, coverage, settings)


def radii(x: Floats, neighbors: int) -> Floats:
    """Return the distance of each row to its k-th nearest other row."""
    from scipy.spatial.distance import cdist

    distances = [
        np.partition(cdist(x[start : start + ROWS], x), neighbors, axis=1)[:, neighbors]
        for start in range(0, len(x), ROWS)
    ]
    return np.concatenate(distances)
