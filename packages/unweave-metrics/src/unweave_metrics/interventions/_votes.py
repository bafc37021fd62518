"""Majority votes by the code that varies least, or most, in a batch of rows."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._arrays import Array, constant_columns
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import FactorKinds
from unweave_metrics._sampling import draw_rows, generator
from unweave_metrics._scaling import in_reach, shifted
from unweave_metrics._shared import shared
from unweave_metrics.interventions._groups import Groups, check_choosable, draw_batches
from unweave_metrics.score import Score

Votes = NDArray[np.int64]


# Why a score may be NaN.
NO_CODE = "no code is active"

# Number of votes that are drawn at a time: their rows stay in the second-level cache.
CHUNK = 1_000


def vote_score(
    name: str, z: Array, groups: Groups, settings: dict[str, Any], kinds: FactorKinds
) -> Score:
    """Score codes by majority votes on batches of rows of one group.

    `settings` may have ``by_value``, which decides how groups are drawn, and ``most``: the code
    that varies most votes, not the one that varies least.
    """
    counts = settings["train_votes"], settings["eval_votes"]
    by_value = settings.get("by_value", False)
    batch = settings["batch_size"], by_value
    if by_value:
        check_choosable(groups)  # also if no code is active
    rows = draw_rows(len(z), settings["variance_samples"], generator(settings["seed"]))
    values, powers = in_reach(z)
    z = np.ascontiguousarray(values)
    # Variances of the scaled codes; only their ratios are used.
    variances = (z if rows is None else z[rows]).var(axis=0, ddof=1, dtype=np.float64)
    variances[constant_columns(z)] = 0.0  # a rounded mean would give a small positive number
    active = shifted(np.sqrt(variances), powers) >= settings["prune_std"]
    train, evaluation = np.zeros((2, z.shape[1], len(groups.labels)), dtype=np.int64)
    if active.any():
        draws = _draw_votes(groups, len(z), settings["variance_samples"], counts, *batch,
                       settings["seed"])  # fmt: skip
        for table, batches in zip((train, evaluation), draws, strict=True):
            for factor, rows in batches:
                votes = least_varying(z, rows, variances, active, most=settings.get("most", False))
                np.add.at(table, (votes, factor), 1)
    train_accuracy, accuracy = majority_accuracy(train, evaluation)
    notes = kinds.notes
    if not active.any() and variances.any():
        train_accuracy = accuracy = math.nan
        notes = (*notes, f"{NO_CODE}: each varies by less than {settings['prune_std']:g}")
    elif settings["rescale"] and active.any():
        k = train.shape[1]
        train_accuracy, accuracy = rescaled(train_accuracy, k), rescaled(accuracy, k)
    parts = {
        "train_accuracy": train_accuracy,
        "votes": train,
        "eval_votes": evaluation,
        "active": active,
        "variances": shifted(variances, 2 * powers),
    }
    settings = settings | {"factor_kinds": kinds.words, "rows": len(z)}
    return Score(accuracy, name=name, parts=parts, settings=settings, notes=notes)


@shared
def _draw_votes(
    groups: Groups,
    n: int,
    variance_samples: int | None,
    counts: tuple[int, int],
    size: int,
    by_value: bool,
    seed: Any,
) -> list[list[tuple[Votes, Votes]]]:
    """Return batches for training and for evaluation, which do not depend on the codes.

    A batch has the number of a factor and row numbers.
    """
    rng = generator(seed)
    draw_rows(n, variance_samples, rng)  # the rows for the variances are the first draw
    return [
        [
            draw_batches(groups, min(CHUNK, count - first), size, rng, by_value=by_value)
            for first in range(0, count, CHUNK)
        ]
        for count in counts
    ]


def least_varying(
    z: Array, rows: Votes, variances: Floats, active: Array, *, most: bool = False
) -> NDArray[np.int64]:
    """Return for each batch of rows (b, size) the active code with the least relative variance.

    With `most` it is the code with the largest one. A constant code that is active, because the
    threshold is 0, has the ratio 0/0 and gets the vote, as NaN does in the argmin of the reference
    implementation.
    """
    places = np.flatnonzero(active)
    values = z if active.all() and z.flags.c_contiguous and z.dtype == np.float64 else z[:, places]
    values = np.require(values, np.float64, ["C", "W"])
    out = np.empty(len(rows), dtype=np.int64)
    sign = -1.0 if most else 1.0
    _argmin_variance(values, np.ascontiguousarray(rows), variances[places], sign, out)
    return places[out]


@Kernel
def _argmin_variance(values, rows, variances, sign, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the argmin of batch variance over global variance to `out`.

    Values are taken relative to the first row of the batch, for accuracy.
    """
    batch, d = rows.shape[1], values.shape[1]
    total = np.empty(d)
    square = np.empty(d)
    for j in range(rows.shape[0]):
        total[:] = 0.0
        square[:] = 0.0
        first = rows[j, 0]
        for i in range(1, batch):
            row = rows[j, i]
            for c in range(d):
                gap = values[row, c] - values[first, c]
                total[c] += gap
                square[c] += gap * gap
        best, place = np.inf, 0
        for c in range(d):
            if variances[c] == 0.0:
                place = c
                break
            ratio = sign * (square[c] - total[c] * total[c] / batch) / variances[c]
            if ratio < best:
                best, place = ratio, c
        out[j] = place


def majority_accuracy(train: Votes, evaluation: Votes) -> tuple[float, float]:
    """Return train and evaluation accuracy of the majority vote; the lowest factor wins a tie."""
    guess = train.argmax(axis=1)
    each = np.arange(len(train))
    return (
        float(train[each, guess].sum() / max(train.sum(), 1)),
        float(evaluation[each, guess].sum() / max(evaluation.sum(), 1)),
    )


def rescaled(accuracy: float, k: int) -> float:
    """Map 1/k (chance) to 0 and 1 to 1 linearly; with a single factor the accuracy is 1."""
    return (accuracy - 1 / k) / (1 - 1 / k) if k > 1 else accuracy
