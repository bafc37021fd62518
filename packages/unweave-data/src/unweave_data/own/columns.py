"""Tables of columns, read from text, and made into factors."""

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
    """Read a CSV: its first line of names, and its rows of text.

    The delimiter is the one of comma, semicolon, tab and bar that the first line has most of.

    Raises
    ------
    DataError
        If there is no such file, not text in UTF-8, no rows, or rows of another length than the
        names.
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
        raise DataError(f"path: {path} has no rows; give {what} with a line of names first")
    names = [name.strip() for name in rows[0]]
    wrong = next((i for i, row in enumerate(rows) if len(row) != len(names)), None)
    if wrong is not None:
        raise DataError(
            f"path: row {wrong + 1} of {path} has {len(rows[wrong])} columns and the first line "
            f"{len(names)}; make them equal"
        )
    return names, rows[1:]


def as_numbers(column: list[str]) -> NDArray[np.float64] | None:
    """Read a column of text as numbers, or give None where one is none."""
    try:
        return np.array([float(text) for text in column])
    except ValueError:
        return None


def check_complete(name: str, column: list[str]) -> None:
    """Refuse a column with gaps.

    Raises
    ------
    DataError
        If a cell is empty, NA or NaN.
    """
    missing = sum(text.strip().lower() in _MISSING for text in column)
    if missing:
        raise DataError(
            f"factors: column {name[:40]!r} has no value in {missing} of {len(column)} rows; fill "
            "them, or leave the column out"
        )


def factors_of_columns(columns: Mapping[str, NDArray[Any]]) -> Factors:
    """Make factors of columns: text becomes classes in the order of the alphabet, numbers values.

    Parameters
    ----------
    columns
        name to array, shape (n,): text or numbers

    Returns
    -------
    Factors; UNKNOWN of no columns

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
    coded = [
        column if number else np.unique(column, return_inverse=True)[1].ravel()
        for column, number in zip(columns.values(), numeric, strict=True)
    ]
    table = np.stack([np.asarray(c, np.float64 if any(numeric) else np.int64) for c in coded], 1)
    return make_factors(n, table, names=list(columns))
