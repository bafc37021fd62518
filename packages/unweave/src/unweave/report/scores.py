"""Read `scores.json` so that no unexpected entry stops a report."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

LONGEST_TEXT = 200
DEEPEST_TEXT = 3


@dataclass(frozen=True)
class ReadScore:
    """One score of a file.

    Attributes
    ----------
    value
        None where it is not defined.
    interval
        (low, high), or None.
    settings
        What it was computed with, as text.
    parts : arrays by name, of numbers alone; NaN where the file has null.
    note
        Why there is no value, or what else the file says; may be empty.
    rows, seed
        Of the draw of images that it was computed on, where the file says so.
    """

    name: str
    value: float | None
    interval: tuple[float, float] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    note: str = ""
    rows: int | None = None
    seed: int | None = None

    def per_factor(self, factors: int) -> NDArray[np.float64] | None:
        """Return the score of each factor, shape (K,), if the file has it."""
        part = self.parts.get("per_factor")
        return part if part is not None and factors > 0 and part.shape == (factors,) else None

    def matrices(self, dim: int, factors: int) -> dict[str, NDArray[np.float64]]:
        """Return the parts with a number for each factor and dimension, as (K, D)."""
        matrices = {}
        for name, part in self.parts.items():
            if part.shape == (dim, factors):
                matrices[name] = part.T
            elif part.shape == (factors, dim):
                matrices[name] = part
        return matrices


@dataclass(frozen=True)
class ReadScores:
    """All scores of a file, and what they were computed on."""

    scores: tuple[ReadScore, ...] = ()
    rows: int | None = None
    seed: int | None = None


def scores_of(content: Mapping[str, Any] | None) -> ReadScores:
    """Take the content of a file of scores; what is not as expected in it is left out."""
    if content is None:
        return ReadScores()
    entries = content.get("scores")
    scores = entries.items() if isinstance(entries, Mapping) else ()
    rows, seed = _whole(content.get("rows")), _whole(content.get("seed"))
    read_scores = tuple(_score(str(name), entry, rows, seed) for name, entry in scores)
    return ReadScores(read_scores, rows, seed)


def _score(name: str, entry: Any, rows: int | None, seed: int | None) -> ReadScore:
    if not isinstance(entry, Mapping):
        return ReadScore(name, _number(entry), rows=rows, seed=seed)
    settings, parts = (
        value if isinstance(value := entry.get(key), Mapping) else {}
        for key in ("settings", "parts")
    )
    arrays = {str(key): _array(value) for key, value in parts.items()}
    conditions = {str(key): _text(value) for key, value in settings.items()}
    if source := entry.get("source"):
        conditions["computed by"] = _text(source)
    return ReadScore(
        name,
        _number(entry.get("value")),
        _interval(entry.get("interval")),
        conditions,
        {key: array for key, array in arrays.items() if array is not None},
        _text(entry.get("reason") or ""),
        _whole(entry.get("rows", rows)),
        _whole(entry.get("seed", seed)),
    )


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _interval(value: Any) -> tuple[float, float] | None:
    if not isinstance(value, list | tuple) or len(value) != 2:
        return None
    low, high = (_number(end) for end in value)
    return None if low is None or high is None else (low, high)


def _array(value: Any) -> NDArray[np.float64] | None:
    try:
        array = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError, OverflowError, RecursionError):
        return None
    return array if array.size else None


def _text(value: Any, depth: int = 0) -> str:
    """Write a value of JSON for a reader, without braces, brackets or long fractions."""
    inner = depth + 1
    if isinstance(value, Mapping) and depth < DEEPEST_TEXT:
        text = ", ".join(f"{key} {_text(one, inner)}" for key, one in value.items())
    elif isinstance(value, list | tuple) and depth < DEEPEST_TEXT:
        text = ", ".join(_text(one, inner) for one in value)
    elif isinstance(value, bool | None):
        text = "none" if value is None else "yes" if value else "no"
    else:
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
    return text if len(text) <= LONGEST_TEXT else text[:LONGEST_TEXT] + "…"
