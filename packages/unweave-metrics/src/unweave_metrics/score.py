"""The result of a metric: a float that remembers its parts, interval and settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np


class Score(float):
    """A float with a name, parts, an interval and the settings that gave it.

    Everything a float can do works: comparison, arithmetic, formatting, ``numpy.mean``. The
    attributes are `name`, `parts` (floats and arrays by name), `interval` (low, high) or `None`,
    `settings`, and `notes`: sentences on what to mind about this number.

    Examples
    --------
    >>> score = Score(0.25, name="mig", parts={"per_factor": [0.2, 0.3]}, interval=(0.2, 0.3))
    >>> score + 1
    1.25
    >>> print(score)
    mig 0.2500 [0.2000, 0.3000]
    >>> Score.from_json(score.to_json()).interval
    (0.2, 0.3)
    """

    name: str
    parts: dict[str, Any]
    interval: tuple[float, float] | None
    settings: dict[str, Any]
    notes: tuple[str, ...]

    def __new__(
        cls,
        value: float,
        *,
        name: str = "score",
        parts: Mapping[str, Any] | None = None,
        interval: tuple[float, float] | None = None,
        settings: Mapping[str, Any] | None = None,
        notes: Sequence[str] = (),
    ) -> Score:
        """Make a float and hang the attributes on it."""
        self = super().__new__(cls, value)
        self.name = name
        self.parts = dict(parts or {})
        self.interval = None if interval is None else (float(interval[0]), float(interval[1]))
        self.settings = dict(settings or {})
        self.notes = tuple(notes)
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[float], dict[str, Any]]:  # pickling between jobs
        return (float(self),), {
            "name": self.name,
            "parts": self.parts,
            "interval": self.interval,
            "settings": self.settings,
            "notes": self.notes,
        }

    def __str__(self) -> str:
        text = f"{self.name} {float(self):.4f}"
        if self.interval is not None:
            text += f" [{self.interval[0]:.4f}, {self.interval[1]:.4f}]"
        return text

    def __repr__(self) -> str:
        return f"<Score {self}>"

    def with_interval(
        self, low: float, high: float, notes: Sequence[str] = (), **settings: Any
    ) -> Score:
        """Return the same score with an interval, the settings that made it, and more notes."""
        return Score(
            float(self),
            name=self.name,
            parts=self.parts,
            interval=(low, high),
            settings={**self.settings, **settings},
            notes=(*self.notes, *notes),
        )

    def with_notes(self, *notes: str) -> Score:
        """Return the same score with more notes."""
        return Score(
            float(self),
            name=self.name,
            parts=self.parts,
            interval=self.interval,
            settings=self.settings,
            notes=(*self.notes, *notes),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values: lists for arrays, ``None`` for NaN and infinity."""
        return {
            "name": self.name,
            "value": plain(float(self)),
            "interval": plain(self.interval),
            "parts": plain(self.parts),
            "settings": plain(self.settings),
            "notes": list(self.notes),
        }

    def to_json(self, indent: int | None = None) -> str:
        """Return the score as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Score:
        """Read what `to_dict` gave; parts stay lists, ``None`` becomes NaN."""
        value = stored["value"]
        interval = stored.get("interval")
        return cls(
            math.nan if value is None else value,
            name=stored.get("name", "score"),
            parts=stored.get("parts"),
            interval=None if interval is None else (interval[0], interval[1]),
            settings=stored.get("settings"),
            notes=stored.get("notes", ()),
        )

    @classmethod
    def from_json(cls, text: str) -> Score:
        """Read what `to_json` gave."""
        return cls.from_dict(json.loads(text))


def plain(value: Any) -> Any:
    """Turn arrays, numpy scalars, mappings and sequences into what JSON can hold."""
    if isinstance(value, Score):
        return value.to_dict()
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    return repr(value)
