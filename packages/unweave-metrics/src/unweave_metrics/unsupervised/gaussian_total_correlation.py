"""Total correlation of a Gaussian fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._counting import Floats
from unweave_metrics._scaling import shifted
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._moments import covariance_of, moments_of, several_codes


@metric(
    "dependence of a Gaussian fit (nats)",
    interval=Rows(),
    best="low",
    bounds=UPWARD,
    usual=True,
    cost="O(n d^2)",
    rewards="uncorrelated codes",
    misses="any other dependence; factors",
    undefined="NaN with a constant code, infinite if codes depend linearly",
    with_rows="Independent codes get about d (d - 1) / (4 n) nats.",
)
def gaussian_total_correlation(codes: ArrayLike) -> Score:
    """Compute the total correlation of a Gaussian with the codes' covariance, in nats.

    TC = (sum_i log S_ii - log det S) / 2, with S the covariance (divisor n - 1). Range 0 upward,
    best 0; infinite if codes depend linearly; NaN with a constant code, whose correlation is
    undefined.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2

    Returns
    -------
    Score, with part `covariance` (d, d).

    Raises
    ------
    ValueError
        For fewer than two codes, NaN or infinite values.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.3.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(1000, 2))
    >>> float(gaussian_total_correlation(codes)) < 0.01
    True
    """
    moments = moments_of(several_codes(codes, "gaussian_total_correlation"))
    covariance, powers = covariance_of(moments), moments.powers
    value = total_correlation_of(covariance)
    parts = {"covariance": shifted(covariance, powers[:, None] + powers)}
    return Score(value, name="gaussian_total_correlation", parts=parts)


def total_correlation_of(covariance: Floats) -> float:
    """Return the total correlation of a Gaussian of this covariance, in nats."""
    variances = np.diag(covariance)
    if (variances <= 0).any():
        return float("nan")
    sign, logdet = np.linalg.slogdet(covariance)
    if sign <= 0:
        return float("inf")
    return float(0.5 * (np.log(variances).sum() - logdet))
