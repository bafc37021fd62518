"""Regress factors on codes: fit to train rows, predict for test rows."""

from __future__ import annotations

from typing import Any

import numpy as np

from unweave_metrics._arrays import check_choice, constant_columns
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import far_clipped, in_reach, train_and_test_in_reach
from unweave_metrics.predictors._importances import scaled_pair
from unweave_metrics.predictors._split import Split


def regress(split: Split, predictor: Any) -> Floats:
    """Return predictions (m, k) of the factors of the test rows.

    Parameters
    ----------
    split
        Train and test rows; codes are standardised by the train rows.
    predictor
        ``"linear"``: least squares with an intercept; or a scikit-learn regressor, which is fitted
        to each factor separately.
    """
    first, second = scaled_pair(split.z, split.z_test, "standard")
    factors, _ = in_reach(split.y)
    if isinstance(predictor, str):
        check_choice(predictor, "predictor", ("linear",))
        weights = np.linalg.lstsq(_with_one(first), factors, rcond=None)[0]
        return np.asarray(_with_one(second) @ weights)
    if not (hasattr(predictor, "fit") and hasattr(predictor, "predict")):
        raise TypeError(
            f"predictor must be 'linear' or a scikit-learn regressor, got {predictor!r:.80}"
        )
    from sklearn.base import clone

    models = [clone(predictor).fit(first, column) for column in factors.T]
    return np.column_stack([np.ravel(model.predict(second)) for model in models])


def _with_one(rows: Floats) -> Floats:
    """Return rows with a column of ones appended."""
    return np.column_stack([rows, np.ones(len(rows))])


def check_varying(split: Split) -> Floats:
    """Return the factors of the test rows; refuse a constant one, which has no variance.

    They are scaled as in the regression, that is, divided by the powers of two of the train rows.
    """
    factors = split.y_test.astype(np.float64)
    constant = np.flatnonzero(constant_columns(factors))
    if len(constant):
        k, value = constant[0], factors[0, constant[0]] + 0.0  # no -0
        everywhere = bool((split.y[:, k] == value).all())
        where, what = ("", "drop that column") if everywhere else (" of the test rows", "add rows")
        raise ValueError(
            f"factors must have at least two values per column, got only {value:g} in column "
            f"{k}{where}; {what}"
        )
    return train_and_test_in_reach(split.y, split.y_test)[1]


def relative(values: Floats, size: Floats) -> Floats:
    """Return values over the size of each column, clipped so that their squares do not overflow."""
    with np.errstate(over="ignore"):
        return far_clipped(values / np.where(size > 0, size, 1.0))
