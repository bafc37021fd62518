"""The table of an experiment: one row per run, as CSV and as HDF5."""

from __future__ import annotations

import csv
import importlib.util
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.experiment.results import Results
from unweave.files import write_text, writing_hdf5

CSV, HDF5 = "experiment.csv", "experiment.h5"
LARGEST_ROWS = 10_000_000
TEXTS = ("run", "status", "reason", "folder")
"""Columns that are text, also if all values are numbers."""

Columns = dict[str, NDArray[Any]]


def columns_of(results: Results) -> Columns:
    """Lay the rows out as columns: run, grid, seed, status, measures, and where the run lies.

    A measure that is not known is NaN, as is a setting of the grid that a kind does not take; among
    texts, it is an empty one.
    """
    rows, experiment = results.rows, results.experiment
    grid = dict.fromkeys([*experiment.grid, *(name for row in rows for name in row.place)])
    columns: dict[str, Sequence[Any]] = {"run": [row.run for row in rows]}
    for name in grid:
        columns[name] = [row.place.get(name, math.nan) for row in rows]
    for name in ("seed", "status", "reason", "step", "steps", "seconds"):
        columns[name] = [getattr(row, name) for row in rows]
    for label in experiment.measures:
        columns[label] = [row.value(label) for row in rows]
    columns["folder"] = [_relative(row.folder, results.folder) for row in rows]
    return {name: _array(values) for name, values in columns.items()}


def write_table(results: Results) -> tuple[Path, Path]:
    """Write `experiment.csv` and `experiment.h5`, each completely or not; return their paths."""
    columns = columns_of(results)
    write_text(results.folder / CSV, csv_text(columns))
    with writing_hdf5(results.folder / HDF5) as file:
        for number, (name, values) in enumerate(columns.items()):
            text = values.dtype.kind not in "iuf"
            kind = h5py.string_dtype() if text else values.dtype
            column = file.create_dataset(f"columns/{number:03d}", data=values, dtype=kind)
            column.attrs["name"] = name
            if name in results.experiment.measures:
                column.attrs["measure"] = results.experiment.measures[name]
        file.attrs["experiment"] = results.experiment.name
    return results.folder / CSV, results.folder / HDF5


def csv_text(columns: Columns) -> str:
    """Write columns as CSV; numbers to the last bit, NaN as an empty cell."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for cells in zip(*(values.tolist() for values in columns.values()), strict=True):
        writer.writerow("" if isinstance(c, float) and math.isnan(c) else c for c in cells)
    return stream.getvalue()


def read_experiment(path: str | Path, *, frame: bool | None = None) -> Any:
    """Read the table of an experiment: one row per run.

    Parameters
    ----------
    path
        The folder of an experiment, or its `experiment.h5` or `experiment.csv`.
    frame
        True for a pandas frame, False for a dictionary of NumPy arrays by column; by default a
        frame if pandas is installed.

    Raises
    ------
    ConfigError
        If there is no table, the file is none, or a frame is asked for without pandas.
    """
    path = Path(path)
    if path.is_dir():
        path = path / HDF5
    if not path.is_file():
        raise ConfigError(f"{path} is not a table of an experiment; `unweave sweep` writes one")
    columns = _read_csv(path) if path.suffix == ".csv" else _read_hdf5(path)
    has_pandas = importlib.util.find_spec("pandas") is not None
    if not (has_pandas if frame is None else frame):
        return columns
    if not has_pandas:
        raise ConfigError("a frame needs pandas; install it, or read with frame=False")
    import pandas

    return pandas.DataFrame(columns)


def _read_hdf5(path: Path) -> Columns:
    try:
        with h5py.File(path) as file:
            group = file["columns"]
            names = [n for n in group if isinstance(group.get(n, getlink=True), h5py.HardLink)]
            columns = [_read_column(group[name]) for name in sorted(names)]
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise ConfigError(f"{path} is not a table of an experiment: {str(error)[:200]}") from error
    return dict(columns)


def _read_column(column: h5py.Dataset) -> tuple[str, NDArray[Any]]:
    if column.ndim != 1 or len(column) > LARGEST_ROWS:
        raise ValueError(f"column {column.name} must have one axis, got {column.shape}")
    text = h5py.check_string_dtype(column.dtype) is not None
    return str(column.attrs["name"]), np.asarray(column.asstr()[:] if text else column[:])


def _read_csv(path: Path) -> Columns:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            header, *rows = list(csv.reader(file))
        lines = [dict(zip(header, row, strict=True)) for row in rows]
    except (OSError, UnicodeDecodeError, ValueError, csv.Error) as error:
        raise ConfigError(f"{path} is not a table of an experiment: {str(error)[:200]}") from error
    return {
        name: _array([line[name] if name in TEXTS else _number(line[name]) for line in lines])
        for name in header
    }


def _number(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text if text else math.nan


def _array(values: Sequence[Any]) -> NDArray[Any]:
    """Return a column: of numbers if all values are numbers, otherwise of text."""
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    if numbers:
        return np.asarray(values if values else [], np.int64 if _whole(values) else np.float64)
    missing = (v == "" or (isinstance(v, float) and math.isnan(v)) for v in values)
    texts = ["" if m else str(v) for m, v in zip(missing, values, strict=True)]
    return np.asarray(texts, object)


def _whole(values: Sequence[Any]) -> bool:
    return bool(values) and all(isinstance(value, int) for value in values)


def _relative(folder: str, base: Path) -> str:
    """Return the path of a run, relative to the folder of the experiment if it is inside."""
    path = Path(folder)
    return path.relative_to(base).as_posix() if path.is_relative_to(base) else folder
