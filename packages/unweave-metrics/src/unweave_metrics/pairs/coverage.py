"""The share of real samples with a generated sample in their ball."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.pairs._manifolds import manifolds
from unweave_metrics.score import Score


@metric(
    "share of real samples with a generated sample nearby",
    interval=Subsets(paired=False),
    cost="O((n + m)^2 d)",
    rewards="generated samples near every real sample",
    misses="samples far from all real ones; repeated rows",
    with_rows="An equally large sample of the real distribution gets about 1 - 2^-k.",
)
def coverage(x: ArrayLike, y: ArrayLike, *, neighbors: int = 5) -> Score:
    """Compute the coverage: the share of real samples with a generated sample nearby.

    Mean over x of [some y in B(x)]. B(a) is the open ball around a row whose radius is the distance
    to its k-th nearest neighbour in its own set. Range 0 to 1, best 1. O((n + m)^2 d) time, memory
    for the distances of a thousand rows.

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
    Score, with part `covered`.

    Raises
    ------
    ValueError
        For not more rows than neighbours, different columns, NaN or infinite values.

    References
    ----------
    M. F. Naeem, S. J. Oh, Y. Uh, Y. Choi, J. Yoo, "Reliable fidelity and diversity metrics for
    generative models", 2020, eq. 3.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> float(coverage(x, x + 100.0))
    0.0
    """
    balls = manifolds(x, y, neighbors)
    value = float(balls.coverage.mean())
    parts = {"covered": balls.coverage}
    return Score(value, name="coverage", parts=parts, settings=balls.settings)
