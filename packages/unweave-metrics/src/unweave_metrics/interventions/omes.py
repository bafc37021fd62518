"""OMES: the association of codes with single factors, minus overlap and multiple encoding."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice, check_pair
from unweave_metrics._binning import factor_labels
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics._scaling import in_reach, shifted
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.interval import SAME_SIZE
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.interventions._groups import group_rest
from unweave_metrics.score import Score

POOLINGS = ("mean", "max")


@metric(
    "overlap and multiple encoding, from pairs of rows that differ in one factor",
    interval=Subsets(covers=SAME_SIZE, seconds=0.2),
    cost="O(n k (d + log n))",
    rewards="codes that move with only one factor, and factors that move only one code",
    misses=(
        "rotations, which may score higher, and factors of few values: the two values of a pair "
        "always differ, so a code that copies a factor of v values has the association 1 - 1 / (v "
        "- 1), and 0 where v is 2"
    ),
    with_rows="More rows have more pairs; a sparse table may have none for a factor.",
)
def omes(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    pooling: str = "mean",
    overlap_weight: float = 0.5,
    threshold: float = 0.05,
    bins: int = 10,
    factor_kinds: Declared = None,
) -> Score:
    """Compute the overlap multiple encoding score (OMES).

    A_ik = 1 - |corr(z_i, z'_i)| over pairs of rows that differ in factor k alone. The overlap score
    of code i for factor k is 1 - mean_l |[l = k] - A_il|, the multiple encoding score 1 - mean_j
    |[j = i] - A_jk|, and s_ik is the weighted mean of the two. A factor's score is sum_i s_ik
    A_ik^2 / sum_i A_ik (or max_i s_ik A_ik), and the score is their mean. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    pooling
        ``"mean"`` over codes, weighted by their association with the factor, or ``"max"``.
    overlap_weight
        Weight of the overlap score, 0 to 1; the multiple encoding score has the rest. With
        ``"max"`` each of the two uses its own best code.
    threshold
        Codes with a smaller standard deviation are left out; if none is left, the score is 0.
    bins
        Number of bins for measurements.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.

    Returns
    -------
    Score, with parts `per_factor` (k,), `matrix` (active codes, k), the association A, `active`
    (d,) and `pairs` (k,), how many pairs of rows each factor has.

    Raises
    ------
    ValueError
        For a single factor, a factor without two rows that differ in it alone, NaN or infinite
        values, inconsistent shapes.

    Notes
    -----
    The published program draws pairs at random: it splits each line of rows that differ in one
    factor into halves, once for each of its rows. Here the correlation is the limit of all these
    draws. Of rows with the same factors, the first is used, as there.

    References
    ----------
    J. Dapueto, N. Noceti, F. Odone, "Transferring disentangled representations: bridging the gap
    between synthetic and real images", 2024, sect. 3.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    >>> round(omes(grid + 0.0, grid), 4)
    0.6562
    """
    check_choice(pooling, "pooling", POOLINGS)
    settings = {
        "pooling": pooling, "overlap_weight": overlap_weight, "threshold": threshold, "bins": bins,
    }  # fmt: skip
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, bins)
    if len(labels) < 2:
        raise ValueError(f"omes needs at least two factors, got {len(labels)}")
    values, powers = in_reach(z)
    active = shifted(values.std(axis=0, ddof=1), powers) >= threshold
    matrix, pairs = associations(values[:, active], labels)
    per_factor = pooled(matrix, pooling, overlap_weight)
    return Score(
        per_factor.mean(),
        name="omes",
        parts={"per_factor": per_factor, "matrix": matrix, "active": active, "pairs": pairs},
        settings=settings | {"factor_kinds": kinds.words, "rows": len(z)},
        notes=kinds.notes,
    )


def associations(values: Floats, labels: Array) -> tuple[Floats, Floats]:
    """Return A (d, k) of codes (n, d) and classes (k, n), and the number of pairs (k,)."""
    rest = group_rest(labels).labels
    matrix, pairs = np.empty((values.shape[1], len(labels))), np.empty(len(labels))
    for k, (line, label) in enumerate(zip(rest, labels, strict=True)):
        key = line.astype(np.int64) * (int(label.max()) + 1) + label
        rows = np.unique(key, return_index=True)[1]
        each = np.bincount(line[rows])
        rows = rows[each[line[rows]] > 1]
        if not len(rows):
            raise ValueError(
                f"factors must have rows that differ only in column {k}, but there are none; use a "
                "denser table or fewer bins"
            )
        matrix[:, k] = 1 - np.abs(_correlations(values[rows], line[rows]))
        pairs[k] = (each[each > 1] * (each[each > 1] - 1) / 2).sum()
    return matrix, pairs


def _correlations(values: Floats, line: Array) -> Floats:
    """Return corr(z, z') (d,) over pairs of rows that differ in one factor; 1 for constant codes.

    A line of v such rows is drawn v times, in floor(v / 2) pairs: each of its v (v - 1) ordered
    pairs has the weight floor(v / 2) / (v - 1).
    """
    starts = np.flatnonzero(np.diff(line, prepend=-1))
    v = np.diff(np.append(starts, len(line)))[:, None]
    weight = v // 2 / (v - 1)
    z = values - values.mean(axis=0)
    sums, squares = np.add.reduceat(z, starts), np.add.reduceat(z * z, starts)
    total = (weight * v * (v - 1)).sum()
    mean = (weight * (v - 1) * sums).sum(axis=0) / total
    variance = (weight * (v - 1) * squares).sum(axis=0) / total - mean**2
    covariance = (weight * (sums**2 - squares)).sum(axis=0) / total - mean**2
    constant = np.ptp(values, axis=0) == 0
    correlation = covariance / np.where(constant, 1.0, variance)
    return np.where(constant, 1.0, np.clip(correlation, -1.0, 1.0))


def pooled(matrix: Floats, pooling: str, overlap_weight: float) -> Floats:
    """Return the score of each factor (k,) from associations (d, k); 0 if it moves no code."""
    d, k = matrix.shape
    if not d:
        return np.zeros(k)
    # |[l = k] - A_il| differs from A_il only at l = k, where it is 1 - A_ik.
    difference = 1 - 2 * matrix
    overlap = 1 - (matrix.sum(axis=1, keepdims=True) + difference) / k
    encoding = 1 - (matrix.sum(axis=0) + difference) / d
    if pooling == "max":
        best = [(part * matrix).max(axis=0) for part in (overlap, encoding)]
        return np.asarray(overlap_weight * best[0] + (1 - overlap_weight) * best[1])
    part = overlap_weight * overlap + (1 - overlap_weight) * encoding
    weight = matrix.sum(axis=0)
    return np.asarray((part * matrix**2).sum(axis=0) / np.where(weight > 0, weight, 1.0))
