"""Read tables of text, and turn their columns into factors."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, read_errors
from unweave_data.factors import UNKNOWN, Factors, make_factors
from unweave_data.files import regular_file

_DELIMITERS = ",;\t|"
_MISSING = frozenset({"", "na", "nan", "none", "null"})


def read_table(path: Path | str, what: str) -> tuple[list[str], list[list[str]]]:
    """Read a CSV: the names in its first line, and its rows of text.

    The delimiter is comma, semicolon, tab or bar, whichever is most frequent in the first line.

    Raises
    ------
    DataError
        If the file does not exist, is not UTF-8 text, has no rows, or a row has another length than
        the first line.
    """
    path = regular_file(path, what)
    with read_errors(path, what), path.open(encoding="utf-8-sig", newline="") as file:
        first = file.readline()
        file.seek(0)
        delimiter = max(_DELIMITERS, key=first.count)
        try:
            rows = [row for row in csv.reader(file, delimiter=delimiter) if row]
        except csv.Error as error:
            raise DataError(f"path: {path} is not a table ({error}); save it as CSV") from None
    if len(rows) < 2:
        raise DataError(
            f"path: {path} must have a line of names and at least one row; set path= to {what}"
        )
    names = [name.strip() for name in rows[0]]
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(names)), None)
    if wrong is not None:
        raise DataError(
            f"path: row {wrong + 1} of {path} has {len(rows[wrong])} columns, but the first line "
            f"has {len(names)}; make them equal"
        )
    return names, rows[1:]


def as_numbers(column: list[str]) -> NDArray[np.float64] | None:
    """Return a column of text as numbers, or None if a cell is not a number."""
    try:
        return np.array([float(text) for text in column])
    except ValueError:
        return None


def check_complete(name: str, column: list[str]) -> None:
    """Refuse a column with missing values.

    Raises
    ------
    DataError
        If a cell is empty, NA or NaN.
    """
    missing = sum(text.strip().lower() in _MISSING for text in column)
    if missing:
        raise DataError(
            f"factors: column {name[:40]!r} must have a value in every row, but {missing} of "
            f"{len(column)} have none; fill them, or leave the column out"
        )


def factors_of_columns(columns: Mapping[str, NDArray[Any]]) -> Factors:
    """Return factors of columns: text becomes classes in alphabetical order, numbers become values.

    Parameters
    ----------
    columns
        name -> array of text or numbers, shape (n,)

    Returns
    -------
    Factors; UNKNOWN if there are no columns

    Raises
    ------
    DataError
        For numbers that are not finite.

    Examples
    --------
    >>> factors_of_columns({"arm": np.array(["b", "a", "b"])}).classes.ravel().tolist()
    [1, 0, 1]
    """
    if not columns:
        return UNKNOWN
    n = len(next(iter(columns.values())))
    numeric = [column.dtype.kind in "biuf" for column in columns.values()]
    codes = [
        column if number else np.unique(column, return_inverse=True)[1].ravel()
        for column, number in zip(columns.values(), numeric, strict=True)
    ]
    table = np.stack([np.asarray(c, np.float64 if any(numeric) else np.int64) for c in codes], 1)
    return make_factors(n, table, names=list(columns))
