"""Modularity: how far each code has information about one factor only."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_several
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import metric
from unweave_metrics.information._table import DEAD_IS_NAN, InformationTable, information_table
from unweave_metrics.intervals.interval import SAME_SIZE
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def modularity_of(table: InformationTable) -> Score:
    """Compute modularity from a table of information."""
    information = table.pairs.mutual_information
    check_several(information.shape[1], "factors", "modularity")
    dead = np.nan if table.settings["dead_codes"] == "nan" else 0.0
    per_code = modularity_per_code(information, dead)
    parts = {"per_code": per_code} | table.parts
    return Score(
        per_code.mean(), name="modularity", parts=parts, settings=table.settings, notes=table.notes
    )


@metric(
    "one factor per code",
    interval=Information(modularity_of, covers=SAME_SIZE, method="centred"),
    usual=True,
    family="information",
    undefined=DEAD_IS_NAN,
    cost="O(n d k)",
    rewards="codes with information about one factor each",
    misses="factors without a code; codes of noise get about .6 at 3,000 rows",
    with_rows=(
        "Codes of noise get about .6 at any number of rows, because estimated information is "
        "never 0. For this reason a code with little information also seems to be about several "
        "factors, until there are many rows."
    ),
)
def modularity(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    estimator: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    dead_codes: str | None = None,
    samples: int | None = None,
    bias_correction: str | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute modularity: how far each code has information about one factor only.

    Modularity is the mean over codes of m_i = 1 - [sum_k I_ik^2 - max_k I_ik^2] / [(K - 1) max_k
    I_ik^2], with I_ik = I(z_i; y_k) and K factors. Range 0 to 1, best 1. A code without information
    counts as 0, or makes the score NaN with ``dead_codes="nan"``. Codes of pure noise get about .6
    at 3,000 rows and 20 bins, because plug-in information is biased upward and no code is pruned.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    preset, estimator, bins, binning, bin_factors, dead_codes, samples,
    bias_correction, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `per_code` (d,) and those of `mig`.

    Raises
    ------
    ValueError
        For fewer than two factors, and as for `mig`.

    References
    ----------
    K. Ridgeway, M. C. Mozer, "Learning deep disentangled embeddings with the F-statistic loss",
    2018, sect. 3; the mean over all codes as F. Locatello et al., 2019.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> float(modularity(factors + 0.0, factors)) > 0.99
    True
    """
    return modularity_of(
        information_table(
            codes, factors, preset=preset, estimator=estimator, bins=bins, binning=binning,
            bin_factors=bin_factors, dead_codes=dead_codes, samples=samples,
            bias_correction=bias_correction, factor_kinds=factor_kinds, seed=seed,
        )
    )  # fmt: skip


def modularity_per_code(information: Floats, dead: float = 0.0) -> Floats:
    """Return m_i of a matrix of information (d, k); a code without information has `dead`."""
    square = np.maximum(np.asarray(information, dtype=np.float64), 0.0) ** 2
    largest = square.max(axis=1)
    rest = (square.sum(axis=1) - largest) / (square.shape[1] - 1)
    return np.where(largest > 0, 1 - rest / np.where(largest > 0, largest, 1.0), dead)
