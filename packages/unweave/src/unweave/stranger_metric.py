"""A metric of another distribution among those that the package of metrics computes."""

from __future__ import annotations

import inspect
import math
import warnings
from numbers import Real
from typing import Any

from unweave.errors import quote
from unweave.failed_scores import Failed, guarded_with
from unweave.metric_calls import Call
from unweave.registry import Entry


class Stranger:
    """A metric of another distribution, in the form that the package of metrics calls.

    An error becomes a score without a value, which is not resampled. The declared cost,
    `seconds_per_million`, is passed on: it and the sizes of the arrays determine the number of
    resamples, and the clock never does.
    """

    def __init__(self, call: Call, place: int) -> None:
        self._call = call
        # By the number of codes that it was given: all of them, and the active ones.
        self._first: dict[int, Any] = {}
        self.__name__ = f"metric_{place}"
        kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
        self.__signature__ = inspect.Signature([inspect.Parameter(n, kind) for n in call.needs])
        declared = getattr(call.entry.load(), "seconds_per_million", None)
        if declared is not None:
            self.seconds_per_million = _checked_cost(call.entry, declared)

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


def _checked_cost(entry: Entry, declared: Any) -> float:
    """Return the declared cost of a metric; infinite, for no interval, if it is invalid."""
    number = isinstance(declared, Real) and not isinstance(declared, bool)
    if number and declared >= 0:
        return float(declared)
    warnings.warn(
        f"{entry}: seconds_per_million must be a number of at least 0, got {quote(declared)}; the "
        "score has no interval",
        stacklevel=3,
    )
    return math.inf


class _Interval(float):
    """A score of another distribution's metric, with an interval."""

    interval: tuple[float, float]

    def __new__(cls, score: Any, interval: tuple[float, float]) -> _Interval:
        """Make one, and keep the other attributes of the score."""
        number = super().__new__(cls, float(score))
        number.__dict__.update(getattr(score, "__dict__", {}), interval=interval)
        return number
