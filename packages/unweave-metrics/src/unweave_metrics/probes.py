"""Frozen-code probes: how well simple predictors read the factors off all codes together."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import Array, check_choice
from unweave_metrics.boosting import boost, rank_codes
from unweave_metrics.counting import Floats
from unweave_metrics.importances import scaled_pair
from unweave_metrics.kinds import Declared
from unweave_metrics.logistic import fit_logistic
from unweave_metrics.parallel import in_parallel
from unweave_metrics.presets import settings_for
from unweave_metrics.sampling import Split, train_and_test
from unweave_metrics.sap import train_and_test_labels
from unweave_metrics.score import Score


def linear_probe(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    test_codes: ArrayLike | None = None,
    test_factors: ArrayLike | None = None,
    preset: str | None = None,
    C: float = 1.0,
    max_iter: int = 1_000,
    train_samples: int | None = None,
    test_samples: int | None = None,
    jobs: int = 1,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute what a linear model reads off the frozen codes, on test rows.

    Classes: accuracy of a multinomial logistic regression; measurements: R^2
    of least squares, at least 0. Codes are standardised by the train rows. The score is the mean
    over factors. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors : the rows to score on; a third of the rows by seed unless given
    preset : convention by name; fixes how many rows are drawn
    C : inverse strength of the penalty of the logistic regression
    max_iter : most steps of the logistic regression
    train_samples, test_samples : rows drawn where there are more
    jobs : factors fitted at a time, -1 for one a core
    factor_kinds : ``"class"`` or ``"measurement"``, as for `mig`
    seed : decides splits and draws

    Returns
    -------
    Score, with parts `per_factor` and `per_factor_train` (k,).

    Raises
    ------
    ValueError: a factor of one value, NaN or infinite values, shapes that do not fit.

    References
    ----------
    G. Alain, Y. Bengio, "Understanding intermediate layers using linear classifier probes", 2016.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 2, size=(300, 2))
    >>> float(linear_probe(factors + 0.0, factors))
    1.0
    """
    settings = _settings(preset, train_samples, test_samples) | {
        "C": C, "max_iter": max_iter, "seed": seed,
    }  # fmt: skip
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    inputs = scaled_pair(split.z, split.z_test, "standard")

    def classify(label: Array, tested: Array) -> tuple[float, float]:
        model = fit_logistic(inputs[0], label, int(label.max()) + 1, C=C, max_iter=max_iter)
        return _accuracies(model.predict(inputs[0]), label, model.predict(inputs[1]), tested)

    return _probe("linear_probe", split, inputs, classify, settings, jobs)


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

    The mean over factors of the test accuracy of a logistic regression whose penalty is chosen of
    ten by 5-fold cross-validation, or of boosted trees (100 rounds of depth 3). Codes in raw units.
    Measurements are regressed: R^2 of least squares, at least 0. Range 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
    test_codes, test_factors : the rows to score on; a third of the rows by seed unless given
    preset : convention by name; fixes how many rows are drawn
    predictor : ``"logistic-regression-cv"`` or ``"boosting"``
    train_samples, test_samples : rows drawn where there are more
    jobs : factors fitted at a time, -1 for one a core
    factor_kinds : ``"class"`` or ``"measurement"``, as for `mig`
    seed : decides splits, draws, and ties between codes

    Returns
    -------
    Score, with parts `per_factor` and `per_factor_train` (k,).

    Raises
    ------
    ValueError: a factor of one value, NaN or infinite values, shapes that do not fit.

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
    settings = _settings(preset, train_samples, test_samples)
    settings |= {"predictor": predictor, "seed": seed}
    split = train_and_test(codes, factors, test_codes, test_factors, settings, factor_kinds)
    inputs = split.z.astype(np.float64), split.z_test.astype(np.float64)
    ranked = rank_codes(*inputs) if predictor == "boosting" else None

    def classify(label: Array, tested: Array) -> tuple[float, float]:
        if ranked is not None:
            found = boost(ranked, label, int(label.max()) + 1, seed)
            return _accuracies(found.train, label, found.test, tested)
        return _cross_validated(inputs, label, tested)

    return _probe("downstream", split, inputs, classify, settings, jobs)


def _settings(
    preset: str | None, train_samples: int | None, test_samples: int | None
) -> dict[str, Any]:
    """Return the settings that say which rows are used."""
    given = {"train_samples": train_samples, "test_samples": test_samples}
    return settings_for("probe", preset, given)


def _probe(
    name: str,
    split: Split,
    inputs: tuple[Floats, Floats],
    classify: Any,
    settings: dict[str, Any],
    jobs: int,
) -> Score:
    """Score each factor with a classifier, or with least squares where it is a measurement."""
    y, y_test = split.y, split.y_test
    labels, tested = train_and_test_labels(split, settings["bins"])

    def fit(k: int) -> tuple[float, float]:
        if split.kinds.measured[k]:
            return _explained(inputs, y[:, k].astype(np.float64), y_test[:, k].astype(np.float64))
        found: tuple[float, float] = classify(labels[k], tested[k])
        return found

    found = np.array(in_parallel(fit, y.shape[1], jobs))
    parts = {"per_factor": found[:, 1], "per_factor_train": found[:, 0]}
    return Score(found[:, 1].mean(), name=name, parts=parts, **split.described(settings))


def _accuracies(train: Array, label: Array, test: Array, tested: Array) -> tuple[float, float]:
    """Return the share of right predictions of train and test rows."""
    return float((train == label).mean()), float((test == tested).mean())


def _explained(inputs: tuple[Floats, Floats], value: Floats, tested: Floats) -> tuple[float, float]:
    """Return R^2 of least squares with an intercept on train and test rows, at least 0."""
    first, second = (np.column_stack([part, np.ones(len(part))]) for part in inputs)
    weights = np.linalg.lstsq(first, value, rcond=None)[0]
    scores = []
    for rows, wanted in ((first, value), (second, tested)):
        error, spread = ((rows @ weights - wanted) ** 2).mean(), wanted.var()
        scores.append(max(0.0, float(1 - error / spread)) if spread > 0 else 0.0)
    return scores[0], scores[1]


def _cross_validated(
    inputs: tuple[Floats, Floats], label: Array, tested: Array
) -> tuple[float, float]:
    """Return accuracies of a logistic regression, its penalty chosen by 5-fold validation."""
    from sklearn.model_selection import KFold

    x, classes = inputs[0], int(label.max()) + 1
    if len(x) < 5:
        raise ValueError(f"codes must have at least 5 train rows for 5 folds, got {len(x)}")
    penalties = np.logspace(-4, 4, 10)
    right = np.zeros(len(penalties))
    for train, held in KFold(5).split(x):
        for i, C in enumerate(penalties):
            model = fit_logistic(x[train], label[train], classes, C=float(C))
            right[i] += (model.predict(x[held]) == label[held]).mean()
    best = fit_logistic(x, label, classes, C=float(penalties[right.argmax()]))
    return _accuracies(best.predict(x), label, best.predict(inputs[1]), tested)
