"""Compare the results of a recipe with published ones."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from unweave.experiment.definition import short
from unweave.experiment.layout import ALARM, rounded
from unweave.experiment.measures import bounds
from unweave.experiment.results import Results
from unweave.experiment.statistics import p_text, paired_test, summarise
from unweave.reproduce.recipe import Expectation, Recipe

AGREES, DISAGREES, UNKNOWN = "agrees", "**disagrees**", "not known"
WITHIN_ERROR = ", within error"
"""Suffix of a verdict that the spread over seeds could change."""
DIGITS = range(3, 18)
"""Numbers of digits to try; with the last one, different floats have different texts."""

Values = dict[tuple[Any, ...], float]
"""A measure by seed and by the settings of the grid that are not in `where`."""


class Verdict(NamedTuple):
    """A claim, what was published, what was found, and whether they agree."""

    claim: str
    published: str
    outcome: str
    verdict: str


def verdicts(recipe: Recipe, results: Results) -> list[Verdict]:
    """Compare the means over seeds with what was published.

    A verdict is "within error" where the means decide it and the seeds do not: the paired test
    over common seeds has p of .05 or more, or the 95 % interval of the mean reaches over the edge
    of the tolerance. Of one seed no error is known.

    A claim about runs of which one is not finished, or lacks the number, is not known: it can be
    met only by runs that happened.
    """
    return [Verdict(one.claim, *_judge(one, results)) for one in recipe.expect]


def _judge(expected: Expectation, results: Results) -> tuple[str, str, str]:
    ours, missing = _values(results, expected.measure, expected.run, expected.where)
    if expected.below is None:
        return _near(expected, ours, bounds(results.experiment, expected.measure), missing)
    where = expected.where if expected.below_where is None else expected.below_where
    other = expected.below_measure or expected.measure
    theirs, also_missing = _values(results, other, expected.below, where)
    reference = "lower" if expected.published is None else _pair(expected)
    if missing or also_missing:
        return reference, missing or also_missing, UNKNOWN
    return reference, *_below(expected.times, ours, theirs)


def _near(
    expected: Expectation, ours: Values, limits: tuple[float, float], missing: str
) -> tuple[str, str, str]:
    """Return whether the mean is within the tolerance of the published number, as texts."""
    published, tolerance = expected.published or 0.0, expected.tolerance or 0.0
    reference = f"{published:g} ± {tolerance:g}"
    if missing:
        return reference, missing, UNKNOWN

    def holds(value: float) -> bool:
        return abs(value - published) <= tolerance

    mean = float(np.mean(list(ours.values())))
    digits = _digits_that_show(lambda d: holds(float(rounded(mean, d))) == holds(mean))
    text = rounded(mean, digits)
    summary = summarise(list(ours.values()), limits)
    low, high = summary.low, summary.high
    if math.isnan(low):
        return reference, text, _verdict(holds(mean))
    # Sure: if the mean is inside, so is the interval; if it is outside, no edge is in the interval.
    edges = (published - tolerance, published + tolerance)
    sure = (
        holds(low) and holds(high)
        if holds(mean)
        else not any(low <= edge <= high for edge in edges)
    )
    return reference, f"{text} [{rounded(low)}, {rounded(high)}]", _verdict(holds(mean), sure)


def _below(times: float, ours: Values, theirs: Values) -> tuple[str, str]:
    """Return whether `times` one mean is below another, as texts."""
    mean, limit = (float(np.mean(list(values.values()))) for values in (ours, theirs))
    holds = mean * times < limit

    def agrees(digits: int) -> bool:
        left, right = float(rounded(mean, digits)) * times, float(rounded(limit, digits))
        return left < right if holds else left > right or (left == right and mean * times == limit)

    digits = _digits_that_show(agrees)
    text = f"{rounded(mean, digits)} against {rounded(limit, digits)}"
    common = sorted(ours.keys() & theirs.keys(), key=str)
    p = paired_test([ours[key] * times for key in common], [theirs[key] for key in common])
    if math.isnan(p):
        return text, _verdict(holds)
    return f"{text}, p {p_text(p)}", _verdict(holds, p < ALARM)


def _digits_that_show(agrees: Callable[[int], bool]) -> int:
    """Return the least number of digits whose text agrees with the verdict; 3 if none does."""
    return next((digits for digits in DIGITS if agrees(digits)), DIGITS[0])


def _values(
    results: Results, measure: str, run: str, where: Mapping[str, Any]
) -> tuple[Values, str]:
    """Return a measure over seeds, or a text that says how many runs have it if not all do."""
    rows = results.at(run, where)
    finite: Values = {}
    for row in rows:
        rest = (f"{key} {short(v)}" for key, v in row.place.items() if key not in where)
        if math.isfinite(value := row.value(measure)):
            finite[row.seed, *rest] = value
    if len(finite) < len(rows):
        return {}, f"{len(finite)} of {len(rows)} runs of {run}"
    return finite, ""


def _pair(expected: Expectation) -> str:
    if expected.published_below is None:
        return f"{expected.published:g}, lower"
    return f"{expected.published:g} against {expected.published_below:g}"


def _verdict(holds: bool, sure: bool = True) -> str:
    return (AGREES if holds else DISAGREES) + WITHIN_ERROR * (not sure)
