"""JEMMIG: the information gap minus the other information of the best code."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_several
from unweave_metrics._counting import ROUNDING
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.information._table import InformationTable, information_table, top_two
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def jemmig_of(table: InformationTable, complement: bool = True) -> Score:
    """Compute JEMMIG from a table of information."""
    pairs = table.pairs
    information = pairs.mutual_information
    check_several(len(information), "codes", "jemmig")
    first, second = top_two(information)
    # Of codes with equal information, the one of least entropy, whatever the order of the columns.
    equal = information >= first - ROUNDING
    best = np.where(equal, pairs.entropy_a[:, None], np.inf).argmin(axis=0)
    joint = pairs.entropy_a[best] + pairs.entropy_b - first
    largest = pairs.entropy_b + np.log(table.settings["bins"])
    # With a single bin, or after a correction, this may be 0; the fraction then counts as 1.
    nonzero = largest > ROUNDING
    gaps = np.where(nonzero, (joint - first + second) / np.where(nonzero, largest, 1.0), 1.0)
    gaps = 1 - gaps if complement else gaps
    parts = {"per_factor": gaps, "best_code": best} | table.parts
    settings = table.settings | {"complement": complement}
    return Score(gaps.mean(), name="jemmig", parts=parts, settings=settings, notes=table.notes)


@metric(
    "information gap minus joint entropy",
    interval=Information(jemmig_of),
    usual=True,
    family="information",
    cost="O(n d k)",
    rewards="as MIG, and codes without other information",
    misses="how many codes share the rest",
    with_rows=("Few rows leave cells of the joint entropy empty, which raises the score a little."),
)
def jemmig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    complement: bool = True,
    samples: int | None = None,
    bias_correction: str | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute JEMMIG, the joint-entropy-minus-mutual-information gap, normalised.

    JEMMIG = mean_k 1 - [H(y_k, z_a) - I(y_k; z_a) + I(y_k; z_b)] / [H(y_k) + log B], where a and b
    are the codes with most information about factor k (of equal codes, a has the least entropy),
    and B is the number of bins. Range 0 to 1, best 1; with ``complement=False`` the score is the
    fraction itself, best 0, as in the paper. Constant codes score log B / [H(y_k) + log B], more
    than noise, because their joint entropy is small.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    factors : integer classes or float values, shape (n, k)
    complement
        Return 1 minus the fraction.
    preset, bins, binning, bin_factors, samples, bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `per_factor` (k,), `best_code` (k,) and those of `mig`.

    Raises
    ------
    ValueError
        As for `mig`.

    References
    ----------
    K. Do, T. Tran, "Theory and evaluation metrics for learning disentangled representations", 2020,
    sect. 4.2; as 1 minus it and from binned means: M.-A. Carbonneau et al., "Measuring
    disentanglement", 2022.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(jemmig(factors + 0.0, factors, bins=4)) > 0.95
    True
    """
    table = information_table(
        codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
        samples=samples, bias_correction=bias_correction, factor_kinds=factor_kinds, seed=seed,
    )  # fmt: skip
    return jemmig_of(table, complement)
