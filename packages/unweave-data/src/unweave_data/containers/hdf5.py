"""Read HDF5 data sets that are stored in the file itself; refuse links and external storage."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import BLOCK_BYTES, Header, Rows
from unweave_data.containers.rows import PackedRows, RawRows
from unweave_data.errors import DataError, read_errors
from unweave_data.files import check_memory, check_unpacked, regular_file

_LARGEST_BLOCK_BYTES = 1 << 28
# Cache of uncompressed chunks, for the other images of a random batch.
_CACHE_BYTES = 1 << 26


class Hdf5File:
    """An open HDF5 file: names, arrays whole or in blocks, attributes."""

    def __init__(self, file: Any, path: Path, what: str) -> None:
        self._file = file
        self.path = path
        self.what = what

    @property
    def names(self) -> list[str]:
        """Names of the members of the root group."""
        return [str(name) for name in self._file]

    def has(self, name: str) -> bool:
        """Return whether this name exists, also as a link; links are not followed."""
        return all(self._file.get(step, getlink=True) is not None for step in _steps(name))

    def open(self, name: str) -> Any:
        """Return a data set that is stored in this file.

        Raises
        ------
        DataError
            If the data set is missing, is a group, a soft or external link, virtual, stored in
            another file, or was never written.
        """
        import h5py

        for step in _steps(name):
            link = self._file.get(step, getlink=True)
            if link is None:
                raise self._refuse(name, "is missing")
            if not isinstance(link, h5py.HardLink):
                raise self._refuse(step, "is a soft or external link, which is not followed")
        dataset = self._file[name]
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            raise self._refuse(name, "is not an array")
        if dataset.is_virtual or dataset.external:
            raise self._refuse(name, "is stored in another file, which is not opened")
        if dataset.size and dataset.id.get_storage_size() == 0:
            raise self._refuse(name, "was declared but never written")
        stored = dataset.id.get_storage_size()
        check_unpacked(dataset.size * dataset.dtype.itemsize, stored, self.path, name)
        return dataset

    def is_group(self, name: str) -> bool:
        """Return whether this is a group of this file, not a link."""
        import h5py

        return self._is_here(name) and isinstance(self._file[name], h5py.Group)

    def group_names(self, name: str) -> list[str]:
        """Return the names of the members of a group; empty if there is no group."""
        return [str(key) for key in self._file[name]] if self.is_group(name) else []

    def group_attributes(self, name: str) -> dict[str, Any]:
        """Return the attributes of a group; empty if there is no group."""
        return dict(self._file[name].attrs) if self.is_group(name) else {}

    def _is_here(self, name: str) -> bool:
        import h5py

        links = (self._file.get(step, getlink=True) for step in _steps(name))
        return all(isinstance(link, h5py.HardLink) for link in links)

    def header(self, name: str) -> Header:
        """Read shape and dtype of a data set."""
        dataset = self.open(name)
        return Header(tuple(dataset.shape), dataset.dtype, fortran_order=False)

    def read(self, name: str) -> NDArray[Any]:
        """Read an array as a whole."""
        dataset = self.open(name)
        check_memory(dataset.size * dataset.dtype.itemsize, self.path, name)
        return np.asarray(dataset[()])

    def read_text(self, name: str) -> NDArray[Any]:
        """Read an array of text as str, and an array of numbers as numbers."""
        array = self.read(name)
        if array.dtype.kind not in "OS":
            return array
        texts = [str(t, "utf-8", "replace") if isinstance(t, bytes) else str(t) for t in array.flat]
        return np.array(texts, dtype=str).reshape(array.shape)

    def blocks(self, name: str) -> Iterator[NDArray[Any]]:
        """Read an array in blocks along axis 0; a block has whole chunks."""
        dataset = self.open(name)
        rows = rows_of_block(dataset)
        for start in range(0, len(dataset), rows):
            yield np.asarray(dataset[start : start + rows])

    def rows(self, name: str) -> Rows:
        """Return access to single rows, without h5py and its lock if the layout allows."""
        dataset = self.open(name)
        return _direct_rows(self._file, dataset, self.path) or Hdf5Rows(self.path, name, dataset)

    def attribute(self, name: str, key: str) -> Any:
        """Return the data set `key`, or the attribute `key` of the array or the file, or None."""
        if self.has(key):
            return self.read(key)
        for owner in (self.open(name), self._file):
            if key in owner.attrs:
                return owner.attrs[key]
        return None

    def _refuse(self, name: str, reason: str) -> DataError:
        return DataError(f"path: {name} in {self.path} {reason}; store it in the file itself")


class Hdf5Rows:
    """Rows that h5py reads, with any filters and chunks."""

    def __init__(self, path: Path, name: str, dataset: Any) -> None:
        self.shape, self.dtype = tuple(dataset.shape), dataset.dtype
        self._path, self._name = path, name
        self.note = ""
        if dataset.chunks and dataset.chunks[0] > 64:
            self.note = (
                f"stored in chunks of {dataset.chunks[0]} images, so random batches are slow; set "
                "unpack= to a folder to unpack the images once, or in_memory=true"
            )

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Read rows, shape (n, ...)."""
        with open_hdf5(self._path, "the same HDF5 file as before") as file:
            dataset = file.open(self._name)
            if dataset.shape != self.shape or dataset.dtype != self.dtype:
                raise DataError(
                    f"path: {self._path} has changed since it was opened; load it again"
                )
            distinct, back = np.unique(index, return_inverse=True)
            return _runs(dataset, distinct)[back.ravel()]


