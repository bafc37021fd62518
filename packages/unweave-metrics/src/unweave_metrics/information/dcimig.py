"""DCIMIG: the information gap between factors, for the best code of each factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_several
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.information._table import InformationTable, information_table, top_two
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def dcimig_of(table: InformationTable) -> Score:
    """Compute DCIMIG from a table of information."""
    information = table.pairs.mutual_information
    check_several(information.shape[1], "factors", "dcimig")
    first, second = top_two(information, axis=1)
    gaps: Floats = first - second
    per_factor = np.zeros(information.shape[1])
    np.maximum.at(per_factor, information.argmax(axis=1), gaps)
    parts = {"per_factor": per_factor, "per_code": gaps} | table.parts
    entropy = float(table.pairs.entropy_b.sum())  # a bias correction may make it 0 or less
    value = per_factor.sum() / entropy if entropy > 0 else 0.0
    return Score(value, name="dcimig", parts=parts, settings=table.settings, notes=table.notes)


@metric(
    "gap between factors, for the best code of each factor",
    interval=Information(dcimig_of),
    usual=True,
    family="information",
    cost="O(n d k)",
    rewards="as MIG-sup, once per factor",
    misses="redundant codes",
    with_rows="Few rows lower the score, as for mig_sup.",
)
def dcimig(
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
    """Compute DCIMIG: the information gap between factors, for the best code of each factor.

    The gap of code i is g_i = I(z_i; y_a) - I(z_i; y_b), where a and b are the two factors about
    which it has most information; the gap belongs to factor a. DCIMIG = sum_k G_k / sum_k H(y_k),
    where G_k is the largest gap that belongs to factor k, or 0. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, estimator, bins, binning, bin_factors, samples,
    bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `per_factor` (k,) in nats, `per_code` (d,) in nats, and those of `mig`.

    Raises
    ------
    ValueError
        For fewer than two factors, and as for `mig`.

    References
    ----------
    A. Sepliarskaia, J. Kiseleva, M. de Rijke, "How to not measure disentanglement", 2019, sect. 4.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(dcimig(factors + 0.0, factors)) > 0.99
    True
    """
    return dcimig_of(
        information_table(
            codes, factors, preset=preset, estimator=estimator, bins=bins, binning=binning,
            bin_factors=bin_factors, samples=samples, bias_correction=bias_correction,
            factor_kinds=factor_kinds, seed=seed,
        )
    )  # fmt: skip
