"""Read code tables from files, also from untrusted ones."""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from unweave_metrics.codetable._bounds import (
    Allowance,
    TooLarge,
    check_chunks,
    check_parts,
    npy_size,
)
from unweave_metrics.codetable._metadata import readable
from unweave_metrics.codetable.table import (
    ARRAYS,
    FACTOR_ATTRIBUTES,
    CodeTable,
    make_table,
    path_of,
)


def read_code_table(path: str | os.PathLike[str]) -> CodeTable:
    """Read the code table of a file with a single table.

    Pickles are not read, and links are not followed.

    Parameters
    ----------
    path
        An HDF5 file (``.h5``, ``.hdf5``) or ``.npz``.

    Raises
    ------
    ValueError
        If the file does not exist, is not a code table, is truncated, contains links or object
        arrays, or contains several tables.

    Examples
    --------
    >>> import tempfile
    >>> from unweave_metrics.codetable.table import write_code_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = write_code_table(folder + "/codes.npz", np.ones((3, 2)), metadata={"seed": 4})
    ...     read_code_table(path).metadata
    {'seed': 4}
    """
    tables = read_code_tables(path)
    if len(tables) > 1:
        raise ValueError(
            f"{path} holds {len(tables)} code tables ({', '.join(tables)}); use read_code_tables"
        )
    return next(iter(tables.values()))


def read_code_tables(path: str | os.PathLike[str]) -> dict[str, CodeTable]:
    """Read every code table of a file: name -> table; the table at the top has the name ``""``.

    Raises
    ------
    ValueError
        As for `read_code_table`.
    """
    source = path_of(path)
    if not source.is_file():
        raise ValueError(f"{source} does not exist or is not a file; give the path of a code table")
    if source.suffix == ".npz":
        return _read_npz(source)
    if source.suffix in (".h5", ".hdf5"):
        return _read_hdf5(source)
    raise ValueError(f"{source} must end in .h5, .hdf5 or .npz to be read as a code table")


def _read_hdf5(source: Path) -> dict[str, CodeTable]:
    import h5py

    allowance = Allowance(source)
    try:
        with h5py.File(source, "r") as file:
            check_parts(len(file), source)
            groups = {"": file} if "codes" in file else {}
            for name in file:
                own = isinstance(file.get(name, getlink=True), h5py.HardLink)
                if own and name not in ARRAYS and isinstance(file[name], h5py.Group):
                    groups[name] = file[name]
            groups = groups or {"": file}
            return {
                name: _read_group(group, source, name, allowance) for name, group in groups.items()
            }
    except Exception as error:  # for a damaged file the library may raise anything
        if isinstance(error, ValueError | TypeError) and str(error).startswith(str(source)):
            raise
        raise ValueError(
            f"{source} cannot be read as HDF5: {_short(error)}; is it truncated?"
        ) from None


def _short(error: Exception) -> str:
    """Return the message of an error on one short line."""
    return " ".join(str(error).split())[:160]


def _read_group(group: Any, source: Path, name: str, allowance: Allowance) -> CodeTable:
    """Read one group; refuse data sets that are links, external or virtual."""
    import h5py

    where = f"{source}/{name}" if name else str(source)
    arrays = {}
    for key in ARRAYS:
        link = group.get(key, getlink=True) if key in group.keys() else None  # noqa: SIM118
        if link is None:
            continue
        if not isinstance(link, h5py.HardLink):
            raise ValueError(f"{where}: {key} must be a data set of the file itself, got a link")
        data = group[key]
        if not isinstance(data, h5py.Dataset):
            raise ValueError(f"{where}: {key} must be a data set, got a group")
        if data.is_virtual or data.external:
            raise ValueError(
                f"{where}: {key} must be stored in the file itself, got external storage"
            )
        if data.dtype.kind not in "biuf":
            raise ValueError(f"{where}: {key} must hold numbers, got dtype {data.dtype}")
        allowance.spend(data.size or 0, data.dtype.itemsize, f"{where}: {key}")
        check_chunks(data, f"{where}: {key}")
        try:
            arrays[key] = data[()]
        except MemoryError as error:
            raise ValueError(f"{where}: {key} does not fit in memory: {error}") from None
    attributes = {
        key: readable(value.item() if isinstance(value, np.generic) else value)
        for key, value in group.attrs.items()
    }
    return make_table(arrays, attributes, where)


def _read_npz(source: Path) -> dict[str, CodeTable]:
    content: dict[str, dict[str, Any]] = {}
    if not zipfile.is_zipfile(source):
        raise ValueError(f"{source} cannot be read as npz: it is not a zip archive, or truncated")
    try:
        _check_sizes(source)
        with np.load(source, allow_pickle=False) as file:
            for key in file.files:
                name, _, field = key.rpartition("/")
                content.setdefault(name, {})[field] = file[key]
    except (TooLarge, MemoryError) as error:
        text = str(error)
        raise ValueError(text if text.startswith(f"{source} ") else f"{source}: {text}") from None
    except Exception as error:  # for a damaged header the parser may raise anything
        raise ValueError(
            f"{source} cannot be read as npz: {_short(error)}; is it damaged?"
        ) from None
    if not content:
        content[""] = {}
    return {name: _npz_table(fields, source, name) for name, fields in content.items()}


def _check_sizes(source: Path) -> None:
    """Refuse, from their headers, arrays that unpack to more than a file of this size may."""
    allowance = Allowance(source)
    with zipfile.ZipFile(source) as archive:
        check_parts(len(archive.infolist()), source)
        for member in archive.infolist():
            allowance.spend(member.file_size, 1, member.filename)
            with archive.open(member) as stream:
                count, itemsize = npy_size(stream)
            if count * itemsize > member.file_size:
                raise ValueError(
                    f"{member.filename} declares {count:,} items, but its {member.file_size} bytes "
                    "hold fewer"
                )


def _npz_table(fields: dict[str, Any], source: Path, name: str) -> CodeTable:
    arrays = {key: value for key, value in fields.items() if key in ARRAYS}
    attributes = {key: fields[key] for key in FACTOR_ATTRIBUTES if key in fields}
    for key, value in fields.items():
        if key.startswith("metadata."):
            attributes[key.removeprefix("metadata.")] = (
                readable(value.item()) if value.ndim == 0 else value
            )
    return make_table(arrays, attributes, f"{source}/{name}" if name else str(source))
