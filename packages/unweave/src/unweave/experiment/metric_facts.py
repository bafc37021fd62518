"""What a registered metric says of its numbers: which are better, and between which they lie."""

from __future__ import annotations

import importlib
import math
from typing import Any, NamedTuple, cast

from unweave.errors import ConfigError
from unweave.options import parse_spec
from unweave.registry import registry
from unweave.scores.declarations import ANY, Better, Bounds, declared_better, declared_bounds
from unweave.scores.package import HOME

UPWARD: Bounds = (0.0, math.inf)
DIRECTIONS: dict[str, Better] = {"high": "higher", "low": "lower", "-": "neither"}


class MetricFacts(NamedTuple):
    """Which direction of a metric is better, and its least and largest value."""

    better: Better
    bounds: Bounds


def metric_facts(text: str) -> MetricFacts:
    """Look a metric, `NAME` or `NAME:key=value`, up in the catalogue of its package.

    A metric of another distribution declares them itself. Of one that does not, and of one that
    cannot be imported here, more is better and nothing is known of its range.
    """
    name, options = parse_spec(text)
    try:
        entry = registry().lookup("metric", name)
        if entry.distribution != HOME:
            return MetricFacts(declared_better(entry), declared_bounds(entry))
    except ConfigError:
        return MetricFacts("higher", ANY)
    package = entry.target.partition(":")[0].partition(".")[0]
    catalogue: Any = importlib.import_module(f"{package}.catalogue")
    facts = catalogue.entry_of(entry.load())
    bounds = cast(Bounds, facts.bounds)
    if entry.name == "mmd" and options.get("unbiased", "true").lower() in ("false", "0", "no"):
        bounds = UPWARD  # the V-statistic is a squared norm
    return MetricFacts(DIRECTIONS[facts.best], bounds)
