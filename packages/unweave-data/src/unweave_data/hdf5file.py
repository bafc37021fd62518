"""Open HDF5 data sets that lie in the file itself, and nothing that leads out of it."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, reading
from unweave_data.files import check_memory, regular_file
from unweave_data.npzfile import Header

_BLOCK_BYTES = 1 << 24
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
        DataError : it is missing, a group, reached through a soft or external link, virtual, in
            another file, or was never written

        """
        import h5py

        for step in _steps(name):
            link = self._file.get(step, getlink=True)
            if link is None:
                raise self._refuse(name, "is missing")
            if not isinstance(link, h5py.HardLink):
                raise self._refuse(step, "is a soft or external link, which is not followed")
        found = self._file[name]
        if not isinstance(found, h5py.Dataset) or found.shape is None:
            raise self._refuse(name, "is no array")
        if found.is_virtual or found.external:
            raise self._refuse(name, "keeps its numbers in another file, which is not opened")
        if found.size and found.id.get_storage_size() == 0:
            raise self._refuse(name, "was declared but never written")
        return found

    def header(self, name: str) -> Header:
        """Read shape and dtype of a data set."""
        found = self.open(name)
        return Header(tuple(found.shape), found.dtype, fortran_order=False)

    def read(self, name: str) -> NDArray[np.generic]:
        """Read an array as a whole."""
        found = self.open(name)
        check_memory(found.size * found.dtype.itemsize, self.path, name)
        return np.asarray(found[()])

    def blocks(self, name: str) -> Iterator[NDArray[np.generic]]:
        """Read an array in blocks along axis 0, whole chunks at a time where it has chunks."""
        found = self.open(name)
        rows = rows_of_block(found)
        for start in range(0, len(found), rows):
            yield np.asarray(found[start : start + rows])

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


def _steps(name: str) -> list[str]:
    parts = PurePosixPath(name.strip("/")).parts
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def rows_of_block(found: Any) -> int:
    """Choose how many rows of a data set to read at once: 16 MB, or a chunk if that is more."""
    row = max(1, math.prod(found.shape[1:]) * found.dtype.itemsize)
    chunk: int = found.chunks[0] if found.chunks else 1
    if chunk * row > _LARGEST_BLOCK_BYTES:
        chunk = 1
    rows: int = max(1, _BLOCK_BYTES // (row * chunk)) * chunk
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
    DataError : no such file, not an HDF5, truncated or damaged

    """
    import h5py

    path = regular_file(path, what)
    with reading(path, what), h5py.File(path, "r", rdcc_nbytes=_CACHE_BYTES) as file:
        yield Hdf5File(file, path, what)
