"""Linearity: the share of a traversal's variance along one line, and along one code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_choice, check_several
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._scaling import shifted
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.strategy import Whole
from unweave_metrics.interventions._groups import Rows
from unweave_metrics.interventions._traversals import MEANS, mean_of_factors, moves_of, table_of
from unweave_metrics.score import Score

RATIOS = ("linear", "axis", "alignment")

# A smaller ratio of variances is a rounding error.
ROUNDING = 1e-12


@metric(
    "share of a traversal's spread that lies along one line, or along one code",
    interval=Whole(),
    cost="O(n k (d min(v, d) + log n))",
    rewards="factors that move the codes along one line, or along one code (axis, alignment)",
    misses=(
        "the order along the line, whether factors share a code, and codes that never move, which "
        "raise every ratio; one factor that moves no code makes the geometric mean 0"
    ),
    with_rows="Rows outside of whole traversals change nothing.",
)
def linearity(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    ratio: str = "linear",
    mean: str = "geometric",
    bins: int = 10,
    factor_kinds: Declared = None,
) -> Score:
    """Compute the linear ratio, the axis ratio or the axis alignment of whole traversals.

    A traversal is the v rows that share all factors but one. If s_1 >= ... >= s_d are the variances
    of its codes along their principal axes, the linear ratio is (d s_1 / sum s - 1) / (d - 1). The
    axis ratio is the same for the variances of single codes, and at most the linear ratio; axis
    alignment is the axis ratio over the linear ratio. Each is averaged over the factor's whole
    traversals, where one that moves no code has 0, and then over factors. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    factors : integer classes or float values, shape (n, k), with whole traversals of each factor
    ratio
        ``"linear"``, ``"axis"`` or ``"alignment"``: which of the three is the score.
    mean
        ``"geometric"`` or ``"arithmetic"``, over factors.
    bins
        Number of bins for measurements.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.

    Returns
    -------
    Score, with parts `linear_ratio`, `axis_ratio` and `axis_alignment`, `axis_ratio_of_means`,
    which is the axis ratio of variances averaged over the factor's traversals first, `per_factor`
    (k,) of the score, `matrix` (k, 4) of these four for each factor, and `traversals` (k,), how
    many each factor has.

    Raises
    ------
    ValueError
        For a single code, a constant factor or one without a whole traversal; NaN or infinite
        values, inconsistent shapes.

    Notes
    -----
    The published program draws traversals at random. Here every whole traversal counts once, which
    gives the mean over its draws. So nothing is random, and a grid has no interval. Of rows with
    the same factors, the first is used.

    References
    ----------
    N. Michlo, the library disent 0.8, 2022, `metric_linearity`.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    >>> turned = grid @ np.array([[0.8, -0.6], [0.6, 0.8]])
    >>> round(linearity(turned, grid), 4), round(linearity(turned, grid, ratio="axis"), 4)
    (1.0, 0.28)
    """
    check_choice(ratio, "ratio", RATIOS)
    check_choice(mean, "mean", MEANS)
    table = table_of(codes, factors, bins, factor_kinds)
    check_several(table.z.shape[1], "codes", "linearity")
    rows = table.traversals()
    matrix = np.array([_ratios(table.z, each) for each in rows])
    means = [mean_of_factors(column, mean, "linearity") for column in matrix.T]
    place = RATIOS.index(ratio)
    names = ("linear_ratio", "axis_ratio", "axis_alignment", "axis_ratio_of_means")
    return Score(
        means[place][0],
        name="linearity",
        parts={name: value for name, (value, _) in zip(names, means, strict=True)}
        | {"per_factor": matrix[:, place], "matrix": matrix,
           "traversals": np.array([len(each) for each in rows])},
        settings={"ratio": ratio, "mean": mean, "bins": bins, "factor_kinds": table.kinds.words,
                  "rows": len(table.z)},
        notes=(*table.kinds.notes, *means[place][1]),
    )  # fmt: skip


def _ratios(z: Floats, rows: Rows) -> Floats:
    """Return mean linear ratio, axis ratio and alignment, and the axis ratio of means (4,)."""
    each, spreads, powers = [], [], []
    for moves, power in moves_of(z, rows):
        centred = moves - moves.mean(axis=1, keepdims=True)
        spread = (centred**2).sum(axis=1)
        # Up to rounding, the share along one code is at most that along a line.
        axis = _share(spread.max(axis=1), spread)
        linear = np.maximum(_share(_largest_spread(centred), spread), axis)
        alignment = np.divide(axis, linear, out=np.zeros_like(axis), where=linear > 0)
        each.append(np.array([linear, axis, alignment]))
        spreads.append(spread)
        powers.append(power)
    power = np.concatenate(powers)
    mean = shifted(np.concatenate(spreads), 2 * (power - power.max())[:, None]).mean(axis=0)
    of_means = _share(mean.max(keepdims=True), mean[None])
    return np.append(np.concatenate(each, axis=1).mean(axis=1), of_means)


def _largest_spread(centred: Floats) -> Floats:
    """Return the largest sum of squares (t,) of moves (t, v, d) along any line.

    It is the largest eigenvalue of the smaller of the two Gram matrices, (v, v) or (d, d).
    """
    _, v, d = centred.shape
    other = centred.swapaxes(1, 2)
    squares = centred @ other if v < d else other @ centred
    return np.asarray(np.linalg.eigvalsh(squares)[:, -1])


def _share(first: Floats, spread: Floats) -> Floats:
    """Return (d share - 1) / (d - 1), 0 to 1, for the share of `first` (t,) in `spread` (t, d)."""
    d, total = spread.shape[1], spread.sum(axis=1)
    share = np.divide(first, total, out=np.full(len(total), 1 / d), where=total > 0)
    excess = np.minimum((d * share - 1) / (d - 1), 1.0)
    return np.where(excess > ROUNDING, excess, 0.0)
