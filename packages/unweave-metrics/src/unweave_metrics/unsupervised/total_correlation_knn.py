"""Total correlation of codes by nearest neighbours."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_codes, check_several, constant_columns
from unweave_metrics._sampling import draw_rows
from unweave_metrics._standardized import standardized
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.score import Score


@metric(
    "total correlation by neighbours (nats)",
    interval=Subsets(),
    best="low",
    bounds=ANY,
    cost="O(n^1.5 d)",
    rewards="independent codes",
    misses="many ties; it is biased for large d",
    with_rows=("Strong dependence is underestimated on few rows, whose neighbours are far away."),
)
def total_correlation_knn(
    codes: ArrayLike, *, neighbors: int = 5, samples: int | None = 5_000, seed: int = 0
) -> Score:
    """Estimate the total correlation of the codes by nearest neighbours, in nats.

    TC = psi(m) + (d - 1) psi(n) - mean_j sum_i psi(c_ij + 1), with psi the digamma function, m the
    number of neighbours, and c_ij the number of other rows closer to row j in code i alone than its
    m-th neighbour is in all codes (maximum norm). Range about 0 upward, best 0; small values may be
    slightly negative. Codes are standardised, constant codes are left out, and a jitter of 1e-10
    breaks ties. About O(n^1.5 d) time.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    neighbors
        Number of neighbours m.
    samples
        Largest number of rows; larger tables are subsampled. None: all rows.
    seed
        Seed of the subsample and the jitter.

    Raises
    ------
    ValueError
        For fewer than two codes, not more rows than neighbours, NaN or infinite values.

    References
    ----------
    A. Kraskov, H. Stögbauer, P. Grassberger, "Estimating mutual information", 2004, eq. 23 (its
    first algorithm in d dimensions).

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(1000, 2))
    >>> abs(float(total_correlation_knn(codes))) < 0.1
    True
    """
    from scipy.spatial import cKDTree
    from scipy.special import digamma

    z = check_codes(codes)
    check_several(z.shape[1], "codes", "total_correlation_knn")
    rows = draw_rows(len(z), samples, seed)
    z = z if rows is None else z[rows]
    n = len(z)
    if n <= neighbors:
        raise ValueError(f"codes must have more rows than neighbors={neighbors}, got {n}")
    values = standardized(z)[:, ~constant_columns(z)]
    settings = {"neighbors": neighbors, "samples": samples, "rows": n, "seed": seed}
    d = values.shape[1]
    if d < 2:
        return Score(0.0, name="total_correlation_knn", settings=settings)
    values += 1e-10 * np.random.default_rng(seed).normal(size=values.shape)
    near, _ = cKDTree(values).query(values, k=[neighbors + 1], p=np.inf)
    distance = np.reshape(near, n)
    closer = np.zeros(n)
    for i in range(d):
        ordered = np.sort(values[:, i])
        # Strictly closer rows lie in the open interval; the row itself is one of them.
        above = np.searchsorted(ordered, values[:, i] + distance, side="left")
        below = np.searchsorted(ordered, values[:, i] - distance, side="right")
        closer += digamma(np.maximum(above - below, 1))
    value = digamma(neighbors) + (d - 1) * digamma(n) - closer.mean()
    return Score(value, name="total_correlation_knn", settings=settings)
