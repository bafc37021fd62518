"""The share of real samples near generated samples."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.pairs._manifolds import manifolds
from unweave_metrics.score import Score


@metric(
    "share of real samples near generated samples",
    interval=Subsets(paired=False),
    cost="O((n + m)^2 d)",
    rewards="generated samples of every kind",
    misses=(
        "whether they look real; "
        "one generated outlier widens its ball; balls of repeated rows are empty"
    ),
    with_rows="More rows make balls smaller: compare sets of the same sizes.",
)
def recall(x: ArrayLike, y: ArrayLike, *, neighbors: int = 3) -> Score:
    """Compute the recall: the share of real samples near generated samples.

    Mean over x of [x in some B(y)]. B(a) is the open ball around a row whose radius is the distance
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
    Score, with part `inside`.

    Raises
    ------
    ValueError
        For not more rows than neighbours, different columns, NaN or infinite values.

    References
    ----------
    T. Kynkäänniemi, T. Karras, S. Laine, J. Lehtinen, T. Aila, "Improved precision and recall
    metric for assessing generative models", 2019, eq. 1 and 2.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).normal(size=(200, 2))
    >>> float(recall(x, x + 100.0))
    0.0
    """
    balls = manifolds(x, y, neighbors)
    value = float(balls.recall.mean())
    parts = {"inside": balls.recall}
    return Score(value, name="recall", parts=parts, settings=balls.settings)
