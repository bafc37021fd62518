"""MIG-sup: the information gap between the best and the next factor of each code."""

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


def mig_sup_of(table: InformationTable) -> Score:
    """Compute MIG-sup from a table of information."""
    matrix = table.normalized()
    check_several(matrix.shape[1], "factors", "mig_sup")
    first, second = top_two(matrix, axis=1)
    parts = {"per_code": first - second, "best_factor": best_of(matrix, axis=1)} | table.parts
    return Score(
        (first - second).mean(),
        name="mig_sup",
        parts=parts,
        settings=table.settings,
        notes=table.notes,
    )


@metric(
    "gap between factors, per code",
    interval=Information(mig_sup_of),
    usual=True,
    family="information",
    undefined=DEAD_IS_NAN,
    cost="O(n d k)",
    rewards="a code with information about one factor only",
    misses="factors without a code; spare codes lower it",
    with_rows=(
        "Few rows lower the score, because information about every factor is overestimated."
    ),
)
def mig_sup(
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
    """Compute MIG-sup: the information gap between the best and the next factor of each code.

    MIG-sup = mean_i [I(z_i; y_a) - I(z_i; y_b)], each information over the entropy of its factor,
    where a and b are the two factors about which code i has most information. Range 0 to 1, best 1.
    A code without information counts as 0, so spare codes keep even a perfect table below 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, estimator, bins, binning, bin_factors, normalizer, dead_codes, samples,
    bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `per_code` (d,), `best_factor` (d,) and those of `mig`.

    Raises
    ------
    ValueError
        For fewer than two factors, and as for `mig`.

    References
    ----------
    Z. Li, J. Murkute, P. Gyawali, L. Wang, "Progressive learning and disentanglement of
    hierarchical representations", 2020, eq. 9.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(mig_sup(factors + 0.0, factors)) > 0.99
    True
    """
    return mig_sup_of(
        information_table(
            codes, factors, preset=preset, estimator=estimator, bins=bins, binning=binning,
            bin_factors=bin_factors, normalizer=normalizer, dead_codes=dead_codes, samples=samples,
            bias_correction=bias_correction, factor_kinds=factor_kinds, seed=seed,
        )
    )  # fmt: skip
