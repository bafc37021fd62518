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
    jobs_of,
    limited,
    with_wholes,
)


@dataclass(frozen=True, kw_only=True)
class Rows(Strategy):
    """Rows drawn with replacement; `paired` arrays share their rows.

    One resample is reckoned to take `seconds` per million numbers of the arrays.
    """

    paired: bool = True
    seconds: float = 0.02
    budget, least = 0.3, 60
    draw = staticmethod(with_replacement)

    @property
    def group(self) -> Hashable:
        """Return kind and pairing."""
        return type(self).__name__, self.paired

    def count(self, call: Call, resamples: int) -> int:
        """Return as many as fit in a third of a second of one core, at least sixty."""
        return limited(resamples, self.seconds * call.numbers / 1e6, self.budget, self.least)

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the values of each call; calls on the same arrays see the same rows."""
        tables = [self.prepared(call, seed) for call in calls]
        wholes = with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            with sharing(parts=r < wholes):
                return [
                    call.on(self._drawn(arrays, seed, r)) if r < count else np.nan
                    for call, arrays, count in zip(calls, tables, counts, strict=True)
                ]

        values = np.array(in_parallel(one, max(counts), jobs_of(calls, jobs)))
        return [values[:count, i] for i, count in enumerate(counts)]

    def prepared(self, call: Call, seed: int) -> dict[str, Any]:
        """Return the arrays with the rows that the metric itself draws of them."""
        arrays, samples = dict(call.arrays), call.score.settings.get("samples")
        if samples is None:
            return arrays
        n = length(next(iter(arrays.values())))
        return {name: sampled_rows(a, n, samples, seed) for name, a in arrays.items()}

    def _drawn(self, arrays: Mapping[str, Any], seed: int, r: int) -> dict[str, Any]:
        """Return resample number r of the arrays."""
        resample: dict[str, Any] = {}
        for place, (name, array) in enumerate(arrays.items()):
            own = 0 if self.paired else place
            # Train rows and test rows are of different numbers, and drawn apart.
            resample[name] = drawn_rows(array, self.draw, seed, r, own)
        return resample


@dataclass(frozen=True, kw_only=True)
class Subsets(Rows):
    """Three quarters of the rows, without replacement: for scores that repeated rows mislead.

    Of m out of n rows the variance given the sample is s^2 (1/m - 1/n), and the bias against the
    sample's a (1/m - 1/n): with m = f n both are those of the sample times (1 - f) / f. Train rows
    and test rows are drawn apart.
    """

    covers: str = SAME_SIZE
    method: str = "centred"
    seconds: float = 1.0
    most: int = 60
    budget, least = 1.0, 5
    draw = staticmethod(some_rows)
    # Not at all where one would take longer than this many seconds.
    longest = 2.0

    def count(self, call: Call, resamples: int) -> int:
        """Return at most sixty, as many as fit in a second but at least five, or none."""
        seconds = self.reckoned(call)
        if seconds > self.longest:
            return 0
        return limited(min(resamples, self.most), seconds, self.budget, self.least)

    def reckoned(self, call: Call) -> float:
        """Return the seconds that one resample is reckoned to take."""
        return self.seconds * call.numbers / 1e6

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the interval of replicates, spread and bias as of the whole sample."""
        value, finite = float(call.score), replicates[np.isfinite(replicates)]
        if len(finite) == 0:
            return None
        ratio = SHARE / (1 - SHARE)
        bias = finite.mean() - value
        spread = value + ratio * bias + np.sqrt(ratio) * (replicates - finite.mean())
        return interval_of(value, spread, level, self.method)
