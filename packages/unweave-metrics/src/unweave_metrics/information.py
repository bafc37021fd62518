"""Scores from the mutual information of codes and factors, all from one histogram pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import check_choice, check_pair, check_several
from unweave_metrics.binning import bin_columns, factor_labels
from unweave_metrics.counting import Floats, Labels, PairInformation, pair_information
from unweave_metrics.presets import settings_for
from unweave_metrics.sampling import Seed, subsample
from unweave_metrics.score import Score

NORMALIZERS = ("factor", "code", "none")
DEAD_CODES = ("zero", "nan")


@dataclass(frozen=True)
class InformationTable:
    """Information of binned codes (d, n) and classes (k, n), in nats, and the settings used."""

    pairs: PairInformation
    settings: dict[str, Any]
    codes: Labels
    factors: Labels

    @property
    def parts(self) -> dict[str, Any]:
        """Return what every information score carries."""
        return {
            "mutual_information": self.pairs.mutual_information,
            "code_entropy": self.pairs.entropy_a,
            "factor_entropy": self.pairs.entropy_b,
        }

    def normalized(self) -> Floats:
        """Return I(z_i; y_k) over H(y_k) or H(z_i), or as it is; a dead code has 0 or NaN."""
        information = self.pairs.mutual_information
        if self.settings["normalizer"] == "factor":
            return information / self.pairs.entropy_b[None, :]
        if self.settings["normalizer"] == "none":
            return information
        entropy = self.pairs.entropy_a[:, None]
        dead = np.nan if self.settings["dead_codes"] == "nan" else 0.0
        return np.where(entropy > 0, information / np.where(entropy > 0, entropy, 1.0), dead)


def information_table(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    normalizer: str | None = None,
    dead_codes: str | None = None,
    samples: int | None = None,
    seed: Seed = 0,
) -> InformationTable:
    """Count codes against factors once, for all information scores.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    preset, bins, ... : see `mig`
    """
    given = {
        "bins": bins,
        "binning": binning,
        "bin_factors": bin_factors,
        "normalizer": normalizer,
        "dead_codes": dead_codes,
        "samples": samples,
    }
    settings = settings_for("information", preset, given)
    check_choice(settings["normalizer"], "normalizer", NORMALIZERS)
    check_choice(settings["dead_codes"], "dead_codes", DEAD_CODES)
    z, y = subsample(*check_pair(codes, factors), settings["samples"], seed)
    labels = factor_labels(y, settings["bins"], settings["bin_factors"], settings["binning"])
    binned = bin_columns(z, settings["bins"], settings["binning"])
    pairs = pair_information(binned, labels)
    return InformationTable(pairs, settings | {"rows": len(z)}, binned, labels)


def top_two(matrix: Floats, axis: int = 0) -> tuple[Floats, Floats]:
    """Return the largest and second largest values along an axis; NaN where there is one."""
    ordered = np.sort(matrix, axis=axis)
    largest = np.take(ordered, -1, axis=axis)
    second = np.take(ordered, -2, axis=axis)
    lost = np.isnan(matrix).any(axis=axis)
    return np.where(lost, np.nan, largest), np.where(lost, np.nan, second)


def mig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    normalizer: str | None = None,
    dead_codes: str | None = None,
    samples: int | None = None,
    seed: int = 0,
) -> Score:
    """Compute the mutual information gap: how far the best code of a factor is ahead of the next.

    MIG = mean_k [I(z_a; y_k) - I(z_b; y_k)] / H(y_k), where a and b are the codes with the largest
    and second largest information about factor y_k; codes are cut into equal-width bins. Range 0 to
    1, best 1. All codes constant: 0.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2
    factors : integer classes or float values, shape (n, k)
    preset : convention by name; without one those of ``"locatello2019"`` on every row
    bins : number of bins a code
    binning : ``"range"`` cuts [min, max] of a code, ``"unit"`` scales to [0, 1] first
    bin_factors : cut the factors too; measurements (floats of more than 100 values) always are
    normalizer : divide each information by the entropy of the ``"factor"``, of the binned
        ``"code"``, or by nothing (``"none"``: nats)
    dead_codes : a constant code under ``normalizer="code"`` counts as ``"zero"`` or makes the score
        ``"nan"``
    samples : rows drawn without replacement where there are more
    seed : decides that draw

    Returns
    -------
    Score, with parts `per_factor` (k,), `mutual_information` (d, k) in nats, `code_entropy` (d,),
    `factor_entropy` (k,), `best_code` (k,).

    Raises
    ------
    ValueError: fewer than two codes, a factor of one value, NaN or infinite values, shapes that do
    not fit.

    References
    ----------
    R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud, "Isolating sources of disentanglement in VAEs",
    2018, eq. 6; binned means instead of q(z|x) as F. Locatello et al., "Challenging common
    assumptions", 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(1000, 2))
    >>> float(mig(factors + 0.0, factors)) > 0.99
    True
    """
    table = information_table(
        codes, factors, preset=preset, bins=bins, binning=binning, bin_factors=bin_factors,
        normalizer=normalizer, dead_codes=dead_codes, samples=samples, seed=seed,
    )  # fmt: skip
    return mig_of(table)


def mig_of(table: InformationTable) -> Score:
    """Compute MIG from a table of information."""
    matrix = table.normalized()
    check_several(len(matrix), "codes", "mig")
    first, second = top_two(matrix)
    gaps = first - second
    parts = {"per_factor": gaps, "best_code": best_of(matrix)}
    return Score(gaps.mean(), name="mig", parts=parts | table.parts, settings=table.settings)


def best_of(matrix: Floats, axis: int = 0) -> Any:
    """Return the place of the largest value along an axis, NaN counting as the smallest."""
    return np.where(np.isnan(matrix), -np.inf, matrix).argmax(axis=axis)
