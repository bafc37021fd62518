"""Read vectors and time series of the user."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from unweave_data.containers.arrayfile import ArrayFile
from unweave_data.containers.hdf5 import open_hdf5
from unweave_data.containers.npy import open_npy
from unweave_data.containers.npz import open_npz
from unweave_data.dataset import Dataset
from unweave_data.errors import DataError, read_errors
from unweave_data.files import regular_file, require_path
from unweave_data.loader import loader
from unweave_data.own.anndata import read_anndata
from unweave_data.own.arrays import known_factors
from unweave_data.own.columns import (
    as_numbers,
    check_complete,
    factors_of_columns,
    read_table,
)
from unweave_data.vectors import SeriesDataset, VectorTable

VECTORS = ("vectors", "X", "x", "data", "values", "features")
SCALES = ("none", "standard")
_WHAT = "an npz, npy, csv, tsv, HDF5 or h5ad"
_HDF5 = b"\x89HDF\r\n\x1a\n"


@loader("vectors")
def vectors(
    *,
    path: Path | None = None,
    array: str | None = None,
    factors: str | None = None,
    columns: str = "",
    scale: str = "none",
) -> Dataset:
    """Read vectors (n, d) of the user, and their factors if there are any.

    The format follows from the content of the file. In a CSV the columns of numbers are the
    vectors; in AnnData's h5ad X or a layer is, dense or sparse.

    Parameters
    ----------
    path
        path of the file
    array
        npz, HDF5: name of the array of vectors; by default `vectors`, `X`, `x`, `data`, `values`,
        `features` or the only array. h5ad: X or layers/NAME
    factors
        npz, HDF5: name of the array of factors. CSV: names of columns, separated by `;`; by default
        the columns of text. h5ad: names of columns of obs, separated by `;`; by default the
        categorical columns with 2 to 1,000 different values
    columns
        h5ad: column of var that is true for the columns to keep, such as highly_variable
    scale
        "standard" subtracts the mean of each column and divides by its standard deviation; "none"
        does not

    Raises
    ------
    DataError
        If the file has another format, is truncated, or its numbers are not vectors.
    """
    if scale not in SCALES:
        raise DataError(f"scale must be one of {', '.join(SCALES)}, got {scale[:80]!r}")
    path = regular_file(require_path(path, _WHAT), _WHAT)
    table = _table(path, array, factors, columns)
    with read_errors(path, _WHAT):
        return table.dataset("vectors", standard=scale == "standard")


@loader("series")
def series(
    *, path: Path | None = None, array: str | None = None, factors: str | None = None
) -> Dataset:
    """Read time series (n, t, c) of the user, or (n, t) with one channel.

    Parameters
    ----------
    path
        path of an npz, npy or HDF5 file
    array
        name of the array of series; by default `series`, `vectors`, `X`, `x`, `data`, `values`,
        `features` or the only array
    factors
        name of the array of factors

    Raises
    ------
    DataError
        If the file has another format, is truncated, or its numbers are not series.
    """
    what = "an npz, npy or HDF5 with time series"
    path = regular_file(require_path(path, what), what)
    with read_errors(path, what):
        if _head(path).startswith(b"PK"):
            with open_npz(path, what) as npz_file:
                return _series(npz_file, array, factors)
        if _head(path).startswith(b"\x93NUMPY"):
            with open_npy(path, what) as npy_file:
                return _series(npy_file, array, factors)
        with open_hdf5(path, what) as file:
            return _series(file, array, factors)


def _series(file: ArrayFile, array: str | None, factors: str | None) -> SeriesDataset:
    name = _array_name(file, array, ("series", *VECTORS))
    factor_table, note = known_factors(file, factors, _first(file, name))
    return SeriesDataset(file.read(name), factor_table=factor_table, note=note)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _table(path: Path, array: str | None, factors: str | None, columns: str) -> VectorTable:
    head = _head(path)
    if head == _HDF5:
        with open_hdf5(path, _WHAT) as file:
            if file.has("obs") and file.has("var"):
                return read_anndata(file, array, _names(factors), columns)
            return _arrays(file, array, factors)
    if head.startswith(b"PK"):
        with open_npz(path, _WHAT) as npz:
            return _arrays(npz, array, factors)
    if head.startswith(b"\x93NUMPY"):
        with open_npy(path, _WHAT) as npy:
            return _arrays(npy, array, factors)
    return _text(path, _names(factors))


def _arrays(file: ArrayFile, array: str | None, factors: str | None) -> VectorTable:
    name = _array_name(file, array, VECTORS)
    factor_table, note = known_factors(file, factors, _first(file, name))
    return VectorTable(np.asarray(file.read(name)), factor_table, note)


def _first(file: ArrayFile, name: str) -> int:
    shape = file.header(name).shape
    return shape[0] if shape else 0


def _array_name(file: ArrayFile, choice: str | None, usual: Sequence[str]) -> str:
    name = choice or next((name for name in usual if name in file.names), None)
    if name is None and len(file.names) == 1:
        name = file.names[0]
    if name is None or not file.has(name):
        names = ", ".join(name[:40] for name in sorted(file.names)[:20]) or "nothing"
        raise DataError(
            f"array: the array of numbers in {file.path} is not clear, it has {names}; set array= "
            "to one of them"
        )
    return name


def _names(factors: str | None) -> list[str] | None:
    if factors is None:
        return None
    return [name.strip() for name in factors.split(";") if name.strip()]


def _text(path: Path, selection: list[str] | None) -> VectorTable:
    names, rows = read_table(path, _WHAT)
    if as_numbers(names) is not None:  # without names the first row is a vector too
        rows, names = [names, *rows], [f"column_{j}" for j in range(len(names))]
    missing = [name for name in selection or () if name not in names]
    if missing:
        known = ", ".join(name[:40] for name in names[:20])
        raise DataError(f"factors: {path} has no column {missing[0][:40]!r}; known: {known}")
    texts = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    numbers = {name: as_numbers(column) for name, column in texts.items()}
    labels = selection if selection is not None else [n for n in names if numbers[n] is None]
    for name in labels:
        check_complete(name, texts[name])
    factors = factors_of_columns(
        {
            name: np.array(texts[name]) if (values := numbers[name]) is None else values
            for name in labels
        }
    )
    columns = [
        values for name in names if name not in labels and (values := numbers[name]) is not None
    ]
    if not columns:
        raise DataError(
            f"path: {path} has no column of numbers except factors; set factors= to fewer columns"
        )
    return VectorTable(np.stack(columns, axis=1), factors)
