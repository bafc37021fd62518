"""Code tables: codes, factors and metadata in HDF5 or npz files."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, as_array, quoted
from unweave_metrics.codetable._metadata import check_room, storable, storable_metadata

# Name in the file -> number of dimensions.
ARRAYS = {"codes": 2, "std": 2, "factors": 2, "factor_values": 2, "reconstruction_error": 1}
FACTOR_ATTRIBUTES = ("factor_names", "factor_sizes")


@dataclass
class CodeTable:
    """Codes (n, d) of n inputs and, where known, their standard deviations, factors and errors.

    `std` (n, d) is the standard deviation of the posterior, `factors` (n, k) are classes,
    `factor_values` (n, k) are the values of these classes, and `reconstruction_error` (n,) is the
    squared error of each row, summed over pixels. `metadata` holds any further numbers and strings.
    """

    codes: Array
    std: Array | None = None
    factors: Array | None = None
    factor_values: Array | None = None
    reconstruction_error: Array | None = None
    factor_names: tuple[str, ...] = ()
    factor_sizes: tuple[int, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that are not None, by their names in the file."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return {name: array for name, array in arrays.items() if array is not None}


def make_table(arrays: Mapping[str, Any], attributes: Mapping[str, Any], where: str) -> CodeTable:
    """Check arrays and attributes, and return their table; `where` begins each message."""
    if "codes" not in arrays:
        raise ValueError(f"{where} must hold an array 'codes' of shape (n, d), got none")
    valid: dict[str, Array] = {}
    for name, dims in ARRAYS.items():
        if name in arrays:
            array = as_array(arrays[name], f"{where}: {name}")
            if array.ndim != dims:
                raise ValueError(f"{where}: {name} must have {dims} dimensions, got {array.shape}")
            valid[name] = array
    rows = len(valid["codes"])
    for name, array in valid.items():
        if len(array) != rows:
            raise ValueError(
                f"{where}: {name} must have as many rows as codes ({rows}), got {len(array)}"
            )
    if "std" in valid and valid["std"].shape != valid["codes"].shape:
        raise ValueError(
            f"{where}: std must have the shape of codes, {valid['codes'].shape}, "
            f"got {valid['std'].shape}"
        )
    free = {key: value for key, value in attributes.items() if key not in FACTOR_ATTRIBUTES}
    table = CodeTable(
        **valid,
        factor_names=_entries(attributes, "factor_names", _text, where),
        factor_sizes=_entries(attributes, "factor_sizes", _size, where),
        metadata={key: storable_metadata(key, value, where) for key, value in free.items()},
    )
    _check_names(table, where)
    return table


def _check_names(table: CodeTable, where: str) -> None:
    """Refuse names or sizes that do not fit the number of factors."""
    factors = table.factors if table.factors is not None else table.factor_values
    if factors is None:
        return
    for what in FACTOR_ATTRIBUTES:
        count = len(getattr(table, what))
        if count not in (0, factors.shape[1]):
            raise ValueError(
                f"{where}: {what} must have one entry per factor ({factors.shape[1]}), got {count}"
            )


def _entries(
    attributes: Mapping[str, Any], name: str, kind: Callable[[Any], Any], where: str
) -> tuple[Any, ...]:
    """Return an attribute with one entry per factor, each converted by `kind`."""
    value = attributes.get(name, ())
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return tuple(kind(entry) for entry in value)
    except (TypeError, ValueError, OverflowError):
        expected = "name" if kind is _text else "number of classes"
        raise ValueError(
            f"{where}: {name} must be a list with one {expected} per factor, got {quoted(value)}"
        ) from None


def _text(value: Any) -> str:
    """Return a name; refuse text that files cannot store."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if not storable(text):
        raise ValueError
    return text


def _size(value: Any) -> int:
    """Return a number of classes; refuse fractions."""
    size = int(value)
    if isinstance(value, str | bytes) or size != value or not 0 <= size < 2**63:
        raise ValueError
    return size


def write_code_table(
    path: str | os.PathLike[str],
    codes: ArrayLike,
    *,
    std: ArrayLike | None = None,
    factors: ArrayLike | None = None,
    factor_values: ArrayLike | None = None,
    reconstruction_error: ArrayLike | None = None,
    factor_names: tuple[str, ...] | list[str] = (),
    factor_sizes: tuple[int, ...] | list[int] = (),
    metadata: Mapping[str, Any] | None = None,
) -> Path:
    """Write one code table as HDF5 (``.h5``, ``.hdf5``) or ``.npz``, whole or not at all.

    Parameters
    ----------
    path
        Path of the file; an existing file is replaced.
    codes : float array, shape (n, d), stored in its own precision
    std
        Standard deviations of the posterior, shape (n, d).
    factors : integer classes, shape (n, k)
    factor_values
        Values of the factors, shape (n, k).
    reconstruction_error
        Squared error of each row, shape (n,).
    factor_names, factor_sizes
        Name and number of classes of each factor.
    metadata
        Further attributes: numbers, strings, lists of numbers or lists of strings.

    Raises
    ------
    ValueError
        For inconsistent shapes, a folder that does not exist, or an unknown file ending.
    TypeError
        For arrays that do not hold numbers, or metadata of another type.

    Examples
    --------
    >>> import tempfile
    >>> from unweave_metrics.codetable.reading import read_code_table, read_code_tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = folder + "/codes.h5"
    ...     _ = write_code_table(path, np.zeros((4, 2)), factors=[[0], [1], [0], [1]])
    ...     read_code_table(path).codes.shape
    (4, 2)
    """
    values = {
        "codes": codes, "std": std, "factors": factors,
        "factor_values": factor_values, "reconstruction_error": reconstruction_error,
    }  # fmt: skip
    arrays = {name: value for name, value in values.items() if value is not None}
    if metadata is not None and not isinstance(metadata, Mapping):
        raise TypeError(f"metadata must map names to values, got {quoted(metadata)}")
    attributes: dict[str, Any] = dict(metadata or {})
    for name in (*ARRAYS, *FACTOR_ATTRIBUTES):
        if name in attributes:
            raise ValueError(
                f"metadata must not have the name {name}; pass it as the argument {name}"
            )
    attributes |= {"factor_names": factor_names, "factor_sizes": factor_sizes}
    return write_code_tables(path, {"": make_table(arrays, attributes, "the table")})


