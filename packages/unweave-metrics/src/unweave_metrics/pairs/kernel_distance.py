"""Unbiased discrepancy of two sets under a cubic kernel."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array
from unweave_metrics._counting import Floats
from unweave_metrics._sampling import generator
from unweave_metrics._scaling import shifted, shifted_number
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.interval import POPULATION
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.pairs._sets import check_two, pair_mean
from unweave_metrics.score import Score


@metric(
    "polynomial discrepancy of two sets",
    interval=Subsets(covers=POPULATION, paired=False),
    best="low",
    bounds=ANY,
    cost="O(subsets size^2 d)",
    rewards="equal first three moments",
    misses="higher moments; small sets are noisy",
)
def kernel_distance(
    x: ArrayLike, y: ArrayLike, *, subsets: int = 100, subset_size: int = 1_000, seed: int = 0
) -> Score:
    """Compute the kernel distance: unbiased MMD^2 with a cubic kernel, over random subsets.

    The kernel is k(a, b) = (a . b / d + 1)^3; the score is the mean over `subsets` pairs of subsets
    of `subset_size` rows (all rows, once, if there are no more). With features of an Inception
    network this is KID. Range about 0 upward, best 0.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d) and (m, d)
    subsets, subset_size
        Number and size of the random subsets.
    seed
        Seed of these draws.

    Returns
    -------
    Score, with part `per_subset`.

    Raises
    ------
    ValueError
        For different columns, NaN or infinite values, a distance beyond the largest float.

    References
    ----------
    M. Binkowski, D. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", 2018, sect. 4.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> abs(float(kernel_distance(rng.normal(size=(500, 2)), rng.normal(size=(500, 2))))) < 0.1
    True
    """
    first, second, power = check_two(x, y)
    if power < 0:  # the numbers are so small that the kernel is 1
        first, second, power = shifted(first, power), shifted(second, power), 0
    size = min(subset_size, len(first), len(second))
    if size == len(first) == len(second):
        subsets = 1
    rng = generator(seed)
    one, values = shifted_number(1.0, -2 * power), []
    for _ in range(subsets):
        a = first[rng.choice(len(first), size, replace=False)]
        b = second[rng.choice(len(second), size, replace=False)]
        values.append(
            pair_mean(_cubic(a, a, one), True)
            + pair_mean(_cubic(b, b, one), True)
            - 2 * float(_cubic(a, b, one).mean())
        )
    settings = {"subsets": subsets, "subset_size": size, "seed": seed}
    parts = {"per_subset": shifted(np.array(values), 6 * power)}
    value = shifted_number(float(np.mean(values)), 6 * power)
    return Score(value, name="kernel_distance", parts=parts, settings=settings)


def _cubic(a: Array, b: Array, one: float) -> Floats:
    """Return (a . b / d + 1)^3 for all pairs of rows; `one` is the 1 in the scaled units."""
    return np.asarray((a @ b.T / a.shape[1] + one) ** 3)
