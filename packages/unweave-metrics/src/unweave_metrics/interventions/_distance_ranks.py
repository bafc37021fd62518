"""Rank and linear correlation of millions of distances with small numbers of steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats


def correlations(
    steps: NDArray[np.int64], distances: Floats, weight: int, same: int, near: float
) -> tuple[float, float]:
    """Return rank and linear correlation of distances with steps; 0 if one of them is constant.

    The array of distances may be overwritten.

    Parameters
    ----------
    steps
        Whole numbers, shape (c,); distance j has the steps with index j mod c.
    distances
        Distances, shape (m,), where c divides m.
    weight
        Weight of each distance.
    same
        Number of further distances that are 0 and have 0 steps.
    near
        Distances up to this much above the smallest one of a tie belong to the tie.
    """
    c, m = len(steps), len(distances)
    counts = weight * (m // c) * np.bincount(steps).astype(np.float64)
    counts[0] += same
    total, numbers = counts.sum(), np.arange(len(counts))
    mean = weight * distances.sum() / total
    centred = distances - mean
    sums = weight * np.bincount(steps, centred.reshape(-1, c).sum(axis=0)).astype(np.float64)
    sums[0] -= same * mean
    squares = weight * float(centred @ centred) + same * mean**2
    linear = _correlation(numbers - counts @ numbers / total, counts, sums, squares)
    del centred  # free its memory, which is as large as that of the distances
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
    """Return distances in ascending order and the steps of each.

    If the tolerance of ties exceeds the last bits of a double, these bits are replaced by the
    steps: the order of doubles of at least 0 is that of their bits, and a sort of numbers is ten
    times as fast as a sort of their indices.
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
    """Return the correlation of x and y, both centred.

    x (c,) are the values of x, `counts` how often each occurs, `sums` the sum of y at each, and
    `squares` the sum of y^2.
    """
    size = np.sqrt(float(counts @ x**2)) * np.sqrt(squares)
    return float(np.clip((x @ sums) / size, -1, 1)) if size > 0 else 0.0


@Kernel
def _sum_ranks(distances, steps, weight, same, near, sums):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add centred mean ranks to the sums of their steps; return the sum of their squares.

    Distances are ascending. A tie contains its smallest distance and all up to `near` above it.
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
