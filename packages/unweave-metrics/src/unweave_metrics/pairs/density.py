"""The number of real balls that contain a generated sample."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.pairs._manifolds import manifolds
from unweave_metrics.score import Score


@metric(
    "real neighbourhoods around a generated sample",
    interval=Subsets(paired=False),
    bounds=UPWARD,
    cost="O((n + m)^2 d)",
    rewards="samples where real samples are dense",
    misses="what is never generated; repeated rows",
    with_rows="Samples of the real distribution get about 1, at any size.",
)
def density(x: ArrayLike, y: ArrayLike, *, neighbors: int = 5) -> Score:
    """Compute the density: the mean number of real balls that contain a generated sample, over k.

    Mean over y of (number of x with y in B(x)) / k. B(a) is the open ball around a row whose radius
    is the distance to its k-th nearest neighbour in its own set. Range 0 upward; samples of the
    real distribution get about 1. O((n + m)^2 d) time, memory for the distances of a thousand rows.

    Parameters
    ----------
    x
        Real samples or their features, shape (n, d).
    y
        Generated samples, shape (m, d).
    neighbors
        Number of neighbours k.

    Returns
    -------
    Score, with part `per_row`.

    Raises
    ------
    ValueError
        For not more rows than neighbours, different columns, NaN or infinite values.

    References
    ----------
    M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi, J. Yoo, "Reliable fidelity and diversity metrics for
    generative models", 2020, eq. 2.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> float(density(x, x + 100.0))
    0.0
    """
    balls = manifolds(x, y, neighbors)
    value = float(balls.counts.mean() / neighbors)
    parts = {"per_row": balls.counts / neighbors}
    return Score(value, name="density", parts=parts, settings=balls.settings)
