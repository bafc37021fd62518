"""Distances between two sets of features: maximum mean discrepancy, Fréchet, kernel distance."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import Array, check_choice, check_matrix, check_positive
from unweave_metrics.counting import Floats
from unweave_metrics.sampling import generator
from unweave_metrics.score import Score

# The mixture of the Wasserstein autoencoder's authors.
SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def check_two(x: ArrayLike, y: ArrayLike, rows: int = 2) -> tuple[Floats, Floats]:
    """Return both sets as float64 arrays (n, d) and (m, d)."""
    first = check_matrix(x, "x", rows=rows)
    second = check_matrix(y, "y", rows=rows)
    if first.shape[1] != second.shape[1]:
        raise ValueError(f"y must have the {first.shape[1]} columns of x, got shape {second.shape}")
    return first.astype(np.float64), second.astype(np.float64)


def squared_distances(x: Floats, y: Floats) -> Floats:
    """Return the squared distances (n, m) of rows."""
    # Centred first: large means would cost digits in the expanded square.
    centre = x.mean(axis=0)
    x, y = x - centre, y - centre
    lengths = (x**2).sum(axis=1)[:, None] + (y**2).sum(axis=1)[None, :]
    return np.asarray(np.maximum(lengths - 2 * (x @ y.T), 0.0))


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

    MMD^2 = mean k(x, x') + mean k(y, y') - 2 mean k(x, y), summed over `scales` s; ``"imq"``: k = C
    / (C + |a - b|^2) with C = 2 d std^2 s; ``"rbf"``: k = exp(-|a - b|^2 / C). Without the
    diagonals if `unbiased` (then it may be below 0). Range about 0 upward, best 0. O(n m d) time,
    O(n m) memory.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d) and (m, d)
    kernel : ``"imq"`` or ``"rbf"``
    scales : of the mixture
    std : standard deviation of the prior that codes are compared with
    unbiased : leave pairs of a row with itself out

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
    check_positive(std, "std", np.finfo(float).tiny)
    first, second = check_two(x, y)
    value = 0.0
    within = squared_distances(first, first), squared_distances(second, second)
    between = squared_distances(first, second)
    for s in scales:
        C = 2 * first.shape[1] * std**2 * s
        a, b, c = (_kernel(d, C, kernel) for d in (*within, between))
        value += _mean(a, unbiased) + _mean(b, unbiased) - 2 * float(c.mean())
    settings = {
        "kernel": kernel, "scales": list(scales), "std": std, "unbiased": unbiased,
        "rows": [len(first), len(second)],
    }  # fmt: skip
    return Score(value, name="mmd", settings=settings)


def _kernel(distance: Floats, C: float, kernel: str) -> Floats:
    """Return kernel values of squared distances."""
    return C / (C + distance) if kernel == "imq" else np.exp(-distance / C)


def _mean(kernel: Floats, unbiased: bool) -> float:
    """Return the mean of a square matrix, without its diagonal if unbiased."""
    n = len(kernel)
    if not unbiased:
        return float(kernel.mean())
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))


def frechet_distance(x: ArrayLike, y: ArrayLike) -> Score:
    """Compute the Fréchet distance of Gaussians fitted to two sets of features.

    |m_x - m_y|^2 + tr(S_x + S_y - 2 (S_x^1/2 S_y S_x^1/2)^1/2), covariances over n - 1: the squared
    2-Wasserstein distance. With features of an Inception network this is FID. Range 0 upward, best
    0; biased upward for few rows. O((n + m) d^2 + d^3) time.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d) and (m, d)

    Returns
    -------
    Score, with parts `mean` and `covariance`, the two terms.

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
    first, second = check_two(x, y)
    shift = float(((first.mean(axis=0) - second.mean(axis=0)) ** 2).sum())
    a, b = (np.atleast_2d(np.cov(part, rowvar=False)) for part in (first, second))
    values, vectors = np.linalg.eigh(a)
    root = (vectors * np.sqrt(np.maximum(values, 0.0))) @ vectors.T
    cross = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ b @ root), 0.0)).sum()
    spread = max(float(np.trace(a) + np.trace(b) - 2 * cross), 0.0)
    parts = {"mean": shift, "covariance": spread}
    settings = {"rows": [len(first), len(second)]}
    return Score(shift + spread, name="frechet_distance", parts=parts, settings=settings)


def kernel_distance(
    x: ArrayLike, y: ArrayLike, *, subsets: int = 100, subset_size: int = 1_000, seed: int = 0
) -> Score:
    """Compute the kernel distance: unbiased MMD^2 with a cubic kernel, over random subsets.

    k(a, b) = (a . b / d + 1)^3, the mean over `subsets` pairs of subsets of `subset_size` rows (all
    rows, once, where there are no more). With features of an Inception network this is KID. Range
    about 0 upward, best 0.

    Parameters
    ----------
    x, y : float arrays, shapes (n, d) and (m, d)
    subsets, subset_size : number and rows of the random subsets
    seed : decides them

    Returns
    -------
    Score, with part `per_subset`.

    References
    ----------
    M. Binkowski, D. Sutherland, M. Arbel, A. Gretton, "Demystifying MMD GANs", 2018, sect. 4.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> abs(float(kernel_distance(rng.normal(size=(500, 2)), rng.normal(size=(500, 2))))) < 0.1
    True
    """
    check_positive(subsets, "subsets")
    check_positive(subset_size, "subset_size", 2)
    first, second = check_two(x, y)
    size = min(subset_size, len(first), len(second))
    if size == len(first) == len(second):
        subsets = 1
    rng = generator(seed)
    values = []
    for _ in range(subsets):
        a = first[rng.choice(len(first), size, replace=False)]
        b = second[rng.choice(len(second), size, replace=False)]
        values.append(
            _mean(_cubic(a, a), True) + _mean(_cubic(b, b), True) - 2 * float(_cubic(a, b).mean())
        )
    settings = {"subsets": subsets, "subset_size": size, "seed": seed}
    parts = {"per_subset": np.array(values)}
    return Score(float(np.mean(values)), name="kernel_distance", parts=parts, settings=settings)


def _cubic(a: Array, b: Array) -> Floats:
    """Return (a . b / d + 1)^3 for all pairs of rows."""
    return np.asarray((a @ b.T / a.shape[1] + 1) ** 3)
