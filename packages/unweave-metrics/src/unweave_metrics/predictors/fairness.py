"""Unfairness: how much predictions of one factor depend on another factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, as_array, check_several
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._parallel import in_parallel
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._boosting import boost, rank_codes
from unweave_metrics.predictors._labels import train_and_test_labels
from unweave_metrics.predictors._probe import probe_settings
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.score import Score


@metric(
    "how much predictions of one factor depend on another",
    interval=Refits(seconds=0.6),
    best="low",
    family="probe",
    cost="O(rounds classes n d)",
    rewards="predictions that do not depend on other factors",
    misses="whether the predictions are right; factors that are dependent themselves",
    with_rows="Falls as rows are added: groups of few rows differ by chance.",
)
def fairness(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    train_samples: int | None = None,
    test_samples: int | None = None,
    jobs: int = 1,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute unfairness: how much predictions of one factor depend on another factor.

    Boosted trees predict factor k from the codes. The predictions have the distribution p over all
    test rows, and p_c over those with value c of factor j. U_kj = sum_c w_c |p_c - p|_1 / 2 is the
    mean total variation distance, with w_c the share of these rows; the score is the mean over
    k != j. Range 0 to 1, best 0.

    The study sets factor j to c and encodes again; here the rows with value c are used, which is
    the same if factors are independent.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
        Measurements are cut into 10 bins.
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset, which sets the numbers of rows.
    train_samples, test_samples
        Largest numbers of rows; larger tables are subsampled.
    jobs
        Number of factors that are fitted at a time; -1: one per core.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of splits, draws, and ties between codes.

    Returns
    -------
    Score, with parts `pairs` (k, k), U with the predicted factors as rows and the sensitive factors
    as columns, and `worst_pairs` (k, k), the largest total variation distance instead of the mean.
    Both are NaN on the diagonal.

    Raises
    ------
    ValueError
        For fewer than two factors, a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    F. Locatello, G. Abbati, T. Rainforth, S. Bauer, B. Schölkopf, O. Bachem, "On the fairness of
    disentangled representations", 2019, eq. 2.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 2, size=(2000, 2))
    >>> float(fairness(factors + 0.0, factors)) < 0.05
    True
    """
    settings = probe_settings(preset, train_samples, test_samples) | {"seed": seed}
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    labels, test_labels = train_and_test_labels(split, settings["bins"])
    k = len(labels)
    check_several(k, "factors", "fairness")
    ranking = rank_codes(split.z, split.z_test)

    def predict(target: int) -> Array:
        return boost(ranking, labels[target], int(labels[target].max()) + 1, seed).test

    predictions = in_parallel(predict, k, jobs, labels.max(axis=1).tolist())
    mean, worst = np.full((k, k), np.nan), np.full((k, k), np.nan)
    for target in range(k):
        for group in range(k):
            if group != target:
                counts = _count_predictions(predictions[target], test_labels[group])
                mean[target, group], worst[target, group] = group_distances(counts)
    parts = {"pairs": mean, "worst_pairs": worst}
    value = mean[~np.eye(k, dtype=bool)].mean()
    return Score(value, name="fairness", parts=parts, **split.record(settings))


def _count_predictions(predictions: Array, group: Array) -> Array:
    """Return the number of rows with each prediction (axis 0) in each group (axis 1)."""
    _, first = np.unique(predictions, return_inverse=True)
    _, second = np.unique(group, return_inverse=True)
    counts = np.zeros((first.max() + 1, second.max() + 1), np.int64)
    np.add.at(counts, (first.reshape(-1), second.reshape(-1)), 1)
    return counts


def group_distances(counts: ArrayLike) -> tuple[float, float]:
    """Return the mean and the largest total variation distance of groups (axis 1) from all rows.

    Examples
    --------
    >>> group_distances([[2, 0], [0, 2]])
    (0.5, 0.5)
    """
    table: Floats = as_array(counts, "counts").astype(np.float64)
    sizes = table.sum(axis=0)
    whole = table.sum(axis=1) / table.sum()
    present = sizes > 0
    shares = table[:, present] / sizes[present]
    distance = np.abs(shares - whole[:, None]).sum(axis=0) / 2
    return float((distance * sizes[present]).sum() / table.sum()), float(distance.max())
