"""The mean correlation coefficient between codes and true sources."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_choice, check_pair
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import in_reach
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score


@metric(
    "mean correlation of matched codes",
    interval=Rows(),
    cost="O(n d k + d^3)",
    rewards="one code per factor, linear or monotone",
    misses="classes without an order",
)
def mcc(codes: ArrayLike, factors: ArrayLike, *, correlation: str = "pearson") -> Score:
    """Compute the mean correlation coefficient under the best matching of codes and factors.

    The score is the mean over factors of |corr(z_i, y_k)|, where factors are matched one to one
    with codes such that the mean is largest. If there are fewer codes, factors without a code count
    0. A constant code or factor has correlation 0. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : float values or ordered classes, shape (n, k)
    correlation
        ``"pearson"`` or ``"spearman"``.

    Returns
    -------
    Score, with parts `correlation` (d, k), signed, and `matched_code` (k,), -1 for none.

    Raises
    ------
    ValueError
        For NaN or infinite values, inconsistent shapes.

    References
    ----------
    A. Hyvärinen, H. Morioka, "Unsupervised feature extraction by time-contrastive learning", 2016,
    sect. 5.

    Examples
    --------
    >>> y = np.random.default_rng(0).normal(size=(100, 2))
    >>> round(float(mcc(-y[:, ::-1], y)), 6)
    1.0
    """
    from scipy.optimize import linear_sum_assignment

    check_choice(correlation, "correlation", ("pearson", "spearman"))
    z, y = check_pair(codes, factors)
    first, second = (in_reach(part)[0] for part in (z, y))
    if correlation == "spearman":
        from scipy.stats import rankdata

        first, second = rankdata(first, axis=0), rankdata(second, axis=0)
    matrix = _correlations(first, second)
    rows, columns = linear_sum_assignment(-np.abs(matrix))
    code = np.full(y.shape[1], -1)
    code[columns] = rows
    value = np.abs(matrix[rows, columns]).sum() / y.shape[1]
    parts = {"correlation": matrix, "matched_code": code}
    settings = {"correlation": correlation, "rows": len(z)}
    return Score(value, name="mcc", parts=parts, settings=settings)


def _correlations(z: Floats, y: Floats) -> Floats:
    """Return Pearson correlations (d, k), 0 with a constant column."""
    columns = []
    for part in (z, y):
        constant = np.ptp(part, axis=0) == 0
        centred = part - part.mean(axis=0)
        length = np.where(constant, 1.0, np.sqrt((centred**2).sum(axis=0)))
        columns.append(np.where(constant, 0.0, centred / length))
    return np.asarray(np.clip(columns[0].T @ columns[1], -1.0, 1.0))
