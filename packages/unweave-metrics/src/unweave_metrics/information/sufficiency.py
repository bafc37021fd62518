"""Sufficiency: the share of a factor's entropy in its best code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.information._table import InformationTable, information_table
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def sufficiency_of(table: InformationTable) -> Score:
    """Compute sufficiency from a table of information."""
    entropy = table.pairs.entropy_b[None, :]
    shares = table.pairs.mutual_information / np.where(entropy > 0, entropy, 1.0)
    per_factor = shares.max(axis=0)
    parts = {"per_factor": per_factor} | table.parts
    return Score(
        per_factor.mean(),
        name="sufficiency",
        parts=parts,
        settings=table.settings,
        notes=table.notes,
    )


@metric(
    "share of a factor's entropy in its best code",
    interval=Information(sufficiency_of),
    family="information",
    cost="O(n d k)",
    rewards="all information about a factor in one code",
    misses="other information in the codes",
    with_rows="Few rows raise the score: the estimated information is biased upward.",
)
def sufficiency(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    samples: int | None = None,
    bias_correction: str | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute sufficiency: the share of a factor's entropy in its best code.

    Sufficiency = mean_k max_i I(z_i; y_k) / H(y_k). Codes are cut into equal-width bins. Range 0 to
    1, best 1. Suits dependent factors too, where the code of one factor also has information
    about others. A constant code counts 0.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    preset, bins, binning, bin_factors, samples, bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with part `per_factor` and those of `mig`.

    Raises
    ------
    ValueError
        As for `mig`.

    References
    ----------
    A. Almudévar, A. Ortega, "Rethinking disentanglement under dependent factors of variation",
    2024; binned as in their program, which takes 15 bins.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> round(float(sufficiency(factors + 0.0, factors)), 2)
    1.0
    """
    table = information_table(
        codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
        samples=samples, bias_correction=bias_correction, factor_kinds=factor_kinds, seed=seed,
    )  # fmt: skip
    return sufficiency_of(table)
