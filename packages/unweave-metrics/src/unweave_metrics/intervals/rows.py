"""Intervals from rows drawn with replacement, and from subsets of the rows."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._counting import Floats
from unweave_metrics._parallel import in_parallel
from unweave_metrics._shared import sharing
from unweave_metrics.intervals.draws import (
    SHARE,
    drawn_rows,
    length,
    sampled_rows,
    some_rows,
    with_replacement,
)
from unweave_metrics.intervals.interval import SAME_SIZE, Interval, interval_of
from unweave_metrics.intervals.strategy import (
    Call,
    Replicates,
    Strategy,
    count_within,
    jobs_of,
    with_wholes,
)


@dataclass(frozen=True, kw_only=True)
class Rows(Strategy):
    """Draw rows with replacement; if `paired`, the same rows of all arrays.

    The estimated time of one resample is `seconds` per million numbers of the arrays.
    """

    paired: bool = True
    seconds: float = 0.02
    budget, least = 0.3, 60
    draw = staticmethod(with_replacement)

    @property
    def group(self) -> Hashable:
        """Return the class and whether arrays are paired."""
        return type(self).__name__, self.paired

    def count(self, call: Call, resamples: int) -> int:
        """Return how many resamples fit in 0.3 seconds on one core, at least 60."""
        return count_within(resamples, self.seconds * call.numbers / 1e6, self.budget, self.least)

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the values of each call; calls on the same arrays have the same rows."""
        tables = [self.arrays_of(call, seed) for call in calls]
        wholes = with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            with sharing(parts=r < wholes):
                return [
                    call.on(self._draw(arrays, seed, r)) if r < count else np.nan
                    for call, arrays, count in zip(calls, tables, counts, strict=True)
                ]

        values = np.array(in_parallel(one, max(counts), jobs_of(calls, jobs)))
        return [values[:count, i] for i, count in enumerate(counts)]

    def arrays_of(self, call: Call, seed: int) -> dict[str, Any]:
        """Return the arrays of a call, only with the rows that the metric itself draws."""
        arrays, samples = dict(call.arrays), call.score.settings.get("samples")
        if samples is None:
            return arrays
        n = length(next(iter(arrays.values())))
        return {name: sampled_rows(a, n, samples, seed) for name, a in arrays.items()}

    def _draw(self, arrays: Mapping[str, Any], seed: int, r: int) -> dict[str, Any]:
        """Return resample r of the arrays."""
        resample: dict[str, Any] = {}
        for place, (name, array) in enumerate(arrays.items()):
            own = 0 if self.paired else place
            # Train and test rows differ in number, so their draws differ too.
            resample[name] = drawn_rows(array, self.draw, seed, r, own)
        return resample


@dataclass(frozen=True, kw_only=True)
class Subsets(Rows):
    """Draw three quarters of the rows without replacement, for scores that repeated rows distort.

    If a score of n rows has variance s^2 / n and bias a / n, then the score of m of these rows,
    given the sample, has variance s^2 (1/m - 1/n), and its mean differs from the score of the
    sample by a (1/m - 1/n). With m = f n both are those of the sample times (1 - f) / f. Train and
    test rows are drawn separately.
    """

    covers: str = SAME_SIZE
    method: str = "centred"
    seconds: float = 1.0
    most: int = 60
    budget, least = 1.0, 5
    draw = staticmethod(some_rows)
    # There is no interval if one resample would take more seconds than this.
    longest = 2.0

    def count(self, call: Call, resamples: int) -> int:
        """Return how many resamples fit in one second, 5 to 60, or 0 if one takes too long."""
        seconds = self.expected_seconds(call)
        if seconds > self.longest:
            return 0
        return count_within(min(resamples, self.most), seconds, self.budget, self.least)

    def expected_seconds(self, call: Call) -> float:
        """Return the estimated time of one resample."""
        return self.seconds * call.numbers / 1e6

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the interval of replicates with spread and bias scaled to the whole sample."""
        value, finite = float(call.score), replicates[np.isfinite(replicates)]
        if len(finite) == 0:
            return None
        ratio = SHARE / (1 - SHARE)
        bias = finite.mean() - value
        spread = value + ratio * bias + np.sqrt(ratio) * (replicates - finite.mean())
        return interval_of(value, spread, level, self.method)
