"""Rank and linear correlation of millions of distances with few numbers of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats


def correlations(
    steps: NDArray[np.int64], distances: Floats, weight: int, same: int, near: float
) -> tuple[float, float]:
    """Return rank and linear correlation of distances with steps, 0 where one does not vary.

    The distances may be overwritten.

    Parameters
    ----------
    steps
        Whole numbers (c,), those of distances 0 to c - 1, c to 2 c - 1 and so on.
    distances
        Shape (m,), c a divisor of m.
    weight
        How often each of them counts.
    same
        How many zeros there are besides, of 0 steps.
    near
        Distances that differ by at most this much from the least one of a tie belong to it.
    """
    c, m = len(steps), len(distances)
    counts = weight * (m // c) * np.bincount(steps).astype(np.float64)
    counts[0] += same
    total, numbers = counts.sum(), np.arange(len(counts))
    mean = weight * distances.sum() / total
    moved = distances - mean
    sums = weight * np.bincount(steps, moved.reshape(-1, c).sum(axis=0)).astype(np.float64)
    sums[0] -= same * mean
    squares = weight * float(moved @ moved) + same * mean**2
    linear = _correlation(numbers - counts @ numbers / total, counts, sums, squares)
    del moved  # as large as the distances
    least, most = 0.0 if same else float(distances.min()), float(distances.max())
    if most <= least + near:
        return 0.0, 0.0
    sums = np.zeros(len(counts))
    ordered, own = _in_order(distances, steps, near / most)
    squares = _sum_ranks(ordered, own, weight, same, near, sums)
    rank = _correlation(np.cumsum(counts) - (counts + total) / 2, counts, sums, squares)
    return rank, linear


def _in_order(
    distances: Floats, steps: NDArray[np.int64], tolerance: float
) -> tuple[Floats, NDArray[np.integer[Any]]]:
    """Return distances in rising order and the steps of each.

    Where ties are wider than the last bits of a double, steps take the place of those: doubles that
    are not negative have the order of their bits, and one sort of numbers is ten times as fast as
    that of their places.
    """
    bits = int(steps.max()).bit_length()
    if tolerance < 2.0 ** (bits - 50):
        order = np.argsort(distances)
        return distances[order], steps[order % len(steps)]
    packed, mask = distances.view(np.uint64), np.uint64(2**bits - 1)
    packed &= ~mask
    packed.reshape(-1, len(steps))[:] |= steps.astype(np.uint64)
    packed.sort()
    own = np.empty(len(packed), dtype=np.uint32)
    return distances, np.bitwise_and(packed, mask, out=own, casting="unsafe")


def _correlation(x: Floats, counts: Floats, sums: Floats, squares: float) -> float:
    """Return the correlation of centred x (c,), so often each, and y of such sums for each x."""
    size = np.sqrt(float(counts @ x**2)) * np.sqrt(squares)
    return float(np.clip((x @ sums) / size, -1, 1)) if size > 0 else 0.0


@Kernel
def _sum_ranks(distances, steps, weight, same, near, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add mean ranks, less the middle one, to the sums of their steps; return their squares' sum.

    Distances are in rising order. A tie goes from its least distance up to those that are near.
    """
    m = distances.size
    middle = (weight * m + same + 1) / 2
    below, squares = 0.0, 0.0
    zeros = same
    i = 0
    while i < m or zeros > 0:
        least = 0.0 if zeros > 0 else distances[i]
        j = i
        while j < m and distances[j] <= least + near:
            j += 1
        width = weight * (j - i) + zeros
        rank = below + (width + 1) / 2 - middle
        for place in range(i, j):
            sums[steps[place]] += weight * rank
        sums[0] += zeros * rank
        squares += width * rank * rank
        below += width
        i, zeros = j, 0
    return squares
