"""What every metric is called through: options by rule, and no value without words."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from unweave_metrics._options import check_options
from unweave_metrics.score import Score


def guarded(function: Callable[..., Any], undefined: str) -> Callable[..., Any]:
    """Return a metric whose options are checked, and whose value is finite or says why not.

    Parameters
    ----------
    function
        Takes arrays in order, and options by name only.
    undefined
        When the score is NaN or infinite by its definition; empty if never.
    """
    parameters = inspect.signature(function).parameters.values()
    optional = frozenset(p.name for p in parameters if p.default is None)

    @functools.wraps(function)
    def checked(*arrays: Any, **options: Any) -> Any:
        score = function(*arrays, **check_options(options, optional))
        return score if math.isfinite(score) else _with_words(score, undefined)

    return checked


def _with_words(score: Score, undefined: str) -> Score:
    """Return a score that is not finite with a note on why, refusing one that nothing explains."""
    if not undefined:
        raise ValueError(
            f"{score.name} is {float(score)} on these arrays: their numbers are too large, or "
            "differ too much in size; divide them all by one power of ten"
        )
    if any(undefined in note for note in score.notes):
        return score
    return score.with_notes(f"{score.name} is {float(score)}: {undefined}")
