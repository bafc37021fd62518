"""The wrapper of every metric: check its options, and explain a score that is not finite."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable
from typing import Any

from unweave_metrics._options import check_options
from unweave_metrics.score import Score


def guarded(function: Callable[..., Any], undefined: str) -> Callable[..., Any]:
    """Return a metric that checks its options, and explains a score that is not finite.

    Parameters
    ----------
    function
        The metric: arrays are positional arguments, options are keyword arguments.
    undefined
        When the score is NaN or infinite by definition; empty if never.
    """
    parameters = inspect.signature(function).parameters.values()
    optional = frozenset(p.name for p in parameters if p.default is None)

    @functools.wraps(function)
    def checked(*arrays: Any, **options: Any) -> Any:
        score = function(*arrays, **check_options(options, optional))
        return score if math.isfinite(score) else _with_reason(score, undefined)

    return checked


def _with_reason(score: Score, undefined: str) -> Score:
    """Return a score that is not finite with a note that says why; raise if there is no reason."""
    if not undefined:
        raise ValueError(
            f"{score.name} is {float(score)} on these arrays: their numbers are too large, or "
            "differ too much in magnitude; divide all of them by the same power of ten"
        )
    if any(undefined in note for note in score.notes):
        return score
    return score.with_notes(f"{score.name} is {float(score)}: {undefined}")
