"""MED: the disentanglement score of DCI with shares of information as importances."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_several
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.information._aggregations import disentanglement, shares_of_factors
from unweave_metrics.information._table import InformationTable, information_table
from unweave_metrics.intervals.interval import SAME_SIZE
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def med_of(table: InformationTable) -> Score:
    """Compute MED from a table of information."""
    information = table.pairs.mutual_information
    check_several(information.shape[1], "factors", "med")
    importance = shares_of_factors(np.maximum(information, 0.0))
    per_code, value = disentanglement(importance)
    parts = {"per_code": per_code, "importance": importance} | table.parts
    return Score(value, name="med", parts=parts, settings=table.settings, notes=table.notes)


@metric(
    "disentanglement of information shares",
    interval=Information(med_of, covers=SAME_SIZE, method="centred"),
    family="information",
    cost="O(n d k)",
    rewards="codes about one factor, however little information they have",
    misses="the amount of information; redundant codes",
    with_rows="Few rows lower the score: the bias spreads information over all factors.",
)
def med(
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
    """Compute MED, the mutual information based entropy disentanglement.

    R_ik = I(z_i; y_k) / sum_j I(z_j; y_k) is the share of code i in the information about factor k.
    MED = sum_i w_i [1 - H_K(R_i. / sum_k R_ik)], with w_i = sum_k R_ik / sum R and the entropy to
    base K, the number of factors. Range 0 to 1, best 1. A code without information has weight 0;
    without any information the score is 0.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, estimator, bins, binning, bin_factors, samples, bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `per_code` (d,), `importance` (d, k), and those of `mig`.

    Raises
    ------
    ValueError
        For fewer than two factors, and as for `mig`.

    References
    ----------
    J. Cao, R. Nai, Q. Yang, J. Huang, Y. Gao, "An empirical study on disentanglement of
    negative-free contrastive learning", 2022, sect. 3.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(med(factors + 0.0, factors)) > 0.95
    True
    """
    table = information_table(
        codes, factors, preset=preset, estimator=estimator, bins=bins, binning=binning,
        bin_factors=bin_factors, samples=samples, bias_correction=bias_correction,
        factor_kinds=factor_kinds, seed=seed,
    )  # fmt: skip
    return med_of(table)
