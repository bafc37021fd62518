"""A table of scores, printed as text, Markdown, CSV, LaTeX, JSON or a pandas frame."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from unweave_metrics._display import pandas, table_html, table_rich
from unweave_metrics.score import Score

HEADINGS = ("metric", "value", "low", "high")


@dataclass
class ScoreTable(Mapping[str, Score]):
    """Scores by name, in order, with notes on scores that were left out or could not be computed.

    Examples
    --------
    >>> table = ScoreTable({"mig": Score(0.5, name="mig", interval=(0.4, 0.6))})
    >>> print(table.to_markdown())
    | metric | value | low | high |
    |---|---|---|---|
    | mig | 0.5000 | 0.4000 | 0.6000 |
    >>> table["mig"] > 0.4
    True
    """

    scores: dict[str, Score]
    notes: list[str] = field(default_factory=list)

    def __getitem__(self, name: str) -> Score:
        return self.scores[name if name in self.scores else name.replace("-", "_")]

    def __iter__(self) -> Iterator[str]:
        return iter(self.scores)

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self) -> list[tuple[str, float, float | None, float | None]]:
        """Return name, value and the ends of the interval, None where there is none."""
        return [
            (name, float(score), *(score.interval or (None, None)))
            for name, score in self.scores.items()
        ]

    def _cells(self) -> list[list[str]]:
        """Return rows as text, without the interval's columns where no score has one."""
        width = 4 if any(score.interval for score in self.scores.values()) else 2
        rows = [list(HEADINGS)] + [[name, *map(number, rest)] for name, *rest in self.rows()]
        return [row[:width] for row in rows]

    def __str__(self) -> str:
        return "\n".join([aligned(self._cells()), *self.notes])

    def _repr_html_(self) -> str:
        return table_html(self._cells(), self.notes)

    def __rich__(self) -> Any:
        return table_rich(self._cells(), self.notes)

    def plot(self, ax: Any = None) -> Any:
        """Draw the scores with their intervals; return the axes. Needs matplotlib."""
        from unweave_metrics.plot import intervals

        return intervals(self, ax=ax)

    def to_markdown(self) -> str:
        """Return a Markdown table."""
        return markdown(self._cells())

    def to_csv(self) -> str:
        """Return comma-separated values at full precision, with a heading."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(HEADINGS)
        writer.writerows(["" if cell is None else cell for cell in row] for row in self.rows())
        return text.getvalue()

    def to_latex(self) -> str:
        """Return a LaTeX tabular."""
        cells = [[cell.replace("_", r"\_") for cell in row] for row in self._cells()]
        lines = [" & ".join(row) + r" \\" for row in cells]
        columns = "l" + "r" * (len(cells[0]) - 1)
        return "\n".join(
            [
                rf"\begin{{tabular}}{{{columns}}}",
                *(r"\hline", lines[0], r"\hline"),
                *(*lines[1:], r"\hline"),
                r"\end{tabular}",
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values: every score with parts, interval and settings, and the notes."""
        return {
            "scores": {name: score.to_dict() for name, score in self.scores.items()},
            "notes": list(self.notes),
        }

    def to_json(self, indent: int | None = 2) -> str:
        """Return `to_dict` as JSON text."""
        return json.dumps(self.to_dict(), indent=indent, allow_nan=False)

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame, metrics as its index; needs pandas."""
        return pandas().DataFrame(self.rows(), columns=list(HEADINGS)).set_index("metric")

    def per_factor(self) -> Any:
        """Return a pandas DataFrame of the scores with one value per factor, factors as columns.

        Columns have the names of the factors if the scores have them.
        """
        rows = {name: s.named("per_factor") for name, s in self.items() if "per_factor" in s.parts}
        return pandas().DataFrame.from_dict(rows, orient="index").rename_axis("metric")


def markdown(rows: list[list[str]]) -> str:
    """Return rows of cells, the heading first, as a Markdown table."""
    head, *body = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([head, "|" + "---|" * len(rows[0]), *body])


def number(value: float | None) -> str:
    """Return a number to four decimals, or four significant digits where it is large or tiny."""
    if value is None:
        return ""
    if math.isnan(value):
        return "nan"
    return f"{value:.4f}" if value == 0 or 1e-3 <= abs(value) < 1e4 else f"{value:.4g}"


def aligned(rows: list[list[str]], left: bool = False) -> str:
    """Return rows of cells as columns: the first to the left, the others too, or to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if left or place == 0 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
