"""Accuracy of downstream predictors on frozen codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._logistic import fit_logistic
from unweave_metrics._scaling import train_and_test_in_reach
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.refits import Refits
from unweave_metrics.predictors._boosting import boost, rank_codes
from unweave_metrics.predictors._probe import accuracies, probe, probe_settings
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.score import Score


@metric(
    "cross-validated test accuracy",
    interval=Refits(seconds=1.4),
    family="probe",
    cost="50 fits per factor",
    rewards="factors that simple predictors predict",
    misses="the shape of the code",
    with_rows="Grows with the number of train rows.",
)
def downstream(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    predictor: str = "logistic-regression-cv",
    train_samples: int | None = None,
    test_samples: int | None = None,
    jobs: int = 1,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the accuracy of downstream predictors of the factors, on test rows.

    The score is the mean over factors of the test accuracy of a logistic regression, whose penalty
    5-fold cross-validation chooses from ten, or of boosted trees (100 rounds of depth 3). The codes
    are not standardised. For measurements it is R^2 of least squares, at least 0. Range 0 to 1,
    best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors
        Test rows; by default a third of the rows, drawn by the seed.
    preset
        Name of a preset, which sets the numbers of rows.
    predictor
        ``"logistic-regression-cv"`` or ``"boosting"``.
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
    Score, with parts `per_factor` and `per_factor_train` (k,).

    Raises
    ------
    ValueError
        For a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions", 2019, sect. 5.4.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 2, size=(300, 2))
    >>> float(downstream(factors + 0.0, factors, predictor="boosting"))
    1.0
    """
    check_choice(predictor, "predictor", ("logistic-regression-cv", "boosting"))
    settings = probe_settings(preset, train_samples, test_samples)
    settings |= {"predictor": predictor, "seed": seed}
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    inputs = train_and_test_in_reach(split.z, split.z_test)[:2]
    ranking = rank_codes(*inputs) if predictor == "boosting" else None

    def classify(label: Array, test_labels: Array) -> tuple[float, float]:
        if ranking is not None:
            result = boost(ranking, label, int(label.max()) + 1, seed)
            return accuracies(result.train, label, result.test, test_labels)
        return _cross_validate(inputs, label, test_labels)

    return probe("downstream", split, inputs, classify, settings, jobs)


def _cross_validate(
    inputs: tuple[Floats, Floats], label: Array, test_labels: Array
) -> tuple[float, float]:
    """Return accuracies of a logistic regression; 5-fold cross-validation chooses its penalty."""
    from sklearn.model_selection import KFold

    x, classes = inputs[0], int(label.max()) + 1
    if len(x) < 5:
        raise ValueError(
            f"codes must have at least 5 train rows for 5-fold cross-validation, got {len(x)}"
        )
    penalties = np.logspace(-4, 4, 10)
    accuracy = np.zeros(len(penalties))
    for train, validation in KFold(5).split(x):
        for i, C in enumerate(penalties):
            model = fit_logistic(x[train], label[train], classes, C=float(C))
            accuracy[i] += (model.predict(x[validation]) == label[validation]).mean()
    best = fit_logistic(x, label, classes, C=float(penalties[accuracy.argmax()]))
    return accuracies(best.predict(x), label, best.predict(inputs[1]), test_labels)
