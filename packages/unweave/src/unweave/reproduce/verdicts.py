"""What came out against what was published."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from unweave.experiment.results import Results
from unweave.reproduce.recipe import Expectation, Recipe

AGREES, DISAGREES, UNKNOWN = "agrees", "**disagrees**", "not known"


class Verdict(NamedTuple):
    """A claim, what was published, what was found, and whether they agree."""

    claim: str
    published: str
    outcome: str
    verdict: str


def verdicts(recipe: Recipe, results: Results) -> list[Verdict]:
    """Compare the means over seeds with what was published.

    A claim about runs of which one is not finished, or lacks the number, is not known: it can be
    met only by runs that happened.
    """
    return [Verdict(one.claim, *_judged(one, results)) for one in recipe.expect]


def _judged(expected: Expectation, results: Results) -> tuple[str, str, str]:
    mean, missing = _mean(results, expected.measure, expected.run, expected.where)
    if expected.below is None:
        published, tolerance = expected.published or 0.0, expected.tolerance or 0.0
        reference = f"{published:g} ± {tolerance:g}"
        if missing:
            return reference, missing, UNKNOWN
        return reference, f"{mean:.3g}", _verdict(abs(mean - published) <= tolerance)
    where = expected.where if expected.below_where is None else expected.below_where
    other = expected.below_measure or expected.measure
    limit, also_missing = _mean(results, other, expected.below, where)
    reference = "lower" if expected.published is None else _pair(expected)
    if missing or also_missing:
        return reference, missing or also_missing, UNKNOWN
    numbers = f"{mean:.3g} against {limit:.3g}"
    return reference, numbers, _verdict(mean * expected.times < limit)


def _mean(results: Results, measure: str, run: str, where: Mapping[str, Any]) -> tuple[float, str]:
    """Return the mean over seeds, and what is missing: every run has to be there."""
    rows = results.at(run, where)
    values = [row.value(measure) for row in rows]
    finite = [value for value in values if math.isfinite(value)]
    if len(finite) < len(rows):
        return math.nan, f"{len(finite)} of {len(rows)} runs of {run}"
    return float(np.mean(finite)), ""


def _pair(expected: Expectation) -> str:
    if expected.published_below is None:
        return f"{expected.published:g}, lower"
    return f"{expected.published:g} against {expected.published_below:g}"


def _verdict(holds: bool) -> str:
    return AGREES if holds else DISAGREES
