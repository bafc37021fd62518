"""Wasserstein distance of a Gaussian fit from independence."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import excess, largest, shifted, shifted_number
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._moments import (
    Moments,
    covariance_of,
    moments_of,
    moments_together,
    several_codes,
)


@metric(
    "distance from independence",
    interval=Rows(),
    best="low",
    bounds=UPWARD,
    usual=True,
    cost="O(n d^2)",
    rewards="uncorrelated codes",
    misses="as total correlation; it has squared units",
    with_rows="Falls as rows are added: few rows correlate by chance.",
)
def gaussian_wasserstein(codes: ArrayLike, *, normalize: bool = False) -> Score:
    """Compute the Wasserstein distance of a Gaussian fit from its independent version.

    W = 2 tr S - 2 tr (D^1/2 S D^1/2)^1/2 is the squared 2-Wasserstein distance between N(0, S) and
    N(0, D), with S the covariance (divisor n - 1) and D its diagonal; `normalize` divides it by tr
    S. Range 0 upward, best 0. In squared units of the codes, unless normalised.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    normalize
        Divide by tr S.

    Returns
    -------
    Score, with parts `covariance` (d, d) and `normalized`, the distance over tr S.

    Raises
    ------
    ValueError
        For fewer than two codes, NaN or infinite values, a distance beyond the largest float.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.3. They take the square
    root of D S itself, which has the same trace; the symmetric form is numerically stable.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(1000, 2))
    >>> float(gaussian_wasserstein(codes)) < 0.01
    True
    """
    moments, power = _together(several_codes(codes, "gaussian_wasserstein"))
    covariance = covariance_of(moments)
    value = wasserstein_of_rows(moments.centred, covariance)
    total = float(np.trace(covariance))
    share = value / total if total > 0 else 0.0
    return Score(
        share if normalize else shifted_number(value, 2 * power),
        name="gaussian_wasserstein",
        parts={"covariance": shifted(covariance, 2 * power), "normalized": share},
        settings={"normalize": normalize},
    )


def _together(z: Array) -> tuple[Moments, int]:
    """Return moments of codes that are all divided by one power of two, and its exponent."""
    moments = moments_of(z)
    if not moments.powers.any():
        return moments, 0
    power = int(excess(np.array([[largest(z)]]))[0])
    return moments_together(z, power), power


def wasserstein_of_rows(centred: Floats, covariance: Floats) -> float:
    """Return the squared distance for centred codes (d, n) and their covariance S (d, d).

    The square roots of the eigenvalues of D^1/2 S D^1/2 are the singular values of (z - mean) D^1/2
    / sqrt(n - 1). They are accurate even if S is nearly singular, because nothing is squared.
    """
    scale = np.sqrt(np.diag(covariance))
    rows = (centred * (scale / np.sqrt(centred.shape[1] - 1))[:, None]).T
    triangle = np.linalg.qr(rows, mode="r") if len(rows) > rows.shape[1] else rows
    roots = np.linalg.svd(triangle, compute_uv=False)
    return max(float(2 * np.trace(covariance) - 2 * roots.sum()), 0.0)


def wasserstein_of(covariance: Floats) -> float:
    """Return the squared 2-Wasserstein distance between N(0, S) and N(0, diag S)."""
    scale = np.sqrt(np.diag(covariance))
    symmetric = covariance * scale[:, None] * scale[None, :]
    roots = np.sqrt(np.maximum(np.linalg.eigvalsh(symmetric), 0.0))
    return max(float(2 * np.trace(covariance) - 2 * roots.sum()), 0.0)
