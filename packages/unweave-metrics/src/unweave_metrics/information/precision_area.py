"""The area under the curve of the number of independent groups over a threshold."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.information._aggregations import independent_groups, precision_area_of
from unweave_metrics.information._table import InformationTable, information_table
from unweave_metrics.intervals.interval import SAME_SIZE
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def area_of(table: InformationTable) -> Score:
    """Compute the area from a table of information."""
    matrix = table.pairs.mutual_information
    thresholds, groups = independent_groups(matrix)
    parts = {"thresholds": thresholds, "groups": groups, "most_groups": int(groups.max())}
    return Score(
        precision_area_of(matrix),
        name="precision_area",
        parts=parts | table.parts,
        settings=table.settings,
        notes=table.notes,
    )


@metric(
    "independent groups of codes and factors, over thresholds (nats)",
    interval=Information(area_of, covers=SAME_SIZE, method="centred"),
    bounds=UPWARD,
    family="information",
    cost="O(n d k + (d k)^2)",
    rewards="strong links, each of one code and one factor",
    misses="scale: grows with the entropy and the number of factors",
    with_rows="Few rows add weak links everywhere, which cuts the low end of the curve.",
)
def precision_area(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    estimator: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    samples: int | None = None,
    bias_correction: str | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the precision area: independent groups, integrated over a threshold.

    Codes i and factors k with I(z_i; y_k) >= t are linked; G(t) is the number of connected groups
    with at least one code and one factor. The score is the integral of G over t from the smallest
    to the largest information, by the trapezoid rule on the values that occur. In nats, range 0 to
    K max_k H(y_k); higher is better. Compare only scores of the same factors.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    preset, estimator, bins, binning, bin_factors, samples, bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `thresholds` and `groups`, the curve, `most_groups`, and those of `mig`.

    Raises
    ------
    ValueError
        As for `mig`.

    References
    ----------
    F. Locatello et al., "A sober look at the unsupervised learning of disentangled representations
    and their evaluation", 2020, sect. 5; the integral as in their program.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> round(float(precision_area(factors + 0.0, factors)), 1)
    2.1
    """
    table = information_table(
        codes, factors, preset=preset, estimator=estimator, bins=bins, binning=binning,
        bin_factors=bin_factors, samples=samples, bias_correction=bias_correction,
        factor_kinds=factor_kinds, seed=seed,
    )  # fmt: skip
    return area_of(table)
