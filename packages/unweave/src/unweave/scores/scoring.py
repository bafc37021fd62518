"""Metrics of one code table, in one call of the package of metrics if it is installed."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import numpy as np

from unweave.errors import UnweaveError, message_of
from unweave.options import check_options
from unweave.other_processes import begin, threads_of_each
from unweave.registry import Registry
from unweave.scores.arrays import ActiveCodes, Arrays, of_images
from unweave.scores.calls import Call as Call
from unweave.scores.calls import Called
from unweave.scores.failed import Failed as Failed
from unweave.scores.failed import guarded
from unweave.scores.package import HOME, Evaluation, apart, evaluation_of
from unweave.scores.stranger import Stranger

RESAMPLES = 1000
"""Largest number of resamples of an interval."""
LARGEST_SENT = 1 << 28
"""Most bytes of arrays that are sent to other processes; larger ones are scored here."""
ALL_CORES = -1
ACTIVE = "active"
"""Suffix of a score of the active dimensions alone."""


def score_table(
    calls: Sequence[Called],
    arrays: Arrays,
    names: Registry,
    *,
    seed: int,
    resamples: int,
    part: ActiveCodes | None = None,
    pool: Executor | None = None,
) -> dict[str, Any]:
    """Compute metrics of arrays; one that fails gives a `Failed`, and the others go on.

    Metrics with equal options share one call of the package of metrics, with its histograms and
    resamples; this includes metrics of other distributions. Without that package each is called
    alone, and there are no intervals.

    Parameters
    ----------
    seed
        Seed of all that metrics draw.
    resamples
        Largest number of resamples for intervals; 0 for none.
    part
        Dimensions for which metrics of codes are computed as well, each as ``name/active`` after
        ``name``.
    pool
        Processes for the package of metrics, if it has all the metrics; by default this one.
    """
    evaluation = evaluation_of(names)
    scores: dict[str, Any] = {}
    for (group_seed, options), group in _groups(calls, seed):
        if evaluation is None:
            scores |= _each(group, arrays, part)
        else:
            settings = {"seed": group_seed, "bootstrap": resamples, **options}
            scores |= _together(group, arrays, evaluation, settings, part, pool)
    for name, score in scores.items():
        if isinstance(score, Failed):
            warnings.warn(f"no score {name}: {score.reason}", stacklevel=3)
    order = (row for name, _ in calls for row in (name, f"{name}/{ACTIVE}"))
    return {row: scores[row] for row in order if row in scores}


def _groups(
    calls: Sequence[Called], seed: int
) -> list[tuple[tuple[int, dict[str, Any]], dict[str, Call]]]:
    """Group the metrics that can share a call: those with equal rows, seeds and options."""
    groups: dict[str, tuple[tuple[int, dict[str, Any]], dict[str, Call]]] = {}
    for name, call in calls:
        options: dict[str, Any] = {}
        if call.entry.distribution == HOME:
            values = check_options(call.entry, call.options)
            options = {key: values[key] for key in values if key in call.options}
        common = (int(options.pop("seed", seed)), options)
        key = repr((of_images(call.needs), common))
        groups.setdefault(key, (common, {}))[1][name] = call
    return list(groups.values())


def _each(group: Mapping[str, Call], arrays: Arrays, part: ActiveCodes | None) -> dict[str, Any]:
    """Compute metrics one by one."""
    scores = {name: guarded(call, arrays) for name, call in group.items()}
    if part is not None:
        of_codes = {name: call for name, call in group.items() if "codes" in call.needs}
        scores |= {f"{n}/{ACTIVE}": guarded(c, part.arrays) for n, c in of_codes.items()}
    return scores


def _together(
    group: Mapping[str, Call],
    arrays: Arrays,
    evaluation: Evaluation,
    settings: Mapping[str, Any],
    part: ActiveCodes | None,
    pool: Executor | None,
) -> dict[str, Any]:
    """Compute metrics in one call; if an array is missing that one needs, compute each alone."""
    needs = list(dict.fromkeys(need for call in group.values() for need in call.needs))
    try:
        of_needs = {need: arrays.get(need, needs) for need in ["codes", *needs]}
    except UnweaveError:
        return _each(group, arrays, part)
    functions = {
        name: call.entry.load() if call.entry.distribution == HOME else Stranger(call, place)
        for place, (name, call) in enumerate(group.items())
    }
    options = dict(settings) if part is None else {**settings, "subsets": {ACTIVE: part.columns}}
    if any(isinstance(function, Stranger) for function in functions.values()):
        pool = None  # what a stranger's score carries may not be fit to be sent
    try:
        table = _evaluated(list(functions.values()), evaluation, {**of_needs, **options}, pool)
    except (ValueError, TypeError) as error:  # arrays that no metric could use
        return {n: Failed(f"{c.entry}: {message_of(error)}") for n, c in group.items()}
    scores: dict[str, Any] = {}
    for name, call in group.items():
        for suffix in ("", f"/{ACTIVE}"):  # the package leaves out what lacks an array
            row = f"{functions[name].__name__}{suffix}"
            if row in table:
                width = of_needs["codes"].shape[1] if part is None or not suffix else part.width
                scores[f"{name}{suffix}"] = _score(call, functions[name], table[row], row, width)
    return scores


def _evaluated(
    functions: list[Any],
    evaluation: Evaluation,
    arguments: Mapping[str, Any],
    pool: Executor | None,
) -> Mapping[str, Any]:
    """Evaluate metrics; with other processes, groups that share no computation run at once."""
    size = sum(array.nbytes for array in arguments.values() if isinstance(array, np.ndarray))
    if pool is None or size > LARGEST_SENT:
        return evaluation(metrics=functions, progress=False, **arguments)
    shares = apart(functions)
    jobs = threads_of_each() if len(shares) > 1 else ALL_CORES
    results = [
        begin(pool, evaluation, metrics=share, progress=False, jobs=jobs, **arguments)
        for share in shares
    ]
    return {row: score for result in results for row, score in result().items()}


def _score(call: Call, function: Any, score: Any, row: str, width: int) -> Any:
    """Return a score as it is stored, or the failure of another distribution's metric."""
    if isinstance(function, Stranger):
        return function.score_of(score, width)
    if math.isnan(score) and not score.settings:
        reason = "; ".join(score.notes).removeprefix(f"{row}: ")
        return Failed(f"{call.entry}: {reason}")
    return score
