"""Read the factors of a folder of images from a CSV."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError
from unweave_data.factors import Factors
from unweave_data.own.columns import as_numbers, check_complete, factors_of_columns, read_table

SPLIT = "split"
_FILE_COLUMNS = ("file", "filename", "image", "path", "name", "image_id")


def factors_of_files(
    table: Path, folder: Path, files: Sequence[Path], split: str
) -> tuple[list[Path], Factors]:
    """Read the factors of image files.

    Parameters
    ----------
    table
        path of a CSV; the column `file`, `filename`, `image`, `path`, `name` or `image_id`, or else
        the first, has the names of the files relative to the folder, with or without suffix
    folder, files
        the folder and its images
    split
        value of the column `split` in the rows to keep; "" keeps all

    Returns
    -------
    the files in the CSV, in their order in the folder, and their factors

    Raises
    ------
    DataError
        If a file in the CSV does not exist or appears twice, or the split does not exist.
    """
    names, rows = read_table(table, "the CSV of factors")
    key = next((names.index(name) for name in _FILE_COLUMNS if name in names), 0)
    rows = _of_split(names, rows, split, table)
    rank = _rank(folder, files)
    places = []
    for row in rows:
        place = rank.get(row[key].strip().replace("\\", "/"))
        if place is None:
            raise DataError(
                f"factors: {table} has a row for {row[key][:80]!r}, which is not in {folder}; "
                "correct the name or remove the row"
            )
        places.append(place)
    if len(set(places)) != len(places):
        raise DataError(f"factors: {table} has two rows for an image; remove one of them")
    order = np.argsort(places)
    factor_columns = [j for j, name in enumerate(names) if j != key and name != SPLIT]
    columns = {names[j]: _column(names[j], [rows[i][j] for i in order]) for j in factor_columns}
    return [files[places[i]] for i in order], factors_of_columns(columns)


def _of_split(names: list[str], rows: list[list[str]], split: str, table: Path) -> list[list[str]]:
    if not split:
        return rows
    if SPLIT not in names:
        raise DataError(f"split: {table} has no column split; add one, or leave split out")
    column = names.index(SPLIT)
    matches = [row for row in rows if row[column].strip() == split]
    if not matches:
        splits = ", ".join(sorted({row[column].strip()[:20] for row in rows})[:10])
        raise DataError(f"split must be one of {splits}, got {split[:80]!r}")
    return matches


def _rank(folder: Path, files: Sequence[Path]) -> dict[str, int]:
    rank: dict[str, int] = {}
    for i, file in enumerate(files):
        inside = file.relative_to(folder)
        rank[inside.as_posix()] = i
        rank.setdefault(inside.with_suffix("").as_posix(), i)
    return rank


def _column(name: str, texts: list[str]) -> NDArray[Any]:
    check_complete(name, texts)
    numbers = as_numbers(texts)
    return np.array([text.strip() for text in texts]) if numbers is None else numbers
