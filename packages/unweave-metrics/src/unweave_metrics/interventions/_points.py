"""Classify points, the mean differences of pairs of rows that share a factor, linearly."""

from __future__ import annotations

from typing import Any

import numpy as np

from unweave_metrics._arrays import Array, largest_of_columns
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import FactorKinds
from unweave_metrics._logistic import fit_logistic
from unweave_metrics._sampling import generator
from unweave_metrics._scaling import in_reach, shifted
from unweave_metrics._shared import columnwise
from unweave_metrics.interventions._groups import Groups, Rows, draw_pairs
from unweave_metrics.interventions._votes import rescaled
from unweave_metrics.score import Score

# Largest power of two of features. At 2^60 (1e18) the penalty is already negligible, and fits to
# features of 2^100 have ended with the accuracy of chance.
LARGEST_POWER = 60


def pair_score(
    name: str,
    z: Array,
    groups: Groups,
    settings: dict[str, Any],
    kinds: FactorKinds,
    max_iter: int,
) -> Score:
    """Fit the classifier to training points and score it on evaluation points."""
    k = len(groups.labels)
    if k < 2:
        raise ValueError(f"{name} needs at least two factors, got {k}")
    (train, train_factor), (fresh, fresh_factor) = _points(
        z, groups, settings["train_points"], settings["eval_points"], settings["batch_size"],
        settings["seed"], settings.get("by_value", False),
    )  # fmt: skip
    if len(np.unique(train_factor)) < 2:
        raise ValueError(
            f"train_points must be enough for points of two factors, got {settings['train_points']}"
        )
    model = fit_logistic(train, train_factor, k, max_iter=max_iter)
    train_accuracy = float((model.predict(train) == train_factor).mean())
    right = int((model.predict(fresh) == fresh_factor).sum())
    accuracy = right / len(fresh_factor)
    if settings["rescale"]:
        train_accuracy, accuracy = rescaled(train_accuracy, k), rescaled(accuracy, k)
    parts = {"train_accuracy": train_accuracy, "correct": np.array([right, len(fresh_factor)])}
    settings = settings | {"factor_kinds": kinds.words, "rows": len(z)}
    return Score(accuracy, name=name, parts=parts, settings=settings, notes=kinds.notes)


Points = tuple[Floats, Rows]


def _features_of(points: list[Points], columns: Rows) -> list[Points]:
    """Return the same points with some of their features."""
    return [(features[:, columns], factor) for features, factor in points]


@columnwise(_features_of)
def _points(
    z: Array, groups: Groups, train: int, fresh: int, size: int, seed: Any, by_value: bool
) -> list[Points]:
    """Return features (count, d) and factor numbers (count,), for training and for evaluation."""
    values, rng = np.ascontiguousarray(_within_fits(in_reach(z)[0])), generator(seed)
    points = []
    for count in (train, fresh):
        factor, rows = draw_pairs(groups, count, size, rng, by_value=by_value)
        points.append((mean_differences(values, rows), factor))
    return points


def _within_fits(values: Floats) -> Floats:
    """Divide columns (n, d) that are too large for the fit by powers of two."""
    power = np.frexp(largest_of_columns(values))[1].astype(np.int64)
    return shifted(values, np.minimum(0, LARGEST_POWER - power))


def mean_differences(values: Floats, rows: Rows) -> Floats:
    """Return mean |z - z'| (b, d) over pairs of rows (b, size, 2) of codes (n, d)."""
    out = np.zeros((len(rows), values.shape[1]))
    _add_differences(values, rows, out)
    out /= rows.shape[1]
    return out


@Kernel
def _add_differences(values, rows, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add |z - z'| over the pairs of each batch to `out`."""
    for j in range(rows.shape[0]):
        for i in range(rows.shape[1]):
            for c in range(values.shape[1]):
                out[j, c] += abs(values[rows[j, i, 0], c] - values[rows[j, i, 1], c])
