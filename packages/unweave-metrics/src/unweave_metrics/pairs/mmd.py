"""Squared maximum mean discrepancy of two sets."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_choice
from unweave_metrics._counting import Floats
from unweave_metrics._options import POSITIVE, check_options
from unweave_metrics._scaling import shifted
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.interval import POPULATION
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.pairs._sets import check_two, pair_mean
from unweave_metrics.score import Score

# The scales in the program of the authors of the Wasserstein autoencoder.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def squared_distances(x: Floats, y: Floats) -> Floats:
    """Return the squared distances (n, m) of rows."""
    # Centred first, because large means would cost digits in the expanded square.
    centre = x.mean(axis=0)
    x, y = x - centre, y - centre
    lengths = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(lengths - 2 * (x @ y.T), 0.0))


@metric(
    "maximum mean discrepancy of two sets, squared",
    interval=Subsets(covers=POPULATION, paired=False),
    best="low",
    bounds=ANY,
    cost="O(n m d)",
    rewards="two sets that are alike for the kernel",
    misses="differences at other scales than the kernel's",
)
def mmd(
    x: ArrayLike,
    y: ArrayLike,
    *,
    kernel: str = "imq",
    scales: Sequence[float] = SCALES,
    std: float = 1.0,
    unbiased: bool = True,
) -> Score:
    """Compute the squared maximum mean discrepancy of two sets.

    MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y), summed over `scales` s. ``"imq"``: k = C
    / (C + |a - b|^2) with C = 2 d std^2 s; ``"rbf"``: k = exp(-|a - b|^2 / C). If `unbiased`, pairs
    of a row with itself are left out, and the score may be below 0. Range about 0 upward, best 0.
    O(n m d) time, O(n m) memory.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d) and (m, d)
    kernel
        ``"imq"`` or ``"rbf"``.
    scales
        Scales of the kernels in the sum.
    std
        Standard deviation of the prior that codes are compared with.
    unbiased
        Leave pairs of a row with itself out.

    Raises
    ------
    ValueError
        For different columns, NaN or infinite values, a scale or `std` that is not positive.

    References
    ----------
    A. Gretton et al., "A kernel two-sample test", 2012, eq. 3 and 5; mixture: I. Tolstikhin, O.
    Bousquet, S. Gelly, B. Schölkopf, "Wasserstein auto-encoders", 2018.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> round(float(mmd(x, x, unbiased=False)), 12)
    0.0
    """
    check_choice(kernel, "kernel", ("imq", "rbf"))
    check_options({"scales": scales})
    POSITIVE(std, "std")
    first, second, power = check_two(x, y)
    value = 0.0
    within = squared_distances(first, first), squared_distances(second, second)
    between = squared_distances(first, second)
    for s in scales:
        C = 2 * first.shape[1] * std**2 * s
        a, b, c = (_kernel(d, C, kernel, power) for d in (*within, between))
        value += pair_mean(a, unbiased) + pair_mean(b, unbiased) - 2 * float(c.mean())
    settings = {
        "kernel": kernel, "scales": list(scales), "std": std, "unbiased": unbiased,
        "rows": [len(first), len(second)],
    }  # fmt: skip
    return Score(value, name="mmd", settings=settings)


def _kernel(distance: Floats, C: float, kernel: str, power: int) -> Floats:
    """Return the kernel at squared distances that were divided by 4^power."""
    distance = shifted(distance, 2 * power)  # at an infinite distance the kernel is 0
    with np.errstate(over="ignore"):
        return C / (C + distance) if kernel == "imq" else np.exp(-distance / C)