def _runs(dataset: Any, distinct: NDArray[np.int64]) -> NDArray[Any]:
    """Read sorted and distinct rows in runs, which is faster than h5py's selection by a list."""
    rows = np.empty((len(distinct), *dataset.shape[1:]), dataset.dtype)
    breaks = np.flatnonzero(np.diff(distinct) > 1) + 1
    start = 0
    for run in np.split(distinct, breaks):
        if len(run):
            rows[start : start + len(run)] = dataset[run[0] : run[-1] + 1]
        start += len(run)
    return rows


def _direct_rows(file: Any, dataset: Any, path: Path) -> Rows | None:
    """Return rows at known offsets in the file, or None if only HDF5 itself can read them."""
    if dataset.dtype.kind not in "biuf" or file.userblock_size or not dataset.shape:
        return None
    shape = tuple(dataset.shape)
    if dataset.chunks is None:
        offset = dataset.id.get_offset()
        if offset is None or dataset.id.get_storage_size() != dataset.size * dataset.dtype.itemsize:
            return None
        return RawRows(path, shape, dataset.dtype, np.array([offset], np.int64), max(1, shape[0]))
    filters = _filters(dataset)
    if tuple(dataset.chunks[1:]) != shape[1:] or filters is None:
        return None
    places = _chunk_places(dataset)
    if places is None:
        return None
    offsets, sizes = places
    if filters:
        shuffle = len(filters) == 2
        return PackedRows(path, shape, dataset.dtype, offsets, sizes, dataset.chunks[0], shuffle)
    return RawRows(path, shape, dataset.dtype, offsets, dataset.chunks[0])


def _filters(dataset: Any) -> list[int] | None:
    """Return the codes of the filters: none, deflate, or shuffle and deflate; else None."""
    import h5py

    plist = dataset.id.get_create_plist()
    codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    deflate, shuffle = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
    return codes if codes in ([], [deflate], [shuffle, deflate]) else None


def _chunk_places(dataset: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Return offset and size of every chunk; None if one is missing or lacks the filters."""
    count = -(-dataset.shape[0] // dataset.chunks[0])
    if not hasattr(dataset.id, "chunk_iter") or dataset.id.get_num_chunks() != count:
        return None
    offsets, sizes = np.full((2, count), -1, np.int64)
    without_filters = False

    def record(info: Any) -> None:
        nonlocal without_filters
        number = info.chunk_offset[0] // dataset.chunks[0]
        offsets[number], sizes[number] = info.byte_offset or -1, info.size
        without_filters |= bool(info.filter_mask)

    dataset.id.chunk_iter(record)
    return None if without_filters or (offsets < 0).any() else (offsets, sizes)


def _steps(name: str) -> list[str]:
    parts = PurePosixPath(name.strip("/")).parts
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def rows_of_block(dataset: Any) -> int:
    """Return the number of rows to read at once: 16 MB, or one chunk if that is more."""
    row = max(1, math.prod(dataset.shape[1:]) * dataset.dtype.itemsize)
    chunk: int = dataset.chunks[0] if dataset.chunks else 1
    if chunk * row > _LARGEST_BLOCK_BYTES:
        chunk = 1
    rows: int = max(1, BLOCK_BYTES // (row * chunk)) * chunk
    return rows


@contextmanager
def open_hdf5(path: Path | str, what: str) -> Iterator[Hdf5File]:
    """Open an HDF5 file for reading; every error while it is open becomes a DataError.

    Parameters
    ----------
    path
        path of the file
    what
        description of the file, for messages

    Raises
    ------
    DataError
        If the file does not exist, is not an HDF5 file, is truncated or damaged.
    """
    import h5py

    path = regular_file(path, what)
    with read_errors(path, what), h5py.File(path, "r", rdcc_nbytes=_CACHE_BYTES) as file:
        yield Hdf5File(file, path, what)
