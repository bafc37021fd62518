"""Importances of codes for each factor, by the predictors of DCI."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._arrays import Array, constant_columns
from unweave_metrics._binning import check_classes
from unweave_metrics._counting import Floats
from unweave_metrics._parallel import in_parallel, thread_jobs
from unweave_metrics._quiet import quiet
from unweave_metrics._scaling import far_clipped, train_and_test_in_reach
from unweave_metrics._shared import shared
from unweave_metrics.predictors._boosting import boost, rank_codes
from unweave_metrics.predictors._labels import train_and_test_labels
from unweave_metrics.predictors._split import Split

PREDICTORS = (
    "histogram-boosting", "gradient-boosting", "random-forest", "lasso", "forest-regression",
)  # fmt: skip

# Candidates for cross-validation, those of Carbonneau et al., 2022.
ALPHAS = (0.0001, 0.001, 0.01, 0.1, 0.2, 0.4, 0.8, 1.0)
FOREST_DEPTHS, FOREST_SHARES = (8, 16, 32, 64, 128), (0.2, 0.4, 0.8, 1.0)


@dataclass(frozen=True)
class FactorFits:
    """Importances (d, k) and goodness of fit of each factor on train and test rows (k,).

    Regressions also have `nrmse` (2, k), the root mean squared error over the standard deviation of
    the factor, on train and test rows.
    """

    importance: Floats
    train: Floats
    test: Floats
    nrmse: Floats | None = None


def fit_factors(split: Split, settings: dict[str, Any], jobs: int) -> FactorFits:
    """Fit one predictor per factor."""
    z, y, z_test, y_test = split.z, split.y, split.z_test, split.y_test
    predictor = settings["predictor"]
    labels: Any = None
    fit: Callable[[int], tuple[Any, ...]]
    if not _is_regression(predictor):
        labels, test_labels = train_and_test_labels(split, settings["bins"])
    if labels is None:
        _check_varying(y)
        fit = _regression(_regressor(settings), z, y, z_test, y_test, _scale(settings))
    elif predictor == "histogram-boosting":
        fit = _boosting(z, labels, z_test, test_labels, settings["seed"])
    else:
        model = _estimator(predictor, settings["seed"], jobs)
        fit = _classifier(model, z, labels, z_test, test_labels)
    # Our own boosting does not warn, and may run on threads.
    own = isinstance(predictor, str) and predictor == "histogram-boosting"
    with nullcontext() if own else quiet():
        # A factor with more classes takes longer.
        sizes = None if labels is None else labels.max(axis=1).tolist()
        rows: list[Any] = in_parallel(fit, y.shape[1], thread_jobs(predictor, jobs), sizes)
    return FactorFits(
        np.array([row[0] for row in rows]).T,
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows]),
        np.array([row[3] for row in rows]).T if len(rows[0]) > 3 else None,
    )


def _check_varying(y: Array) -> None:
    """Refuse a factor that is constant on the train rows, and fewer than two train rows."""
    check_classes([np.unique(column)[:2] for column in y.T])
    if len(y) < 2:
        raise ValueError(f"codes must have at least 2 train rows, got {len(y)}")


def _boosting(
    z: Array, labels: Array, z_test: Array, test_labels: Array, seed: int
) -> Callable[[int], tuple[Floats, float, float]]:
    """Return a function that boosts trees for factor k."""
    ranking = rank_codes(z, z_test)

    def fit(k: int) -> tuple[Floats, float, float]:
        result = boost(ranking, labels[k], int(labels[k].max()) + 1, seed)
        right, right_test = result.train == labels[k], result.test == test_labels[k]
        return result.importances, float(right.mean()), float(right_test.mean())

    return fit


def _estimator(predictor: Any, seed: int, jobs: int) -> Any:
    """Return the scikit-learn classifier of a name; an estimator stays as it is."""
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier

    if predictor == "gradient-boosting":
        return GradientBoostingClassifier(random_state=seed)
    if predictor == "random-forest":
        return RandomForestClassifier(
            n_estimators=100, criterion="entropy", max_depth=10, random_state=seed, n_jobs=jobs
        )
    return predictor


def _classifier(
    model: Any, z: Array, labels: Array, z_test: Array, test_labels: Array
) -> Callable[[int], tuple[Floats, float, float]]:
    """Return a function that fits a copy of a classifier to factor k."""
    from sklearn.base import clone

    z, z_test, _ = train_and_test_in_reach(z, z_test, single=True)

    def fit(k: int) -> tuple[Floats, float, float]:
        own = clone(model).fit(z, labels[k])
        right, right_test = own.predict(z) == labels[k], own.predict(z_test) == test_labels[k]
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
        "predictor must have feature_importances_ or coef_ after fit, but "
        f"{type(model).__name__} has neither; choose another predictor"
    )


def _is_regression(predictor: Any) -> bool:
    """Return whether a predictor is a regression, not a classifier."""
    if isinstance(predictor, str):
        return predictor in ("lasso", "forest-regression")
    from sklearn.base import is_regressor

    return bool(is_regressor(predictor))


def _scale(settings: dict[str, Any]) -> str:
    """Return how the arrays of a regression are scaled."""
    fixed = settings["predictor"] == "lasso" and settings["alpha"] is not None
    return settings["scale"] or ("standard" if fixed else "unit")


def _regression(
    fit_model: Callable[[Floats, Floats], Any],
    z: Array,
    y: Array,
    z_test: Array,
    y_test: Array,
    scale: str,
) -> Callable[[int], tuple[Any, ...]]:
    """Return a function that regresses factor k; goodness of fit is 1 - 12 MSE, at least 0.

    The factor is scaled to [0, 1] for this, because a uniform factor then has variance 1/12.
    """
    (inputs, inputs_test), (outputs, outputs_test) = (
        scaled_pair(train, test, scale) for train, test in ((z, z_test), (y, y_test))
    )
    width, spread = np.ptp(outputs, axis=0), outputs.std(axis=0)

    def fit(k: int) -> tuple[Any, ...]:
        model = fit_model(inputs, outputs[:, k])
        train_error, test_error = (
            float(((np.ravel(model.predict(rows)) - targets[:, k]) ** 2).mean())
            for rows, targets in ((inputs, outputs), (inputs_test, outputs_test))
        )
        goodness = [max(0.0, 1 - 12 * error / width[k] ** 2) for error in (train_error, test_error)]
        return importances_of(model), *goodness, np.sqrt([train_error, test_error]) / spread[k]

    return fit


def _regressor(settings: dict[str, Any]) -> Callable[[Floats, Floats], Any]:
    """Return a function that fits the regressor, with cross-validation where an option is open."""
    from sklearn.base import clone
    from sklearn.ensemble import RandomForestRegressor
    from sklearn.linear_model import Lasso

    if settings["predictor"] == "lasso":
        alpha = settings["alpha"]
        if alpha is not None:
            return lambda x, y: Lasso(alpha=alpha).fit(x, y)
        # More steps in cross-validation than in the final fit, as in Carbonneau et al., 2022.
        choice = [Lasso(alpha=alpha, max_iter=5000) for alpha in ALPHAS]
        return lambda x, y: Lasso(alpha=best_of(choice, x, y).alpha).fit(x, y)
    if settings["predictor"] == "forest-regression":
        forests = [
            RandomForestRegressor(
                n_estimators=10, max_depth=depth, max_features=share, random_state=settings["seed"]
            )
            for depth in FOREST_DEPTHS
            for share in FOREST_SHARES
        ]
        return lambda x, y: best_of(forests, x, y).fit(x, y)
    return lambda x, y: clone(settings["predictor"]).fit(x, y)


def best_of(models: Sequence[Any], inputs: Floats, output: Floats) -> Any:
    """Return a copy of the model with the least mean squared error in 10-fold cross-validation."""
    from sklearn.base import clone
    from sklearn.model_selection import KFold

    folds = list(KFold(min(10, len(output))).split(inputs))
    errors = [
        np.mean([
            ((clone(model).fit(inputs[a], output[a]).predict(inputs[b]) - output[b]) ** 2).mean()
            for a, b in folds
        ])
        for model in models
    ]  # fmt: skip
    return clone(models[int(np.argmin(errors))])


@shared
def scaled_pair(train: Array, test: Array, scale: str) -> tuple[Floats, Floats]:
    """Return both sets of columns, scaled by the train rows; columns that are constant there are 0.

    ``"standard"``: mean 0 and standard deviation 1; ``"unit"``: range [0, 1]; ``"none"``: not
    scaled.
    """
    train, test, _ = train_and_test_in_reach(train, test)
    if scale == "none":
        return train, test
    if scale == "unit":
        return to_unit(train, train), to_unit(test, train)
    constant = constant_columns(train)
    mean = train.mean(axis=0)
    spread = np.where(constant, 1.0, train.std(axis=0))
    first, second = ((part - mean) / spread for part in (train, test))
    return np.where(constant, 0.0, first), np.where(constant, 0.0, far_clipped(second))


def to_unit(values: Floats, reference: Floats) -> Floats:
    """Return columns scaled so that the reference has range [0, 1]; constant columns are 0."""
    low, width = reference.min(axis=0), np.ptp(reference, axis=0)
    scaled = (values - low) / np.where(width > 0, width, 1.0)
    return np.where(width > 0, far_clipped(scaled), 0.0)
