"""Read AnnData's h5ad: a matrix of cells and genes, dense or sparse, and columns about cells."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.hdf5 import Hdf5File
from unweave_data.errors import DataError
from unweave_data.factors import MOST_LEVELS
from unweave_data.files import check_memory
from unweave_data.own.columns import factors_of_columns
from unweave_data.vectors import VectorTable

# Bytes per number of the dense matrix, which is float32.
_FLOAT_BYTES = 4


def read_anndata(
    file: Hdf5File, array: str | None, factors: list[str] | None, columns: str
) -> VectorTable:
    """Read the matrix and the factors of an h5ad.

    Parameters
    ----------
    file
        open HDF5 file
    array
        X or layers/NAME; None for X
    factors
        columns of obs; None for all categorical columns with 2 to 1,000 different values
    columns
        column of var that is true for the genes to keep; "" keeps all

    Returns
    -------
    VectorTable: float32 (n, d), and factors

    Raises
    ------
    DataError
        For a matrix or a column that cannot be read.

    References
    ----------
    The AnnData developers. On-disk format: arrays, sparse matrices, data frames and categoricals of
    version 0.1.0.
    """
    name = array or "X"
    shape = _shape(file, name)
    genes = _gene_mask(file, columns, shape[1])
    size = shape[0] * int(genes.sum()) * _FLOAT_BYTES
    check_memory(size, file.path, f"{name} as {shape[0]} x {int(genes.sum())} numbers")
    if file.is_group(name):
        matrix = _sparse(file, name, shape, genes)
    else:
        matrix = np.asarray(file.read(name), np.float32)[:, genes]
    by_name = _factor_columns(file, factors, shape[0])
    note = f"{name} of {shape[0]} x {shape[1]}"
    if columns:
        note += f", {int(genes.sum())} columns where {columns} is true"
    if factors is None and by_name:
        note += f"; factors: the categorical columns {', '.join(by_name)}"
    return VectorTable(matrix, factors_of_columns(by_name), note)


def _shape(file: Hdf5File, name: str) -> tuple[int, int]:
    shape: tuple[int, ...]
    if file.is_group(name):
        attributes = file.group_attributes(name)
        shape = tuple(int(n) for n in attributes.get("shape", attributes.get("h5sparse_shape", ())))
    else:
        shape = file.header(name).shape
    if len(shape) != 2 or min(shape) < 1 or max(shape) >= 1 << 40:
        raise DataError(
            f"path: {name} in {file.path} should have two axes, got shape {str(shape)[:80]}; get "
            "the file again"
        )
    return shape[0], shape[1]


def _sparse(
    file: Hdf5File, name: str, shape: tuple[int, int], genes: NDArray[np.bool_]
) -> NDArray[np.float32]:
    """Return selected columns of a sparse matrix, compressed by rows or columns, as dense array."""
    from scipy import sparse

    attributes = file.group_attributes(name)
    kind = str(attributes.get("encoding-type", attributes.get("h5sparse_format", "csr")))
    by_columns = kind.startswith("csc")
    parts = [np.asarray(file.read(f"{name}/{part}")) for part in ("data", "indices", "indptr")]
    data, indices, pointers = parts
    major, minor = shape[::-1] if by_columns else shape
    if not _is_sound(data, indices, pointers, major, minor):
        raise DataError(
            f"path: {name} in {file.path} is not a sparse matrix of shape {shape}; "
            "get the file again"
        )
    form = sparse.csc_matrix if by_columns else sparse.csr_matrix
    matrix = form((data.astype(np.float32), indices, pointers), shape=shape)
    dense: NDArray[np.float32] = matrix.tocsc()[:, np.flatnonzero(genes)].toarray()
    return dense


def _is_sound(
    data: NDArray[Any], indices: NDArray[Any], pointers: NDArray[Any], major: int, minor: int
) -> bool:
    """Return whether the arrays form a compressed matrix, which scipy does not check."""
    if not data.ndim == indices.ndim == pointers.ndim == 1 or len(pointers) != major + 1:
        return False
    if indices.dtype.kind not in "iu" or pointers.dtype.kind not in "iu":
        return False
    rising = bool((pointers[1:] >= pointers[:-1]).all())
    if not rising or pointers[0] != 0 or not len(data) == len(indices) == pointers[-1]:
        return False
    return len(indices) == 0 or bool(indices.min() >= 0 and indices.max() < minor)


def _gene_mask(file: Hdf5File, columns: str, d: int) -> NDArray[np.bool_]:
    if not columns:
        return np.ones(d, bool)
    if not file.has(f"var/{columns}"):
        raise DataError(
            f"columns: var in {file.path} has no column {columns[:40]!r}; known: "
            f"{_names(file, 'var')}"
        )
    genes = np.asarray(file.read(f"var/{columns}"))
    if genes.shape != (d,) or genes.dtype != np.bool_ or not genes.any():
        raise DataError(
            f"columns: var/{columns[:40]} must be {d} booleans, at least one of them true; choose "
            "another column"
        )
    return genes


def _factor_columns(file: Hdf5File, names: list[str] | None, n: int) -> dict[str, NDArray[Any]]:
    available = [name for name in file.group_names("obs") if not name.startswith("_")]
    if names is None:
        labels = {name: _column(file, name, n) for name in available if _is_categorical(file, name)}
        return {k: v for k, v in labels.items() if 2 <= len(np.unique(v)) <= MOST_LEVELS}
    for name in names:
        if name not in available:
            raise DataError(
                f"factors: obs in {file.path} has no column {name[:40]!r}; known: "
                f"{_names(file, 'obs')}"
            )
    return {name: _column(file, name, n) for name in names}


def _is_categorical(file: Hdf5File, name: str) -> bool:
    return file.is_group(f"obs/{name}") or file.has(f"obs/__categories/{name}")


def _column(file: Hdf5File, name: str, n: int) -> NDArray[Any]:
    """Read a column of obs: categorical, in the new or the old format, or plain."""
    place = f"obs/{name}"
    if file.is_group(place):
        codes, labels = file.read(f"{place}/codes"), file.read_text(f"{place}/categories")
    elif file.has(f"obs/__categories/{name}"):
        codes, labels = file.read(place), file.read_text(f"obs/__categories/{name}")
    else:
        plain = file.read_text(place)
        if plain.shape != (n,):
            raise _wrong(file, place, n)
        return plain
    if codes.shape != (n,) or codes.dtype.kind not in "iu" or codes.max() >= len(labels):
        raise _wrong(file, place, n)
    if codes.min() < 0:
        missing = int((codes < 0).sum())
        raise DataError(
            f"factors: {place} must have a value in every row, but {missing} of {n} have none; "
            "fill them, or leave the column out"
        )
    column: NDArray[Any] = labels[codes]
    return column


def _wrong(file: Hdf5File, place: str, n: int) -> DataError:
    return DataError(f"path: {place[:80]} in {file.path} is not a column of {n} rows; get it again")


def _names(file: Hdf5File, group: str) -> str:
    names = [name[:40] for name in file.group_names(group) if not name.startswith("_")]
    return ", ".join(names[:20]) or "nothing"
