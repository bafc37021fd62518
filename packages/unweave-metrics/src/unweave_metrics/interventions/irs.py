"""The interventional robustness score: how constant codes are while other factors change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair, constant_columns
from unweave_metrics._binning import factor_labels
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics._sampling import subsample
from unweave_metrics._scaling import in_reach, shifted
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.interval import SAME_SIZE
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.interventions._groups import Groups, make_groups
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score

# Up to this many largest deviations are kept sorted in one pass over the rows; for more, a
# selection algorithm is used.
FEW = 128


@metric(
    "interventional robustness",
    interval=Rows(covers=SAME_SIZE, method="centred", seconds=0.1),
    usual=True,
    family="irs",
    cost="O(n d k)",
    rewards="codes that stay constant while other factors change",
    misses="weights have the units of the codes: one wide code of noise dominates the score",
    with_rows=(
        "If codes have tails, the largest deviation grows with the number of rows, and "
        "with it the score."
    ),
)
def irs(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    quantile: float | None = None,
    bins: int | None = None,
    bin_factors: bool | None = None,
    binning: str | None = None,
    samples: int | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the interventional robustness score of the codes.

    P_ik = mean over values v of y_k (unweighted) of the `quantile` of |z_i - E[z_i | v]|, divided
    by max |z_i - E z_i|. A code's score is max_k (1 - P_ik), and the score is their average,
    weighted by max |z_i - E z_i| (in units of the codes, so scale matters). Constant codes are left
    out; if all are constant, the score is 0. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    preset
        Name of a preset; by default the conventions of ``"locatello2019"``, on all rows.
    quantile
        Quantile of the deviations; 1 is the maximum, as in the paper.
    bins
        Number of bins for factors.
    bin_factors
        Bin every factor, also classes; measurements are always binned.
    binning
        ``"range"`` divides [min, max] of a factor, ``"unit"`` scales to [0, 1] first; they differ
        by rounding if values lie on the edges of bins.
    samples
        Largest number of rows; larger tables are subsampled without replacement.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of the subsample.

    Returns
    -------
    Score, with parts `per_code`, `parents` and `max_deviations` (active codes,), `matrix` (active
    codes, k) and `active` (d,).

    Raises
    ------
    ValueError
        For quantile outside (0, 1], a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    R. Suter, D. Miladinovic, B. Schölkopf, S. Bauer, "Robustly disentangled causal mechanisms",
    2019, sect. 4; quantile, weights and binned factors as F. Locatello et al., 2019.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> float(irs(factors + 0.0, factors))
    1.0
    """
    arguments = {
        "quantile": quantile, "bins": bins, "bin_factors": bin_factors, "binning": binning,
        "samples": samples,
    }  # fmt: skip
    settings = settings_for("irs", preset, arguments) | {"seed": seed}
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    z, y = subsample(z, y, settings["samples"], seed)
    groups = make_groups(
        factor_labels(
            y, kinds.measured, settings["bins"], settings["bin_factors"], settings["binning"]
        )
    )
    active = ~constant_columns(z)
    settings |= {"factor_kinds": kinds.words, "rows": len(z)}
    if not active.any():
        nothing = {"active": active}
        return Score(0.0, name="irs", parts=nothing, settings=settings, notes=kinds.notes)
    values, powers = in_reach(z[:, active])
    largest = np.abs(values - values.mean(axis=0)).max(axis=0)
    matrix = 1 - robustness_deviations(values, groups, settings["quantile"]) / largest[:, None]
    per_code = matrix.max(axis=1)
    parts: dict[str, Any] = {
        "per_code": per_code, "parents": matrix.argmax(axis=1),
        "max_deviations": shifted(largest, powers), "matrix": matrix, "active": active,
    }  # fmt: skip
    value = np.average(per_code, weights=shifted(largest, powers - powers.max()))
    return Score(value, name="irs", parts=parts, settings=settings, notes=kinds.notes)


def robustness_deviations(values: Floats, groups: Groups, quantile: float) -> Floats:
    """Return the mean over a factor's values of the quantile of deviations, shape (d, k)."""
    deviations = np.zeros((values.shape[1], len(groups.labels)))
    columns = np.ascontiguousarray(values.T)
    _sum_quantiles(columns, groups.order, groups.starts, quantile, FEW, deviations)
    return np.asarray(deviations / (groups.labels.max(axis=1) + 1))


@Kernel
def _sum_quantiles(columns, order, starts, quantile, few, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Sum the quantile of |z - mean| over the groups of each factor, linearly interpolated."""
    n = order.shape[1]
    buffer = np.empty(n)
    top = np.empty(few)
    for k in range(order.shape[0]):
        for g in range(starts.shape[1] - 1):
            first, last = starts[k, g], starts[k, g + 1]
            count = last - first
            if count == 0:
                continue
            place = quantile * (count - 1)
            lower = int(place)
            share = place - lower
            largest = count - lower  # both neighbours of the quantile are among this many largest
            for i in range(columns.shape[0]):
                total = 0.0
                for j in range(count):
                    buffer[j] = columns[i, order[k, first + j]]
                    total += buffer[j]
                mean = total / count
                if largest <= few:
                    top[:largest] = -1.0
                    for j in range(count):
                        value = abs(buffer[j] - mean)
                        if value > top[0]:
                            p = 1
                            while p < largest and top[p] < value:
                                top[p - 1] = top[p]
                                p += 1
                            top[p - 1] = value
                    low = top[0]
                    high = top[1] if largest > 1 else low
                else:
                    for j in range(count):
                        buffer[j] = abs(buffer[j] - mean)
                    left, right = 0, count - 1
                    while left < right:  # Hoare's selection; numba's takes seconds to compile
                        pivot = buffer[(left + right) // 2]
                        p, q = left, right
                        while p <= q:
                            while buffer[p] < pivot:
                                p += 1
                            while buffer[q] > pivot:
                                q -= 1
                            if p <= q:
                                buffer[p], buffer[q] = buffer[q], buffer[p]
                                p += 1
                                q -= 1
                        if lower <= q:
                            right = q
                        elif lower >= p:
                            left = p
                        else:
                            break
                    low, high = buffer[lower], np.inf
                    for j in range(lower + 1, count):
                        high = min(high, buffer[j])
                out[i, k] += low + (high - low) * share
