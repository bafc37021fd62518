"""Strategies of intervals: the base class, the calls that they replicate, and no interval."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._counting import Floats
from unweave_metrics._parallel import thread_jobs
from unweave_metrics._shared import whole_of
from unweave_metrics.intervals.interval import POPULATION, THESE_ROWS, Interval, interval_of
from unweave_metrics.score import Score

Replicates = list[Floats]


@dataclass(frozen=True)
class Call:
    """A metric with its arguments, its score, and the strategy and bounds of its interval."""

    function: Callable[..., Any]
    arrays: Mapping[str, Any]
    options: Mapping[str, Any]
    score: Score
    strategy: Strategy
    bounds: tuple[float, float] = (-np.inf, np.inf)
    threads: bool = True

    def on(self, arrays: Mapping[str, Any], **options: Any) -> float:
        """Return the score of other arrays, or NaN if they cannot be scored."""
        try:
            return float(self.function(**arrays, **{**self.options, **options}))
        except ValueError:  # for example, a resample with only one class of a factor
            return float("nan")

    @property
    def numbers(self) -> int:
        """Return the number of entries of all arrays."""
        return sum(int(np.size(array)) for array in self.arrays.values())


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to replicate scores; `covers` says what its intervals cover."""

    covers: str = POPULATION
    method: str = "basic"
    over = "rows"
    # Why there is no interval; empty if there may be one.
    without = ""

    @property
    def group(self) -> Hashable:
        """Return a key; calls with equal keys are replicated together, on the same draws."""
        return type(self).__name__

    @property
    def slowness(self) -> float:
        """Return the sort key of metrics with this strategy, which run slowest first."""
        return 0.0

    def for_score(self, score: Score) -> Strategy:
        """Return the strategy for a score, which may depend on its settings."""
        return self

    def count(self, call: Call, resamples: int) -> int:
        """Return how many resamples to make, at most `resamples`."""
        return resamples

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the values of each call on its resamples."""
        raise NotImplementedError

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the interval of one call's replicates."""
        return interval_of(float(call.score), replicates, level, self.method)


@dataclass(frozen=True, kw_only=True)
class Whole(Strategy):
    """No interval, for scores of whole traversals, in which drawn rows would leave gaps."""

    covers: str = THESE_ROWS
    without = "resampled rows do not contain whole traversals"

    def count(self, call: Call, resamples: int) -> int:
        """Return 0."""
        return 0


def count_within(resamples: int, seconds: float, budget: float, least: int) -> int:
    """Return how many resamples of `seconds` each fit in a budget, at least `least`."""
    return min(resamples, max(least, int(budget / max(seconds, 1e-9))))


def with_wholes(calls: Sequence[Call], counts: Sequence[int]) -> int:
    """Return the number of resamples with calls on whole tables, whose results parts can use."""
    wholes = [
        count
        for call, count in zip(calls, counts, strict=True)
        if all(whole_of(array) is None for array in call.arrays.values())
    ]
    return max(wholes, default=0)


def jobs_of(calls: Sequence[Call], jobs: int) -> int:
    """Return how many resamples of these calls may run on threads at a time."""
    if not all(call.threads for call in calls):
        return 1
    allowed = {thread_jobs(call.score.settings.get("predictor", ""), jobs) for call in calls}
    return jobs if allowed == {jobs} else 1
