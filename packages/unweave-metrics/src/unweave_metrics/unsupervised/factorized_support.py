"""The distance of the support of the codes from the product of their single supports."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_codes, check_positive, check_several, constant_columns
from unweave_metrics._counting import Floats
from unweave_metrics._sampling import draw_rows
from unweave_metrics._scaling import shifted, shifted_number, together_in_reach
from unweave_metrics._standardized import standardized
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.score import Score


@metric(
    "distance of pairs of codes from a product support",
    interval=Subsets(seconds=50.0),
    best="low",
    bounds=UPWARD,
    cost="O(d^2 samples^2 log samples)",
    rewards="codes that take all combinations of their values, however dependent",
    misses="how often they occur; only the largest gap counts, which is large for long tails",
    with_rows="Falls as `samples` grows: more rows fill the support.",
)
def factorized_support(
    codes: ArrayLike, *, samples: int | None = 500, normalize: bool = True, seed: int = 0
) -> Score:
    """Compute the Hausdorff distance of the codes' support from a factorised one, over pairs.

    The score is the mean over i < j of max_{a, b} min_r |(z_ai, z_bj) - (z_ri, z_rj)|: every
    combination of a value of code i and one of code j should have a row nearby. In units of the
    codes, or of their standard deviations. Range 0 upward, best 0. Constant codes have distance 0.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    samples
        Largest number of rows; larger tables are subsampled. None: all rows.
    normalize
        Divide each code by its standard deviation first.
    seed
        Seed of the subsample.

    Returns
    -------
    Score, with part `per_pair` (d, d).

    Raises
    ------
    ValueError
        For fewer than two codes, NaN or infinite values.

    References
    ----------
    K. Roth, M. Ibrahim, Z. Akata, P. Vincent, D. Bouchacourt, "Disentanglement of correlated
    factors via Hausdorff factorized support", 2023, eq. 4 and 5.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(5.0), np.arange(5.0)), axis=-1).reshape(-1, 2)
    >>> float(factorized_support(grid))
    0.0
    """
    z = check_codes(codes)
    check_several(z.shape[1], "codes", "factorized_support")
    if samples is not None:
        check_positive(samples, "samples", 2)
    rows = draw_rows(len(z), samples, seed)
    z = z if rows is None else z[rows]
    (values,), power = ([standardized(z)], 0) if normalize else together_in_reach(z)
    d = values.shape[1]
    alive = ~constant_columns(z)
    per_pair = np.zeros((d, d))
    for i in range(d):
        for j in range(i):
            if alive[i] and alive[j]:
                per_pair[i, j] = per_pair[j, i] = _gap(values[:, [i, j]])
    value = shifted_number(float(per_pair.sum() / (d * (d - 1))), power)
    per_pair = shifted(per_pair, power)
    settings = {"samples": samples, "normalize": normalize, "rows": len(z), "seed": seed}
    return Score(value, name="factorized_support", parts={"per_pair": per_pair}, settings=settings)


def _gap(pair: Floats) -> float:
    """Return max over combinations of two values of the distance to the nearest row (n, 2)."""
    from scipy.spatial import cKDTree

    tree = cKDTree(pair)
    first, second = (np.unique(column) for column in pair.T)
    farthest = 0.0
    for value in first:  # one value at a time, because the product has n^2 points
        points = np.column_stack([np.full(len(second), value), second])
        farthest = max(farthest, float(np.max(tree.query(points)[0])))
    return farthest
