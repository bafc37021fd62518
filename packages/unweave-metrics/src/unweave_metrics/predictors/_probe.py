"""Probes of frozen codes: score each factor with a classifier or least squares."""

from __future__ import annotations

from typing import Any

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._counting import Floats
from unweave_metrics._parallel import in_parallel
from unweave_metrics._scaling import train_and_test_in_reach
from unweave_metrics.predictors._labels import train_and_test_labels
from unweave_metrics.predictors._split import Split
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score


def probe_settings(
    preset: str | None, train_samples: int | None, test_samples: int | None
) -> dict[str, Any]:
    """Return the settings of the preset of probes with these numbers of rows."""
    arguments = {"train_samples": train_samples, "test_samples": test_samples}
    return settings_for("probe", preset, arguments)


def probe(
    name: str,
    split: Split,
    inputs: tuple[Floats, Floats],
    classify: Any,
    settings: dict[str, Any],
    jobs: int,
) -> Score:
    """Score each factor with a classifier, or with least squares if it is a measurement."""
    y, y_test = split.y, split.y_test
    labels, test_labels = train_and_test_labels(split, settings["bins"])

    def fit(k: int) -> tuple[float, float]:
        if split.kinds.measured[k]:
            value, targets, _ = train_and_test_in_reach(y[:, [k]], y_test[:, [k]])
            return _r_squared(inputs, value[:, 0], targets[:, 0])
        accuracies: tuple[float, float] = classify(labels[k], test_labels[k])
        return accuracies

    accuracies = np.array(in_parallel(fit, y.shape[1], jobs, labels.max(axis=1).tolist()))
    parts = {"per_factor": accuracies[:, 1], "per_factor_train": accuracies[:, 0]}
    return Score(accuracies[:, 1].mean(), name=name, parts=parts, **split.record(settings))


def accuracies(train: Array, label: Array, test: Array, test_label: Array) -> tuple[float, float]:
    """Return the shares of correct predictions `train` and `test` for train and test rows."""
    return float((train == label).mean()), float((test == test_label).mean())


def _r_squared(
    inputs: tuple[Floats, Floats], value: Floats, test_value: Floats
) -> tuple[float, float]:
    """Return R^2 of least squares with an intercept on train and test rows, at least 0."""
    first, second = (np.column_stack([part, np.ones(len(part))]) for part in inputs)
    weights = np.linalg.lstsq(first, value, rcond=None)[0]
    scores = []
    for rows, targets in ((first, value), (second, test_value)):
        error, spread = ((rows @ weights - targets) ** 2).mean(), targets.var()
        scores.append(max(0.0, float(1 - error / spread)) if spread > 0 else 0.0)
    return scores[0], scores[1]
