"""Mean mutual information of pairs of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import (
    check_choice,
    check_codes,
    check_several,
)
from unweave_metrics._binning import bin_columns
from unweave_metrics._counting import Floats
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.information._correction import CORRECTIONS, corrected_information
from unweave_metrics.information._table import InformationTable
from unweave_metrics.intervals.interval import SAME_SIZE
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def code_table(
    codes: ArrayLike, *, bins: int = 20, bias_correction: str = "none", seed: int = 0
) -> InformationTable:
    """Return the table of the information of codes about each other."""
    z = check_codes(codes)
    check_several(z.shape[1], "codes", "mutual_information_score")
    check_choice(bias_correction, "bias_correction", CORRECTIONS)
    labels = bin_columns(z, bins)
    pairs = corrected_information(labels, labels, bias_correction, seed)
    settings = {"bins": bins, "bias_correction": bias_correction, "seed": seed, "rows": len(z)}
    return InformationTable(pairs, settings, labels, labels)


def mean_between(matrix: Floats) -> float:
    """Return the mean of a square matrix without its diagonal."""
    d = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (d * (d - 1)))


def score_of_pairs(table: InformationTable) -> Score:
    """Compute the mean information of pairs from a table of codes against codes."""
    information = table.pairs.mutual_information
    return Score(
        mean_between(information),
        name="mutual_information_score",
        parts={"mutual_information": information},
        settings=table.settings,
    )


@metric(
    "mean mutual information of pairs of codes (nats)",
    interval=Information(score_of_pairs, code_table, covers=SAME_SIZE, method="centred"),
    best="low",
    bounds=ANY,
    usual=True,
    cost="O(n d^2)",
    rewards="pairwise independent codes",
    misses="dependence of three codes; biased upward at small n",
    with_rows=(
        "Independent codes get up to (bins - 1)^2 / (2 n) nats, so it falls as rows "
        'are added. `bias_correction="shuffle"` removes this bias.'
    ),
)
def mutual_information_score(
    codes: ArrayLike, *, bins: int = 20, bias_correction: str = "none", seed: int = 0
) -> Score:
    """Compute the mean mutual information of pairs of codes, in nats.

    The score is the mean over i != j of I(z_i; z_j), with codes cut into equal-width bins. Range 0
    upward, best 0. On n rows independent codes get about (bins - 1)^2 / (2 n);
    ``bias_correction="shuffle"`` removes this bias.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    bins
        Number of bins per code.
    bias_correction
        ``"none"``, ``"miller-madow"``, ``"shuffle"`` or ``"extrapolate"``, as for `mig`.
    seed
        Seed of the shuffles and the splits.

    Returns
    -------
    Score, with part `mutual_information` (d, d), entropies on its diagonal.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.3.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(5000, 2))
    >>> float(mutual_information_score(codes, bins=5)) < 0.01
    True
    """
    return score_of_pairs(code_table(codes, bins=bins, bias_correction=bias_correction, seed=seed))
