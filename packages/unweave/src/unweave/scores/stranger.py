"""A metric of another distribution among those that the package of metrics computes."""

from __future__ import annotations

import inspect
import math
from typing import Any

from unweave.scores.calls import Call
from unweave.scores.declarations import declared_better, declared_bounds, declared_cost
from unweave.scores.failed import Failed, guarded_with


class Stranger:
    """A metric of another distribution, in the form that the package of metrics calls.

    An error becomes a score without a value, which is not resampled. What it declares is passed
    on: the direction and the range of its scores, and its cost, which with the sizes of the arrays
    determines the number of resamples; the clock never does.
    """

    def __init__(self, call: Call, place: int) -> None:
        self._call = call
        # By the number of codes that it was given: all of them, and the active ones.
        self._first: dict[int, Any] = {}
        self.__name__ = f"metric_{place}"
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in call.needs])
        self.better, self.bounds = declared_better(call.entry), declared_bounds(call.entry)
        cost = declared_cost(call.entry)
        if cost is not None:
            self.seconds_per_million = cost

    def __call__(self, **arrays: Any) -> float:
        """Return the score of arrays, NaN where it fails or failed of all rows."""
        width = arrays["codes"].shape[1] if "codes" in arrays else 0
        if isinstance(self._first.get(width), Failed):
            return math.nan
        score = guarded_with(self._call, [arrays[need] for need in self._call.needs])
        self._first.setdefault(width, score)
        return float(score)

    def score_of(self, score: Any, width: int) -> Any:
        """Return its score of all rows and `width` codes, with the interval."""
        first = self._first[width if "codes" in self._call.needs else 0]
        return first if score.interval is None else _Interval(first, score.interval)


class _Interval(float):
    """A score of another distribution's metric, with an interval."""

    interval: tuple[float, float]

    def __new__(cls, score: Any, interval: tuple[float, float]) -> _Interval:
        """Make one, and keep the other attributes of the score."""
        number = super().__new__(cls, float(score))
        number.__dict__.update(getattr(score, "__dict__", {}), interval=interval)
        return number
