"""Tables, tiles and bars of the page, as texts and positions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.codetable import ACTIVE
from unweave.report.dimensions import name
from unweave.report.material import Material
from unweave.report.scores import ReadScore

MOST_TILES = 5
RAIL = (6.0, 194.0)
"""Ends of the line on which intervals are drawn."""


def page_tables(material: Material) -> dict[str, Any]:
    """Return what the page's tables show."""
    scores = [_score_row(score) for score in material.scores.scores]
    return {
        "tiles": tiles(material),
        "collapsed": material.collapsed,
        "scores": scores,
        "intervals": any(row["interval_text"] for row in scores),
        "rows": None if material.scores.rows is None else f"{material.scores.rows:,}",
        "seed": material.scores.seed,
        "noun": "rows" if material.run.continuous else "images",
        "factors": bool(material.matrices) and bool(material.run.dataset.factor_names),
        "any_inactive": not material.dimensions.active.all(),
        "factor_bars": _factor_bars(material),
        "dimensions": _dimension_rows(material),
        "active_share": ACTIVE,
    }


def tiles(material: Material) -> list[dict[str, str]]:
    """Return the numbers that a reader sees first: scores, and how many dimensions are active."""
    active = material.dimensions.active
    rows = [
        {"name": _with_spaces(score.name), "value": tile_text(score.value)}
        for score in material.scores.scores[: MOST_TILES - 1]
    ]
    return [*rows, {"name": "active dimensions", "value": f"{int(active.sum())} of {len(active)}"}]


def score_text(value: float | None) -> str:
    """Write a score; one without a value is not defined."""
    return "not defined" if value is None else f"{value:.4g}"


def tile_text(value: float | None) -> str:
    """Write a score for a tile: three digits, or a dash where it is not defined."""
    return "–" if value is None else f"{value:.3g}"


def _with_spaces(text: str) -> str:
    return text.replace("_", " ")


def _score_row(score: ReadScore) -> dict[str, Any]:
    return {
        "name": _with_spaces(score.name),
        "text": score_text(score.value),
        "interval_text": _interval_text(score),
        "bar": _bar(score),
        "settings": score.settings,
        "note": f" {score.note}" if score.note else "",
    }


def _interval_text(score: ReadScore) -> str:
    return "" if score.interval is None else "[{:.4g}, {:.4g}]".format(*score.interval)


def _bar(score: ReadScore) -> dict[str, Any] | None:
    """Return the positions of a score and its interval on a line from 0 to 1; None if outside."""
    if score.value is None or score.interval is None:
        return None
    low, high = score.interval
    if min(low, score.value) < 0 or max(high, score.value) > 1:
        return None
    place = [round(RAIL[0] + (RAIL[1] - RAIL[0]) * v, 1) for v in (score.value, low, high)]
    return dict(zip(("at", "low", "high"), place, strict=True))


def _factor_bars(material: Material) -> list[dict[str, Any]]:
    factors = material.run.dataset.factor_names
    return [
        {"name": _with_spaces(score.name), "bars": _bars(factors, values)}
        for score in material.scores.scores
        if (values := score.per_factor(len(factors))) is not None
    ]


def _bars(factors: tuple[str, ...], values: NDArray[np.float64]) -> list[dict[str, Any]]:
    longest = max(1.0, float(np.nanmax(np.abs(values), initial=0.0)))
    return [
        {
            "factor": factor,
            "text": "–" if math.isnan(value) else f"{value:.3f}",
            "width": 0 if math.isnan(value) else round(100 * max(0.0, value) / longest, 2),
        }
        for factor, value in zip(factors, values.tolist(), strict=True)
    ]


def _dimension_rows(material: Material) -> list[dict[str, Any]]:
    facts = material.dimensions
    return [
        {
            "name": name(d),
            "kl": f"{max(0.0, facts.kl[d]):.2f}" if np.isfinite(facts.kl[d]) else "–",
            "aggregate": f"{max(0.0, facts.aggregate[d]):.3f}",
            "deviation": f"{facts.deviation[d]:.2f}",
            "share": f"{facts.share[d]:.2f}",
            "active": bool(facts.active[d]),
        }
        for d in material.visible
    ]
