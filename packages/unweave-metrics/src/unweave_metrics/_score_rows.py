"""The rows of a table of scores: each metric on all codes, then on subsets of the codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._column_names import COLUMNS_OF, Names, add_names
from unweave_metrics._shared import part_of
from unweave_metrics._subsets import Columns
from unweave_metrics.catalogue import Entry
from unweave_metrics.score import Score

# Arrays whose columns are codes.
OF_CODES = tuple(name for name, of in COLUMNS_OF.items() if of == "code_names")


@dataclass(frozen=True)
class Table:
    """Arrays by name, settings, and names of columns, for all codes or for a subset.

    `whole` says that a subset has every column in order, so that its scores are those of all codes.
    """

    subset: str
    arrays: dict[str, Array]
    settings: dict[str, Any]
    names: Names
    whole: bool = False

    def part(self, subset: str, columns: Columns) -> Table:
        """Return the table of a subset that has only these columns of the codes."""
        d = self.arrays["codes"].shape[1]
        whole = len(columns) == d and bool((columns == np.arange(d)).all())

        def of_columns(by_name: dict[str, Any]) -> dict[str, Any]:
            return {
                name: part_of(value, columns) if name in OF_CODES and value is not None else value
                for name, value in by_name.items()
            }

        names = dict(self.names)
        if "code_names" in names:
            names["code_names"] = tuple(names["code_names"][i] for i in columns)
        return Table(subset, of_columns(self.arrays), of_columns(self.settings), names, whole)

    def named(self, score: Score) -> Score:
        """Add the names of columns to the settings of a score, and return it."""
        return cast(Score, add_names(score, self.names))

    def row(self, metric: str) -> str:
        """Return the name of the row of a metric."""
        return f"{metric}/{self.subset}" if self.subset else metric


class Row(NamedTuple):
    """A metric on a table."""

    entry: Entry
    table: Table

    @property
    def name(self) -> str:
        """Return the name of the row."""
        return self.table.row(self.entry.name)


def rows_of(entries: list[Entry], tables: list[Table]) -> list[Row]:
    """Return the rows to compute: each metric on all codes, then, if it needs codes, on subsets."""
    return [
        Row(entry, table)
        for entry in entries
        for table in tables
        if not table.subset or ("codes" in entry.needs and not table.whole)
    ]


def with_wholes(
    by_row: dict[str, Score], entries: list[Entry], tables: list[Table]
) -> dict[str, Score]:
    """Add the scores of subsets that have every column; return all scores in order."""
    scores = dict(by_row)
    for entry in entries:
        for table in tables:
            if table.whole and "codes" in entry.needs:
                scores[table.row(entry.name)] = by_row[entry.name].renamed(table.row(entry.name))
    order = [table.row(entry.name) for entry in entries for table in tables]
    return {name: scores[name] for name in order if name in scores}
