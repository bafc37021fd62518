"""Two sets of samples as unions of balls around rows, as wide as a neighbour is far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_metrics._arrays import check_positive
from unweave_metrics._counting import Floats
from unweave_metrics._shared import shared
from unweave_metrics.pairs._sets import check_two

# Rows whose distances to all others are held at a time: 64 MB for a set of 8,000.
ROWS = 1_000


@dataclass(frozen=True)
class Manifolds:
    """What lies in whose balls, of real rows x (n,) and generated rows y (m,).

    `holders` (m,): real balls that a generated row lies in; `reached` (n,): whether a real row lies
    in a generated ball; `covered` (n,): whether a real row's ball holds a generated row.
    """

    holders: NDArray[np.int64]
    reached: NDArray[np.bool_]
    covered: NDArray[np.bool_]
    settings: dict[str, Any]


def manifolds(x: ArrayLike, y: ArrayLike, neighbors: int) -> Manifolds:
    """Return what lies in whose balls."""
    check_positive(neighbors, "neighbors")
    first, second, _ = check_two(x, y)  # only which distance is the larger counts
    least = min(len(first), len(second))
    if least <= neighbors:
        raise ValueError(
            f"x and y must have more than neighbors={neighbors} rows each, got {len(first)} and "
            f"{len(second)}"
        )
    return _manifolds(first, second, neighbors)


@shared
def _manifolds(x: Floats, y: Floats, neighbors: int) -> Manifolds:
    """Compare all rows with all, a thousand at a time."""
    from scipy.spatial.distance import cdist

    radius_x, radius_y = radii(x, neighbors), radii(y, neighbors)
    holders = np.zeros(len(y), np.int64)
    reached, covered = np.zeros(len(x), bool), np.zeros(len(x), bool)
    for start in range(0, len(x), ROWS):
        part = slice(start, start + ROWS)
        distance = cdist(x[part], y)
        inside = distance < radius_x[part, None]
        holders += inside.sum(axis=0)
        covered[part] = inside.any(axis=1)
        reached[part] = (distance < radius_y).any(axis=1)
    settings = {"neighbors": neighbors, "rows": [len(x), len(y)]}
    return Manifolds(holders, reached, covered, settings)


def radii(x: Floats, neighbors: int) -> Floats:
    """Return the distance of each row to its k-th nearest other row."""
    from scipy.spatial.distance import cdist

    distances = [
        np.partition(cdist(x[start : start + ROWS], x), neighbors, axis=1)[:, neighbors]
        for start in range(0, len(x), ROWS)
    ]
    return np.concatenate(distances)
