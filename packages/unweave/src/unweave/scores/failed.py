"""A metric by itself, and a score without a value where it fails."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from unweave.errors import ConfigError, UnweaveError, blaming
from unweave.options import build
from unweave.scores.arrays import Arrays
from unweave.scores.calls import Call


class Failed(float):
    """A score that could not be computed: NaN, with a reason."""

    reason: str

    def __new__(cls, reason: str) -> Failed:
        """Make one."""
        failure = super().__new__(cls, math.nan)
        failure.reason = reason
        return failure


def guarded(call: Call, arrays: Arrays) -> Any:
    """Compute a score; any error becomes a score without a value."""
    try:
        arguments = list(call.arguments(arrays).values())
    except UnweaveError as error:
        return Failed(str(error))
    return guarded_with(call, arguments)


def guarded_with(call: Call, arguments: Sequence[NDArray[Any]]) -> Any:
    """Compute a score of arrays in the order of the metric's needs, as `guarded`."""
    try:
        score = build(call.entry, *arguments, options=call.options)
        _check_number(str(call.entry), score)
    except UnweaveError as error:
        return Failed(str(error))
    return score


def _check_number(owner: str, score: Any) -> None:
    """Raise unless a score is one number, or behaves as one."""
    shape = getattr(score, "shape", ())
    if isinstance(score, bool | str | bytes) or not hasattr(score, "__float__") or shape != ():
        what = f" of shape {shape}" if shape else ""
        raise ConfigError(f"{owner} must give one number, got {type(score).__name__}{what}")
    with blaming(owner, "when its score was read as a number"):
        float(score)
