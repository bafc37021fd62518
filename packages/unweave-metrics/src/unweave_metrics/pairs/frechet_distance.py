"""The Fréchet distance of Gaussians fitted to two sets."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._scaling import shifted_number
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.pairs._sets import check_two
from unweave_metrics.score import Score


@metric(
    "distance of Gaussians fitted to two sets",
    interval=Rows(paired=False),
    best="low",
    bounds=UPWARD,
    cost="O((n + m) d^2 + d^3)",
    rewards="equal means and covariances",
    misses="everything beyond the second moment",
    with_rows=("Falls as rows are added: small samples of one distribution are further apart."),
)
def frechet_distance(x: ArrayLike, y: ArrayLike) -> Score:
    """Compute the Fréchet distance of Gaussians fitted to two sets of features.

    FD = |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2), covariances over n - 1: the
    squared 2-Wasserstein distance. With features of an Inception network this is FID. Range 0
    upward, best 0; biased upward for few rows. O((n + m) d^2 + d^3) time.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d) and (m, d)

    Returns
    -------
    Score, with parts `mean` and `covariance`, the two terms.

    Raises
    ------
    ValueError
        For different columns, NaN or infinite values, a distance beyond the largest float.

    References
    ----------
    M. Heusel et al., "GANs trained by a two time-scale update rule", 2017, eq. 6; D. C. Dowson, B.
    V. Landau, "The Fréchet distance between multivariate normal distributions", 1982.

    Examples
    --------
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> round(float(frechet_distance(x, x + [3, 4])), 6)
    25.0
    """
    first, second, power = check_two(x, y)
    shift = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    a, b = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (first, second))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0.0)).sum()
    spread = max(float(np.trace(a) + np.trace(b) - 2 * cross), 0.0)
    shift, spread, value = (
        shifted_number(part, 2 * power) for part in (shift, spread, shift + spread)
    )
    parts = {"mean": shift, "covariance": spread}
    settings = {"rows": [len(first), len(second)]}
    return Score(value, name="frechet_distance", parts=parts, settings=settings)
