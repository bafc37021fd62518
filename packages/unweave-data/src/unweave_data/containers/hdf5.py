"""Open HDF5 data sets that lie in the file itself, and nothing that leads out of it."""

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
# Chunks that a random batch has unpacked are kept for the next image of the batch.
_CACHE_BYTES = 1 << 26


class Hdf5File:
    """An open HDF5 file: names, arrays whole or in blocks, attributes."""

    def __init__(self, file: Any, path: Path, what: str) -> None:
        self._file = file
        self.path = path
        self.what = what

    @property
    def names(self) -> list[str]:
        """Name what lies at the root."""
        return [str(name) for name in self._file]

    def has(self, name: str) -> bool:
        """Say whether something has this name, link or not; links on the way are not followed."""
        return all(self._file.get(step, getlink=True) is not None for step in _steps(name))

    def open(self, name: str) -> Any:
        """Give a data set whose numbers lie in this file.

        Raises
        ------
        DataError
            If it is missing, a group, reached through a soft or external link, virtual, in
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
            raise self._refuse(name, "keeps its numbers in another file, which is not opened")
        if dataset.size and dataset.id.get_storage_size() == 0:
            raise self._refuse(name, "was declared but never written")
        stored = dataset.id.get_storage_size()
        check_unpacked(dataset.size * dataset.dtype.itemsize, stored, self.path, name)
        return dataset

    def is_group(self, name: str) -> bool:
        """Say whether this is a group that lies in this file."""
        import h5py

        return self._is_here(name) and isinstance(self._file[name], h5py.Group)

    def group_names(self, name: str) -> list[str]:
        """Name what lies in a group, or nothing."""
        return [str(key) for key in self._file[name]] if self.is_group(name) else []

    def group_attributes(self, name: str) -> dict[str, Any]:
        """Give the attributes of a group."""
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
        """Read an array of text as such, and one of numbers as numbers."""
        array = self.read(name)
        if array.dtype.kind not in "OS":
            return array
        texts = [str(t, "utf-8", "replace") if isinstance(t, bytes) else str(t) for t in array.flat]
        return np.array(texts, dtype=str).reshape(array.shape)

    def blocks(self, name: str) -> Iterator[NDArray[Any]]:
        """Read an array in blocks along axis 0, whole chunks at a time where it has chunks."""
        dataset = self.open(name)
        rows = rows_of_block(dataset)
        for start in range(0, len(dataset), rows):
            yield np.asarray(dataset[start : start + rows])

    def rows(self, name: str) -> Rows:
        """Give access to single rows, past h5py and its lock where the layout allows."""
        dataset = self.open(name)
        return _direct_rows(self._file, dataset, self.path) or Hdf5Rows(self.path, name, dataset)

    def attribute(self, name: str, key: str) -> Any:
        """Give what describes a data set: another one, or an attribute of either; or None."""
        if self.has(key):
            return self.read(key)
        for holder in (self.open(name), self._file):
            if key in holder.attrs:
                return holder.attrs[key]
        return None

    def _refuse(self, name: str, reason: str) -> DataError:
        return DataError(f"path: {name} in {self.path} {reason}; write it into the file itself")


class Hdf5Rows:
    """Rows that h5py reads: whatever filters and chunks there are."""

    def __init__(self, path: Path, name: str, dataset: Any) -> None:
        self.shape, self.dtype = tuple(dataset.shape), dataset.dtype
        self._path, self._name = path, name
        self.note = ""
        if dataset.chunks and dataset.chunks[0] > 64:
            self.note = (
                f"stored in chunks of {dataset.chunks[0]} images, so random batches are slow; give "
                "unpack= with a folder to unpack them once, or in_memory=true"
            )

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Read rows, shape (n, ...)."""
        with open_hdf5(self._path, "the HDF5 that was opened before") as file:
            dataset = file.open(self._name)
            if dataset.shape != self.shape or dataset.dtype != self.dtype:
                raise DataError(
                    f"path: {self._path} has changed since it was opened; load it again"
                )
            distinct, back = np.unique(index, return_inverse=True)
            return _runs(dataset, distinct)[back.ravel()]


def _runs(dataset: Any, distinct: NDArray[np.int64]) -> NDArray[Any]:
    """Read some rows, sorted and distinct, run by run: h5py's own list selection is slower."""
    rows = np.empty((len(distinct), *dataset.shape[1:]), dataset.dtype)
    breaks = np.flatnonzero(np.diff(distinct) > 1) + 1
    start = 0
    for run in np.split(distinct, breaks):
        if len(run):
            rows[start : start + len(run)] = dataset[run[0] : run[-1] + 1]
        start += len(run)
    return rows


def _direct_rows(file: Any, dataset: Any, path: Path) -> Rows | None:
    """Find where the rows lie in the file, or None where only HDF5 itself can read them."""
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
        shuffled = len(filters) == 2
        return PackedRows(path, shape, dataset.dtype, offsets, sizes, dataset.chunks[0], shuffled)
    return RawRows(path, shape, dataset.dtype, offsets, dataset.chunks[0])


def _filters(dataset: Any) -> list[int] | None:
    """Give the codes of the filters where they are none, deflate, or shuffle and deflate."""
    import h5py

    plist = dataset.id.get_create_plist()
    codes = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
    deflate, shuffle = h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE
    return codes if codes in ([], [deflate], [shuffle, deflate]) else None


def _chunk_places(dataset: Any) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """Find offset and size of every chunk, or None where one is missing or was left unfiltered."""
    count = -(-dataset.shape[0] // dataset.chunks[0])
    if not hasattr(dataset.id, "chunk_iter") or dataset.id.get_num_chunks() != count:
        return None
    offsets, sizes = np.full((2, count), -1, np.int64)
    masked = False

    def note(info: Any) -> None:
        nonlocal masked
        number = info.chunk_offset[0] // dataset.chunks[0]
        offsets[number], sizes[number] = info.byte_offset or -1, info.size
        masked |= bool(info.filter_mask)

    dataset.id.chunk_iter(note)
    return None if masked or (offsets < 0).any() else (offsets, sizes)


def _steps(name: str) -> list[str]:
    parts = PurePosixPath(name.strip("/")).parts
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def rows_of_block(dataset: Any) -> int:
    """Choose how many rows of a data set to read at once: 16 MB, or a chunk if that is more."""
    row = max(1, math.prod(dataset.shape[1:]) * dataset.dtype.itemsize)
    chunk: int = dataset.chunks[0] if dataset.chunks else 1
    if chunk * row > _LARGEST_BLOCK_BYTES:
        chunk = 1
    rows: int = max(1, BLOCK_BYTES // (row * chunk)) * chunk
    return rows


@contextmanager
def open_hdf5(path: Path | str, what: str) -> Iterator[Hdf5File]:
    """Open an HDF5 file to read; whatever goes wrong while it is open is a DataError.

    Parameters
    ----------
    path
        the file
    what
        what it should be, for messages

    Raises
    ------
    DataError
        If there is no such file, not an HDF5, truncated or damaged.
    """
    import h5py

    path = regular_file(path, what)
    with read_errors(path, what), h5py.File(path, "r", rdcc_nbytes=_CACHE_BYTES) as file:
        yield Hdf5File(file, path, what)
