"""The result of a metric: a float with parts, interval and settings."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from unweave_metrics._arrays import quoted
from unweave_metrics._display import pandas, table_html, table_rich

# Only the shape of a part of more numbers than this is shown.
LONGEST_PART = 12


class Score(float):
    """A float with a name, parts, an interval and its settings.

    It works like any float in comparisons, arithmetic, formatting and ``numpy.mean``. The
    attributes are `name`, `parts` (floats and arrays by name), `interval` (low, high) or `None`,
    `settings`, and `notes`: sentences with remarks about this number.

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
        """Make a float with these attributes."""
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

    def renamed(self, name: str) -> Score:
        """Return the same score under another name, also in notes that begin with its name."""
        return Score(
            float(self),
            name=name,
            parts=self.parts,
            interval=self.interval,
            settings=self.settings,
            notes=[
                f"{name}{note.removeprefix(self.name)}"
                if note.startswith(f"{self.name}:")
                else note
                for note in self.notes
            ],
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

    def named(self, part: str) -> dict[str, Any]:
        """Return a part by the names of its columns, or by their numbers if they have none.

        Examples
        --------
        >>> score = Score(0.5, parts={"per_factor": np.array([0.2, 0.8])},
        ...               settings={"factor_names": ("shape", "size")})
        >>> score.named("per_factor")
        {'shape': 0.2, 'size': 0.8}
        """
        values = self._numbers(part)
        if values.ndim == 0:
            raise ValueError(f"{part} is one number, not one for each code or factor")
        return dict(zip(axis_names(self, part)[0], values.tolist(), strict=True))

    def to_pandas(self, part: str) -> Any:
        """Return a part as a pandas Series or DataFrame with names of codes and factors."""
        values = self._numbers(part)
        axes = axis_names(self, part)
        if values.ndim not in (1, 2):
            raise ValueError(
                f"{part} has {values.ndim} dimensions, a frame shows 1 or 2; take it from parts"
            )
        if values.ndim == 1:
            return pandas().Series(values, index=axes[0], name=f"{self.name}: {part}")
        return pandas().DataFrame(values, index=axes[0], columns=axes[1])

    def _numbers(self, part: str) -> np.ndarray[Any, np.dtype[Any]]:
        """Return a part as an array."""
        if not isinstance(part, str) or part not in self.parts:
            names = ", ".join(self.parts) or "none"
            raise ValueError(f"part must be one of {names}; got {quoted(part)}")
        return np.asarray(self.parts[part])

    def _repr_html_(self) -> str:
        settings = (f"{name} = {value}" for name, value in self.settings.items())
        items = "".join(f"<li>{escape(line)}</li>" for line in settings)
        table = table_html(self._cells(), self.notes)
        return f"{table}\n<details><summary>settings</summary><ul>{items}</ul></details>"

    def __rich__(self) -> Any:
        return table_rich(self._cells(), self.notes)

    def _cells(self) -> list[list[str]]:
        """Return rows of text: the score, and each of its parts."""
        parts = [[name, self._part_text(name)] for name in self.parts]
        return [[self.name, str(self).removeprefix(self.name).strip()], *parts]

    def _part_text(self, name: str) -> str:
        """Return the text of a part: its numbers, or its shape if there are more than a few."""
        values = np.asarray(self.parts[name])
        if values.dtype.kind not in "biuf":
            return str(self.parts[name])[:80]
        if values.ndim == 0:
            return f"{float(values):.4g}"
        if values.ndim == 1 and len(values) <= LONGEST_PART:
            return ", ".join(f"{key}: {value:.3g}" for key, value in self.named(name).items())
        return " x ".join(map(str, values.shape))

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
        """Read the result of `to_dict`; parts stay lists, ``None`` becomes NaN.

        Raises
        ------
        TypeError
            For anything else.
        """
        if not isinstance(stored, Mapping) or "value" not in stored:
            raise TypeError(f"stored must be what to_dict gave, got {quoted(stored)}")
        value, interval = stored["value"], stored.get("interval")
        numbers = [value, *(interval if isinstance(interval, list | tuple) else [])]
        plain_numbers = all(x is None or isinstance(x, int | float) for x in numbers)
        if not plain_numbers or len(numbers) != (1 if interval is None else 3):
            raise TypeError(
                "stored must have a number as its value and two as its interval, got "
                f"{quoted(value)} and {quoted(interval)}"
            )
        return cls(
            math.nan if value is None else value,
            name=stored.get("name", "score"),
            parts=stored.get("parts"),
            interval=None if interval is None else _ends(interval),
            settings=stored.get("settings"),
            notes=stored.get("notes", ()),
        )

    @classmethod
    def from_json(cls, text: str) -> Score:
        """Read the result of `to_json`.

        Raises
        ------
        ValueError
            For text that is not JSON.
        """
        try:
            stored = json.loads(text)
        except (ValueError, TypeError):
            raise ValueError(f"text must be what to_json gave, got {quoted(text)}") from None
        return cls.from_dict(stored)


def _ends(interval: Sequence[float | None]) -> tuple[float, float]:
    """Return the ends of a stored interval, NaN where there is none."""
    low, high = (math.nan if end is None else end for end in interval)
    return low, high


def score_of(result: Any, name: str) -> Score:
    """Return what a function gave as a score: itself, or its number under a name.

    Raises
    ------
    TypeError
        For anything but one real number.
    """
    if isinstance(result, Score):
        return result
    try:
        value = np.asarray(result)
    except Exception:  # what a stranger's conversion raises is his
        value = np.asarray(None)
    if value.size != 1 or value.dtype.kind not in "biuf":
        raise TypeError(f"{name} must return one number or a Score, got {quoted(result)}")
    return Score(float(value.reshape(())), name=name)


def axis_names(score: Score, part: str) -> list[Sequence[Any]]:
    """Return the names along each axis of a part: of codes, of factors, or numbers."""
    shape = np.shape(score.parts[part])
    codes, factors = (score.settings.get(key, ()) for key in ("code_names", "factor_names"))
    first, second = (
        (factors, codes) if "factor" in part or part == "best_code" else (codes, factors)
    )
    if len(shape) == 2 and not factors:  # codes by codes
        second = codes
    axes: list[Sequence[Any]] = []
    for place, length in enumerate(shape):
        names = first if place == 0 else second
        axes.append(names if len(names) == length else range(length))
    return axes


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
