"""What a metric of another distribution declares of itself, as attributes of its function."""

from __future__ import annotations

import math
import warnings
from numbers import Real
from typing import Any, Literal, cast, get_args

from unweave.errors import quote
from unweave.registry import Entry

Better = Literal["higher", "lower", "neither"]
Bounds = tuple[float, float]

ANY: Bounds = (-math.inf, math.inf)


def declared_cost(entry: Entry) -> float | None:
    """Return `seconds_per_million`, its cost; infinite, for no interval, if it is invalid."""
    declared = getattr(entry.load(), "seconds_per_million", None)
    if declared is None or (_is_number(declared) and declared >= 0):
        return None if declared is None else float(declared)
    rule = "must be a number of at least 0"
    _warn(entry, "seconds_per_million", rule, declared, "the score has no interval")
    return math.inf


def declared_better(entry: Entry) -> Better:
    """Return `better`, the better direction of its scores: `higher` unless it says otherwise."""
    declared = getattr(entry.load(), "better", "higher")
    if isinstance(declared, str) and declared in get_args(Better):
        return cast(Better, declared)
    rule = "must be 'higher', 'lower' or 'neither'"
    _warn(entry, "better", rule, declared, "a higher score counts as better")
    return "higher"


def declared_bounds(entry: Entry) -> Bounds:
    """Return `bounds`, its least and largest score: without end unless it says otherwise."""
    declared = getattr(entry.load(), "bounds", ANY)
    if isinstance(declared, tuple | list) and len(declared) == 2 and all(map(_is_number, declared)):
        low, high = map(float, declared)
        if low <= high:
            return low, high
    rule = "must be two numbers in ascending order"
    _warn(entry, "bounds", rule, declared, "intervals are not cut off")
    return ANY


def _is_number(value: Any) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _warn(entry: Entry, name: str, rule: str, declared: Any, effect: str) -> None:
    warnings.warn(f"{entry}: {name} {rule}, got {quote(declared)}; {effect}", stacklevel=3)
