"""The mutual information gap between the best and the next code of each factor."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_several
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.information._table import (
    DEAD_IS_NAN,
    InformationTable,
    best_of,
    information_table,
    top_two,
)
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def mig_of(table: InformationTable) -> Score:
    """Compute MIG from a table of information."""
    matrix = table.normalized()
    check_several(len(matrix), "codes", "mig")
    first, second = top_two(matrix)
    gaps = first - second
    parts = {"per_factor": gaps, "best_code": best_of(matrix)}
    return Score(
        gaps.mean(),
        name="mig",
        parts=parts | table.parts,
        settings=table.settings,
        notes=table.notes,
    )


@metric(
    "mutual information gap",
    interval=Information(mig_of),
    usual=True,
    family="information",
    undefined=DEAD_IS_NAN,
    cost="O(n d k)",
    rewards="a factor that a single code has information about",
    misses="codes that mix factors, as long as the gap is wide",
    with_rows=(
        "With few rows the gap is too small, because the information of the next code is "
        "overestimated. The basic interval and `bias_correction=` correct this."
    ),
)
def mig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    estimator: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    normalizer: str | None = None,
    dead_codes: str | None = None,
    samples: int | None = None,
    bias_correction: str | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the mutual information gap between the best and the next code of each factor.

    MIG = mean_k [I(z_a; y_k) - I(z_b; y_k)] / H(y_k), where a and b are the codes with the largest
    and second largest information about factor y_k; codes are cut into equal-width bins. Range 0 to
    1, best 1. If all codes are constant: 0.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    factors : integer classes or float values, shape (n, k)
    preset
        Name of a preset; by default the conventions of ``"locatello2019"``, on all rows.
    estimator
        Estimate information by ``"bins"``, or by the 3 nearest ``"neighbors"`` of unbinned codes
        (slow; ratios above 1 are possible).
    bins
        Number of bins per code.
    binning
        ``"range"`` divides [min, max] of a code, ``"unit"`` scales to [0, 1] first.
    bin_factors
        Also bin the factors; measurements are always binned.
    normalizer
        Divide information by the entropy of the ``"factor"`` or of the binned ``"code"``, or not
        (``"none"``: nats).
    dead_codes
        With ``normalizer="code"``, a constant code counts as ``"zero"`` or makes the score
        ``"nan"``.
    samples
        Largest number of rows; larger tables are subsampled without replacement.
    bias_correction
        Correction of plug-in information, which is too high on few rows: ``"none"``,
        ``"miller-madow"`` (occupied cells), ``"shuffle"`` (minus the information of shuffled rows)
        or ``"extrapolate"`` (a parabola in 1/n through n, n/2 and n/4 rows).
    factor_kinds
        ``"class"`` or ``"measurement"``, for all factors or as a list. By default a factor with
        fractions is a measurement if it has more than 100 different values, or more of them than
        9/10 of the rows.
    seed
        Seed of the subsample, the shuffles and the splits.

    Returns
    -------
    Score, with parts `per_factor` (k,), `mutual_information` (d, k) in nats, `code_entropy` (d,),
    `factor_entropy` (k,), `best_code` (k,).

    Raises
    ------
    ValueError
        For fewer than two codes, a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud, "Isolating sources of disentanglement in VAEs",
    2018, eq. 6; binned means instead of q(z|x) as F. Locatello et al., "Challenging common
    assumptions", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(1000, 2))
    >>> float(mig(factors + 0.0, factors)) > 0.99
    True
    """
    table = information_table(
        codes, factors, preset=preset, estimator=estimator, bins=bins, binning=binning,
        bin_factors=bin_factors, normalizer=normalizer, dead_codes=dead_codes, samples=samples,
        bias_correction=bias_correction, factor_kinds=factor_kinds, seed=seed,
    )  # fmt: skip
    return mig_of(table)
