"""Importances of codes for each factor, by the predictors that DCI may use."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics.arrays import Array
from unweave_metrics.boosting import boost, rank_codes
from unweave_metrics.counting import Floats
from unweave_metrics.infomec import standardized
from unweave_metrics.sap import train_and_test_labels

PREDICTORS = ("histogram-boosting", "gradient-boosting", "random-forest", "lasso")

# The candidates of the review that chose them by 10-fold cross-validation.
ALPHAS = (0.0001, 0.001, 0.01, 0.1, 0.2, 0.4, 0.8, 1.0)


@dataclass(frozen=True)
class Fitted:
    """Importances (d, k) and goodness of fit of each factor on train and test rows (k,)."""

    importance: Floats
    train: Floats
    test: Floats


def in_parallel(function: Callable[[int], Any], count: int, jobs: int) -> list[Any]:
    """Return function(0 .. count - 1) in order, `jobs` at a time on threads; -1: one a core."""
    if jobs == 1:
        return [function(k) for k in range(count)]
    import os
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(os.cpu_count() if jobs < 1 else jobs) as pool:
        return list(pool.map(function, range(count)))


def fit_factors(
    z: Array, y: Array, z_test: Array, y_test: Array, settings: dict[str, Any], jobs: int
) -> Fitted:
    """Fit one predictor a factor."""
    predictor = settings["predictor"]
    if predictor == "lasso":
        fit = _lasso(z, y, z_test, y_test, settings["alpha"])
    else:
        labels, tested = train_and_test_labels(y, y_test, settings["bins"])
        if predictor == "histogram-boosting":
            fit = _boosting(z, labels, z_test, tested, settings["seed"])
        else:
            model = _estimator(predictor, settings["seed"])
            fit = _classifier(model, z, labels, z_test, tested)
    rows = in_parallel(fit, y.shape[1], jobs)
    return Fitted(
        np.array([row[0] for row in rows]).T,
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
    )


def _boosting(
    z: Array, labels: Array, z_test: Array, tested: Array, seed: int
) -> Callable[[int], tuple[Floats, float, float]]:
    """Return a function that boosts trees for factor k."""
    ranked = rank_codes(z, z_test)

    def fit(k: int) -> tuple[Floats, float, float]:
        found = boost(ranked, labels[k], int(labels[k].max()) + 1, seed)
        right, right_test = found.train == labels[k], found.test == tested[k]
        return found.importances, float(right.mean()), float(right_test.mean())

    return fit


def _estimator(predictor: Any, seed: int) -> Any:
    """Return a scikit-learn classifier by name, or the one given."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if predictor == "gradient-boosting":
        return GradientBoostingClassifier(random_state=seed)
    if predictor == "random-forest":
        return RandomForestClassifier(
            n_estimators=100, criterion="entropy", max_depth=10, random_state=seed
        )
    return predictor


def _classifier(
    model: Any, z: Array, labels: Array, z_test: Array, tested: Array
) -> Callable[[int], tuple[Floats, float, float]]:
    """Return a function that fits a copy of a classifier to factor k."""
    from sklearn.base import clone

    def fit(k: int) -> tuple[Floats, float, float]:
        own = clone(model).fit(z, labels[k])
        right, right_test = own.predict(z) == labels[k], own.predict(z_test) == tested[k]
        return importances_of(own), float(right.mean()), float(right_test.mean())

    return fit


def importances_of(model: Any) -> Floats:
    """Return |importances| (d,) of a fitted estimator, or |coefficients| summed over classes."""
    if hasattr(model, "feature_importances_"):
        return np.abs(np.asarray(model.feature_importances_, dtype=np.float64))
    if hasattr(model, "coef_"):
        coefficients = np.abs(np.asarray(model.coef_, dtype=np.float64))
        return coefficients if coefficients.ndim == 1 else np.asarray(coefficients.sum(axis=0))
    raise ValueError(
        "predictor must have feature_importances_ or coef_ when fitted, "
        f"{type(model).__name__} has neither"
    )


def _lasso(
    z: Array, y: Array, z_test: Array, y_test: Array, alpha: float | None
) -> Callable[[int], tuple[Floats, float, float]]:
    """Return a function that regresses factor k; goodness of fit is 1 - 12 MSE, at least 0.

    12 MSE because a uniform factor on [0, 1] has variance 1/12.
    """
    from sklearn.linear_model import Lasso

    inputs, inputs_test = to_unit(z, z), to_unit(z_test, z)
    outputs, outputs_test = to_unit(y, y), to_unit(y_test, y)
    standard, standard_y = standardized(z), standardized(y)

    def fit(k: int) -> tuple[Floats, float, float]:
        chosen = _best_alpha(inputs, outputs[:, k]) if alpha is None else alpha
        model = Lasso(alpha=chosen)
        if alpha is not None:
            model.fit(standard, standard_y[:, k])
            coefficients = np.abs(model.coef_)
            scale = np.maximum(z.std(axis=0), np.finfo(float).tiny)
            spread = y[:, k].std() / np.ptp(y[:, k])
            error = ((standard @ model.coef_ - standard_y[:, k]) * spread) ** 2
            shifted = (z_test - z.mean(axis=0)) / scale
            test_y = (y_test[:, k] - y[:, k].mean()) / y[:, k].std()
            test_error = ((shifted @ model.coef_ - test_y) * spread) ** 2
        else:
            model.fit(inputs, outputs[:, k])
            coefficients = np.abs(model.coef_)
            error = (model.predict(inputs) - outputs[:, k]) ** 2
            test_error = (model.predict(inputs_test) - outputs_test[:, k]) ** 2
        return (
            coefficients,
            max(0.0, float(1 - 12 * error.mean())),
            max(0.0, float(1 - 12 * test_error.mean())),
        )

    return fit


def _best_alpha(inputs: Floats, output: Floats) -> float:
    """Return the penalty with the least mean squared error in 10-fold cross-validation."""
    from sklearn.linear_model import Lasso
    from sklearn.model_selection import KFold

    folds: Sequence[Any] = list(KFold(10).split(inputs))
    errors = [
        np.mean([
            ((Lasso(alpha=alpha, max_iter=5000).fit(inputs[a], output[a]).predict(inputs[b])
              - output[b]) ** 2).mean()
            for a, b in folds
        ])
        for alpha in ALPHAS
    ]  # fmt: skip
    return ALPHAS[int(np.argmin(errors))]


def to_unit(values: Array, reference: Array) -> Floats:
    """Return columns scaled by the range of a reference to [0, 1]; constant ones are 0."""
    low, width = reference.min(axis=0), np.ptp(reference, axis=0).astype(np.float64)
    scaled = (values - low.astype(np.float64)) / np.where(width > 0, width, 1.0)
    return np.asarray(np.where(width > 0, scaled, 0.0))
