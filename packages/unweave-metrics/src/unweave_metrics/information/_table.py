"""The information of codes about factors, computed once for all scores that use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice, check_pair
from unweave_metrics._binning import bin_columns, class_columns, factor_labels
from unweave_metrics._column_names import with_names
from unweave_metrics._counting import ROUNDING, Counts, Floats, Labels, PairInformation
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics._options import check_options
from unweave_metrics._sampling import subsample
from unweave_metrics._scaling import in_reach
from unweave_metrics.information._correction import CORRECTIONS, corrected_information
from unweave_metrics.information._neighbors import class_information
from unweave_metrics.presets import settings_for

ESTIMATORS = ("bins", "neighbors")
NORMALIZERS = ("factor", "code", "none")
DEAD_CODES = ("zero", "nan")
NEIGHBORS = 3

DEAD_IS_NAN = "with dead_codes='nan' a code without information makes it NaN"


@dataclass(frozen=True)
class InformationTable:
    """Information of binned codes (d, n) about classes (k, n) in nats, with settings and notes."""

    pairs: PairInformation
    settings: dict[str, Any]
    codes: Labels
    factors: Labels
    notes: tuple[str, ...] = ()

    def recount(self, weights: Counts) -> InformationTable:
        """Return the table of the same bins with these weights of the rows (n,)."""
        pairs = corrected_information(
            self.codes, self.factors, self.settings["bias_correction"], self.settings["seed"],
            weights,
        )  # fmt: skip
        return replace(self, pairs=pairs)

    @property
    def parts(self) -> dict[str, Any]:
        """Return the parts that all information scores have."""
        return {
            "mutual_information": self.pairs.mutual_information,
            "code_entropy": self.pairs.entropy_a,
            "factor_entropy": self.pairs.entropy_b,
        }

    def normalized(self) -> Floats:
        """Return I(z_i; y_k), divided by H(y_k) or H(z_i) if set; a dead code has 0 or NaN."""
        information = self.pairs.mutual_information
        if self.settings["normalizer"] == "factor":
            return _over(information, self.pairs.entropy_b[None, :], 0.0)
        if self.settings["normalizer"] == "none":
            return information
        dead = np.nan if self.settings["dead_codes"] == "nan" else 0.0
        return _over(information, self.pairs.entropy_a[:, None], dead)


def _over(information: Floats, entropy: Floats, dead: float) -> Floats:
    """Return information over entropy; `dead` where the entropy is 0 (or below, if corrected)."""
    alive = entropy > ROUNDING
    return np.where(alive, information / np.where(alive, entropy, 1.0), dead)


@with_names
def information_table(
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
) -> InformationTable:
    """Compute the information of codes about factors once, for all information scores.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    preset, estimator, bins, binning, bin_factors, normalizer, dead_codes, samples, bias_correction,
    factor_kinds, seed
        As for `mig`.
    """
    arguments = {
        "estimator": estimator,
        "bins": bins,
        "binning": binning,
        "bin_factors": bin_factors,
        "normalizer": normalizer,
        "dead_codes": dead_codes,
        "samples": samples,
        "bias_correction": bias_correction,
    }
    settings = settings_for("information", preset, arguments) | check_options({"seed": seed})
    check_choice(settings["estimator"], "estimator", ESTIMATORS)
    check_choice(settings["normalizer"], "normalizer", NORMALIZERS)
    check_choice(settings["dead_codes"], "dead_codes", DEAD_CODES)
    check_choice(settings["bias_correction"], "bias_correction", CORRECTIONS)
    by_neighbors = settings["estimator"] == "neighbors"
    if by_neighbors and settings["bias_correction"] != "none":
        raise ValueError(
            "bias_correction must be 'none' for estimator='neighbors', which has no bins, got "
            f"{settings['bias_correction']!r}"
        )
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    z, y = subsample(z, y, settings["samples"], seed)
    labels = factor_labels(
        y, kinds.measured, settings["bins"], settings["bin_factors"], settings["binning"]
    )
    binned = bin_columns(z, settings["bins"], settings["binning"])
    pairs = corrected_information(binned, labels, settings["bias_correction"], seed)
    if by_neighbors:
        pairs = neighbor_information(z, y, kinds.measured, pairs)
    settings |= {"factor_kinds": kinds.words, "rows": len(z)}
    return InformationTable(pairs, settings, binned, labels, kinds.notes)


def neighbor_information(
    z: Array, y: Array, measured: Sequence[bool], binned: PairInformation
) -> PairInformation:
    """Return information by 3 nearest neighbours instead of bins.

    The entropy of a measurement is the same estimate of its information about itself, which is
    finite; classes and codes keep their entropies of bins.
    """
    from sklearn.feature_selection import mutual_info_regression

    if len(z) <= NEIGHBORS:
        raise ValueError(f"codes must have more than {NEIGHBORS} rows, got {len(z)}")
    # The program that this convention is from fixes the seed of the estimator's jitter.
    options = {"discrete_features": False, "n_neighbors": NEIGHBORS, "random_state": 42}
    values, y = in_reach(z)[0], in_reach(y)[0]
    jitter = np.random.RandomState(42).standard_normal(values.shape)
    information, entropy = np.empty((z.shape[1], y.shape[1])), binned.entropy_b.copy()
    for k in range(y.shape[1]):
        if measured[k]:
            information[:, k] = mutual_info_regression(values, y[:, k], **options)
            entropy[k] = mutual_info_regression(y[:, [k]], y[:, k], **options)[0]
        else:
            label = class_columns(y[:, [k]])[0][0]
            information[:, k] = [
                class_information(code, label, NEIGHBORS, noise)
                for code, noise in zip(values.T, jitter.T, strict=True)
            ]
    return replace(binned, mutual_information=information, entropy_b=entropy)


def top_two(matrix: Floats, axis: int = 0) -> tuple[Floats, Floats]:
    """Return the largest and second largest values along an axis; NaN where a value is NaN."""
    ordered = np.sort(matrix, axis=axis)
    largest = np.take(ordered, -1, axis=axis)
    second = np.take(ordered, -2, axis=axis)
    undefined = np.isnan(matrix).any(axis=axis)
    return np.where(undefined, np.nan, largest), np.where(undefined, np.nan, second)


def best_of(matrix: Floats, axis: int = 0) -> Any:
    """Return the index of the largest value along an axis; NaN counts as the smallest."""
    return np.where(np.isnan(matrix), -np.inf, matrix).argmax(axis=axis)