def write_code_tables(path: str | os.PathLike[str], tables: Mapping[str, CodeTable]) -> Path:
    """Write several tables (seeds, models) to one file; the name ``""`` is the top of the file.

    Parameters
    ----------
    path
        Path of the file; it must end in ``.h5``, ``.hdf5`` or ``.npz``.
    tables
        Name -> table; a name has no ``/``.

    Raises
    ------
    ValueError
        For no table, a name with ``/``, or an unknown file ending.

    Examples
    --------
    >>> import tempfile
    >>> from unweave_metrics.codetable.reading import read_code_table, read_code_tables
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     seeds = {f"seed-{s}": CodeTable(np.full((3, 2), s)) for s in range(2)}
    ...     path = write_code_tables(folder + "/codes.h5", seeds)
    ...     sorted(read_code_tables(path))
    ['seed-0', 'seed-1']
    """
    target = path_of(path)
    if not isinstance(tables, Mapping) or not all(
        isinstance(name, str) and isinstance(table, CodeTable) for name, table in tables.items()
    ):
        raise TypeError(f"tables must map names to code tables, got {quoted(tables)}")
    if not tables:
        raise ValueError("tables must hold at least one code table, got none")
    for name in tables:
        if "/" in name or name in ARRAYS or name == "." or not storable(name):
            raise ValueError(
                "names of tables must not contain '/' and must not be '.' or the name of an array, "
                f"got {name!r:.80}"
            )
    if not target.parent.is_dir():
        raise ValueError(
            f"path must be in an existing folder, but {target.parent} does not exist; create it"
        )
    tables = {name: _writable(table, name) for name, table in tables.items()}
    if target.suffix in (".h5", ".hdf5"):
        _write_beside(target, lambda part: _write_hdf5(part, tables))
    elif target.suffix == ".npz":
        _write_beside(target, lambda part: _write_npz(part, tables))
    else:
        raise ValueError(f"path must end in .h5, .hdf5 or .npz, got {target.name!r}")
    return target


def _writable(table: CodeTable, name: str) -> CodeTable:
    """Return a table whose arrays, names and metadata all file formats can store."""
    where = f"table {name!r:.40}" if name else "the table"
    attributes = {**table.metadata, **{what: getattr(table, what) for what in FACTOR_ATTRIBUTES}}
    writable = make_table(table.arrays(), attributes, where)
    for key, value in writable.metadata.items():
        check_room(key, value, where)
    return writable


def path_of(path: Any) -> Path:
    """Return a path; refuse a value that is not a path."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"path must be the path of a code table, got {quoted(path)}")
    return Path(path)


def _write_beside(target: Path, write: Callable[[Path], None]) -> None:
    """Write beside the target, then rename: an interruption leaves the old file as it is."""
    with NamedTemporaryFile(dir=target.parent, prefix=f".{target.name}.", delete=False) as file:
        part = Path(file.name)
    try:
        write(part)
        with part.open("rb") as file:
            os.fsync(file.fileno())
        # Only the owner may read the temporary file; the table gets the permissions of a new file.
        mask = os.umask(0)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _write_hdf5(part: Path, tables: Mapping[str, CodeTable]) -> None:
    import h5py

    # In memory, because the HDF5 library prints tracebacks and may crash if the disk is full.
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for name, table in tables.items():
            group = file.create_group(name) if name else file
            for key, array in table.arrays().items():
                group.create_dataset(key, data=array)
            for key, value in table.metadata.items():
                group.attrs[key] = value
            if table.factor_names:
                group.attrs["factor_names"] = list(table.factor_names)
            if table.factor_sizes:
                group.attrs["factor_sizes"] = list(table.factor_sizes)
    part.write_bytes(content.getvalue())


def _write_npz(part: Path, tables: Mapping[str, CodeTable]) -> None:
    content: dict[str, Any] = {}
    for name, table in tables.items():
        prefix = f"{name}/" if name else ""
        content |= {prefix + key: array for key, array in table.arrays().items()}
        if table.factor_names:
            content[prefix + "factor_names"] = np.array(table.factor_names, dtype=np.str_)
        if table.factor_sizes:
            content[prefix + "factor_sizes"] = np.array(table.factor_sizes)
        for key, value in table.metadata.items():
            content[f"{prefix}metadata.{key}"] = np.array(value)
    with part.open("wb") as file:
        np.savez(file, **content)
