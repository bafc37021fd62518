"""Compute the intervals of scores; scores that use the same draws are replicated together."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np

from unweave_metrics._arrays import as_array
from unweave_metrics._column_names import add_names, as_numbers
from unweave_metrics._counting import Floats
from unweave_metrics._options import MUCH
from unweave_metrics._parallel import in_parallel
from unweave_metrics._signatures import accepted
from unweave_metrics.catalogue import Entry
from unweave_metrics.intervals.interval import with_interval
from unweave_metrics.intervals.strategy import Call, jobs_of
from unweave_metrics.score import Score, score_of

# Keyword arguments of metrics that hold rows too.
ROWS_BY_NAME = ("std", "test_codes", "test_factors")

# Arguments that hold an array per model.
OF_MODELS = ("representations", "kls")

UNBOUNDED = (-float("inf"), float("inf"))


def bounds_of(bounds: tuple[float, float], score: Score) -> tuple[float, float]:
    """Return the bounds of a score: those of its metric, unless its settings change its scale."""
    inside = bounds[0] <= score <= bounds[1]
    return bounds if inside and score.settings.get("normalizer") != "none" else UNBOUNDED


def call_metric(entry: Entry, arrays: Mapping[str, Any], options: Mapping[str, Any]) -> Call:
    """Call a metric with arrays and options by name; options that hold rows become arrays."""
    by_name = {name: options[name] for name in ROWS_BY_NAME if options.get(name) is not None}
    numbers, names = as_numbers({**arrays, **by_name})
    arguments = {name: _read(value, name) for name, value in numbers.items()}
    rest = {name: value for name, value in options.items() if name not in by_name}
    result = add_names(entry.function(**arguments, **rest), names)
    score = score_of(result, entry.name)
    serial = rest | accepted(entry.function, {"jobs": 1})
    return Call(
        entry.function, arguments, serial, score, entry.interval.for_score(score),
        bounds_of(entry.bounds, score), entry.threads,
    )  # fmt: skip


def _read(value: Any, name: str) -> Any:
    """Read an array, or the arrays of a list of models, once for all resamples."""
    if name in OF_MODELS and isinstance(value, list | tuple):
        return [as_array(part, f"{name}[{i}]") for i, part in enumerate(value)]
    return as_array(value, name)


def with_intervals(
    calls: Sequence[Call], counts: Sequence[int], level: float, seed: int, jobs: int
) -> list[Score]:
    """Return the scores of calls with intervals from `counts` resamples; none where that is 0."""
    groups: dict[Hashable, list[int]] = {}
    for place, (call, count) in enumerate(zip(calls, counts, strict=True)):
        if count:
            groups.setdefault(call.strategy.group, []).append(place)
    scores = [call.score for call in calls]

    def replicate(places: list[int]) -> None:
        own = [calls[place] for place in places]
        arrays = own[0].strategy.replicates(own, [counts[place] for place in places], seed, jobs)
        for call, place, values in zip(own, places, arrays, strict=True):
            scores[place] = _with_interval(call, values, level)

    parallel, serial = _by_threads(list(groups.values()), calls, jobs)
    # A group with fewer resamples is slower, because the time limits their number.
    sizes = [-max(counts[place] for place in places) for places in parallel]
    in_parallel(lambda g: replicate(parallel[g]), len(parallel), jobs, sizes)
    for places in serial:
        replicate(places)
    return scores


def _by_threads(
    groups: list[list[int]], calls: Sequence[Call], jobs: int
) -> tuple[list[list[int]], list[list[int]]]:
    """Return the groups of calls that may run on threads, and those that may not."""
    flags = [jobs_of([calls[place] for place in places], jobs) == jobs for places in groups]
    return tuple(  # type: ignore[return-value]
        [places for places, flag in zip(groups, flags, strict=True) if flag is value]
        for value in (True, False)
    )


def _with_interval(call: Call, values: Floats, level: float) -> Score:
    """Return the score of a call with the interval of its replicates."""
    strategy = call.strategy
    with np.errstate(over="ignore", invalid="ignore"):
        interval = strategy.interval(call, values, level)
    if interval is None or not np.isfinite([interval.low, interval.high, interval.bias]).all():
        magnitudes = np.abs(values[np.isfinite(values)])
        if not (magnitudes > MUCH).any():
            return call.score
        return call.score.with_notes(
            f"{call.score.name}: no interval, because its values are too large for a mean; divide "
            "the arrays by a power of ten"
        )
    return with_interval(
        call.score,
        interval.clipped(call.bounds),
        level=level, over=strategy.over, covers=strategy.covers,
        method=strategy.method, resamples=len(values),
    )  # fmt: skip
