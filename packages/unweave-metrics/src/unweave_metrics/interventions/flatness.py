"""Flatness: the width of the codes of a traversal over its length."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_choice
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._scaling import shifted, shifted_number
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.strategy import Whole
from unweave_metrics.interventions._groups import Rows
from unweave_metrics.interventions._traversals import NORMS, TOGETHER, pair_distances, table_of
from unweave_metrics.score import Score

PATHS = ("cycle", "line")


@metric(
    "width of traversals of one factor over their length",
    interval=Whole(),
    cost="O(n k (v d + log n))",
    rewards="factors that move the codes along a straight line, along only one code",
    misses=(
        "whether factors share a code; factors without an order, such as shapes, or with cyclic "
        "values, such as angles, cannot have straight traversals"
    ),
    with_rows="Rows outside of whole traversals change nothing.",
)
def flatness(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    path: str = "cycle",
    bins: int = 10,
    factor_kinds: Declared = None,
) -> Score:
    """Compute the flatness of codes along whole traversals of each factor.

    A traversal is the v rows that share all factors but one, in the order of its values. Its width
    w is the largest distance between two of its codes, and its length l the sum of the distances
    from each value to the next. A factor's flatness is mean(w_2) / mean(l_1) over all its whole
    traversals, with the width by the l2 and the length by the l1 norm. The score is the mean over
    factors; a factor that moves no code has 0. Range 0 to 1, best 1, for straight lines along one
    code.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), with whole traversals of each factor
    path
        ``"cycle"`` goes from the last value back to the first and leaves out the longest of
        the v steps; ``"line"`` ends at the last value.
    bins
        Number of bins for measurements.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.

    Returns
    -------
    Score, with parts `per_factor` (k,), `flatness_l1` and `flatness_l2` (width and length by one
    norm), `widths_l1`, `widths_l2`, `lengths_l1`, `lengths_l2` (k,) in units of the codes, and
    `traversals` (k,), how many each factor has.

    Raises
    ------
    ValueError
        For a constant factor or one without a whole traversal; NaN or infinite values, inconsistent
        shapes.

    Notes
    -----
    The published program draws traversals at random. Here every whole traversal counts once, which
    gives the mean over its draws. So nothing is random, and a grid has no interval. Of rows with
    the same factors, the first is used.

    References
    ----------
    N. Michlo, the library disent 0.8, 2022, `metric_flatness`.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    >>> float(flatness(grid + 0.0, grid))
    1.0
    """
    check_choice(path, "path", PATHS)
    table = table_of(codes, factors, bins, factor_kinds)
    rows = table.traversals()
    pairs = [_measures(table.z, each, path) for each in rows]
    sizes = np.array([measures for measures, _ in pairs])
    widths, lengths = sizes[:, :2], sizes[:, 2:]
    ratios = np.divide(
        widths[:, [1, 0, 1]], lengths[:, [0, 0, 1]],
        out=np.zeros((len(rows), 3)), where=lengths[:, [0, 0, 1]] > 0,
    )  # fmt: skip
    mixed, by_l1, by_l2 = ratios.T
    own = np.array([[shifted_number(m, p + table.power) for m in row] for row, p in pairs])
    names = ("widths_l1", "widths_l2", "lengths_l1", "lengths_l2")
    return Score(
        mixed.mean(),
        name="flatness",
        parts={"per_factor": mixed, "flatness_l1": by_l1.mean(), "flatness_l2": by_l2.mean()}
        | dict(zip(names, own.T, strict=True))
        | {"traversals": np.array([len(each) for each in rows])},
        settings={"path": path, "bins": bins, "factor_kinds": table.kinds.words,
                  "rows": len(table.z)},
        notes=table.kinds.notes,
    )  # fmt: skip


def _measures(z: Floats, rows: Rows, path: str) -> tuple[Floats, int]:
    """Return the mean widths and mean lengths by l1 and l2 (4,), and the power divided out."""
    measures, powers = [], []
    size = max(1, TOGETHER // rows.shape[1] ** 2)
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        both = [pair_distances(z, some, norm) for norm in NORMS]
        widths = [distances.max(axis=1) for distances, _ in both]
        lengths = [_lengths(distances, rows.shape[1], path) for distances, _ in both]
        measures.append(np.array(widths + lengths))
        powers.append(both[0][1])
    power = np.concatenate(powers)
    top = int(power.max())
    return shifted(np.concatenate(measures, axis=1), power - top).mean(axis=1), top


def _lengths(distances: Floats, v: int, path: str) -> Floats:
    """Return the lengths (t,) of paths through v codes from the distances of all their pairs."""
    first, second = np.triu_indices(v, 1)
    steps = distances[:, second - first == 1]
    if path == "line":
        return np.asarray(steps.sum(axis=1))
    back = distances[:, v - 2]  # from the last to the first
    return np.asarray(steps.sum(axis=1) + back - np.maximum(steps.max(axis=1), back))
