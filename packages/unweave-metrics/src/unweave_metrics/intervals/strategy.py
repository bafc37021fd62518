"""What a strategy of intervals is, the calls that it replicates, and the one without intervals."""

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
    """A metric with its options, the arrays it saw by name, the score it gave, and its bounds."""

    function: Callable[..., Any]
    arrays: Mapping[str, Any]
    options: Mapping[str, Any]
    score: Score
    strategy: Strategy
    bounds: tuple[float, float] = (-np.inf, np.inf)
    threads: bool = True

    def on(self, arrays: Mapping[str, Any], **options: Any) -> float:
        """Return the score of other arrays; NaN where a draw left nothing to score."""
        try:
            return float(self.function(**arrays, **{**self.options, **options}))
        except ValueError:  # as where a draw lost all but one class of a factor
            return float("nan")

    @property
    def numbers(self) -> int:
        """Return how many numbers the arrays hold."""
        return sum(int(np.size(array)) for array in self.arrays.values())


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to replicate scores; `covers` says what its intervals are about."""

    covers: str = POPULATION
    method: str = "basic"
    over = "rows"
    # Why there is no interval, empty where there may be one.
    without = ""

    @property
    def group(self) -> Hashable:
        """Return what calls must share to be replicated together, on the same draws."""
        return type(self).__name__

    @property
    def slowness(self) -> float:
        """Return what metrics with this strategy are put in order by, the slowest first."""
        return 0.0

    def chosen(self, score: Score) -> Strategy:
        """Return the strategy for a score with these settings."""
        return self

    def count(self, call: Call, resamples: int) -> int:
        """Return how many of the resamples are made."""
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
    """No interval: of whole traversals, which drawn rows would leave gaps in."""

    covers: str = THESE_ROWS
    without = "resampled rows have no whole traversals"

    def count(self, call: Call, resamples: int) -> int:
        """Return none."""
        return 0


def limited(resamples: int, seconds: float, budget: float, least: int) -> int:
    """Return how many resamples of so many reckoned seconds fit in a budget, but at least some."""
    return min(resamples, max(least, int(budget / max(seconds, 1e-9))))


def with_wholes(calls: Sequence[Call], counts: Sequence[int]) -> int:
    """Return up to which resample there are calls on whole tables, which parts are taken of."""
    wholes = [
        count
        for call, count in zip(calls, counts, strict=True)
        if all(whole_of(array) is None for array in call.arrays.values())
    ]
    return max(wholes, default=0)


def jobs_of(calls: Sequence[Call], jobs: int) -> int:
    """Return how many resamples of these calls may run at a time on threads."""
    if not all(call.threads for call in calls):
        return 1
    allowed = {thread_jobs(call.score.settings.get("predictor", ""), jobs) for call in calls}
    return jobs if allowed == {jobs} else 1
