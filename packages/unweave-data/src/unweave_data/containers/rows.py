"""Read rows at known offsets of a file, one by one and from any thread.

Files are read, not mapped into memory: if another program shortens a mapped file, the process dies,
but a short read is an ordinary error. A read holds neither the lock of h5py nor that of Python.
"""

import os
import threading
import weakref
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, read_errors

# Largest number of bytes of uncompressed chunks in the cache.
_CACHE_BYTES = 1 << 26


class OpenFile:
    """A file that is read at offsets, and that must not change after it was opened."""

    def __init__(self, path: Path) -> None:
        self.path = path
        # Only Windows has O_BINARY.
        self._file = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        weakref.finalize(self, os.close, self._file)
        self._lock = threading.Lock()
        if hasattr(os, "posix_fadvise"):
            # Rows are read in random order, so the bytes after a row need no read-ahead.
            os.posix_fadvise(self._file, 0, 0, os.POSIX_FADV_RANDOM)
        self._identity = _identity(os.fstat(self._file))

    def check(self) -> None:
        """Refuse a file that was replaced, changed or removed.

        Raises
        ------
        DataError
            If the file has changed.
        """
        with read_errors(self.path, "the same file as before"):
            if _identity(self.path.stat()) != self._identity:
                raise DataError(f"path: {self.path} has changed since it was opened; load it again")

    def expect(self, sizes: Iterable[int], offsets: Iterable[int]) -> None:
        """Announce the next reads to the system, so that the disk can fetch them together."""
        if hasattr(os, "posix_fadvise"):
            for size, offset in zip(sizes, offsets, strict=True):
                os.posix_fadvise(self._file, offset, size, os.POSIX_FADV_WILLNEED)

    def read(self, size: int, offset: int) -> bytes:
        """Read `size` bytes.

        Raises
        ------
        DataError
            If the file is too short.
        """
        with read_errors(self.path, "the same file as before"):
            content = self._at(size, offset)
        if len(content) != size:
            raise DataError(f"path: {self.path} is truncated; get the file again")
        return content

    def _at(self, size: int, offset: int) -> bytes:
        if hasattr(os, "pread"):
            return os.pread(self._file, size, offset)
        with self._lock:
            os.lseek(self._file, offset, os.SEEK_SET)
            return os.read(self._file, size)


def _identity(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


class RawRows:
    """Uncompressed rows, contiguous or in chunks of several rows.

    Parameters
    ----------
    path
        path of the file
    shape, dtype
        shape and dtype of the whole array
    offsets
        offset of each chunk in bytes, int64 of shape (number of chunks,)
    per_chunk
        number of rows per chunk

    """

    note = ""

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        offsets: NDArray[np.int64],
        per_chunk: int,
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._file, self._offsets, self._per_chunk = OpenFile(path), offsets, per_chunk
        self._row_bytes = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Read rows, shape (n, ...)."""
        self._file.check()
        chunk, place = np.divmod(index, self._per_chunk)
        starts = (self._offsets[chunk] + place * self._row_bytes).tolist()
        self._file.expect([self._row_bytes] * len(starts), starts)
        content = b"".join([self._file.read(self._row_bytes, start) for start in starts])
        return np.frombuffer(content, self.dtype).reshape(len(index), *self.shape[1:])


class PackedRows:
    """Rows in chunks that HDF5 compressed with zlib, with or without its shuffle filter.

    Parameters
    ----------
    path
        path of the file
    shape, dtype
        shape and dtype of the whole array
    offsets, sizes
        offset and size of each chunk in bytes, int64 of shape (number of chunks,)
    per_chunk
        number of rows per chunk
    shuffle
        whether the bytes of the numbers are shuffled

    """

    def __init__(
        self,
        path: Path,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        offsets: NDArray[np.int64],
        sizes: NDArray[np.int64],
        per_chunk: int,
        shuffle: bool,
    ) -> None:
        self.shape, self.dtype = shape, dtype
        self._file, self._offsets, self._sizes = OpenFile(path), offsets, sizes
        self._per_chunk, self._shuffle = per_chunk, shuffle
        self._chunk_bytes = int(np.prod((per_chunk, *shape[1:]), dtype=np.int64)) * dtype.itemsize
        self._chunks: dict[int, NDArray[Any]] = {}
        self.note = ""
        if per_chunk > 64:
            self.note = (
                f"compressed in chunks of {per_chunk} images, so random batches are slow; set "
                "unpack= to a folder to unpack the images once, or in_memory=true"
            )

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Read rows, shape (n, ...)."""
        self._file.check()
        rows = np.empty((len(index), *self.shape[1:]), self.dtype)
        chunk, place = np.divmod(index, self._per_chunk)
        order = np.argsort(chunk, kind="stable")
        new = [number for number in np.unique(chunk).tolist() if number not in self._chunks]
        self._file.expect(self._sizes[new].tolist(), self._offsets[new].tolist())
        for run in np.split(order, np.flatnonzero(np.diff(chunk[order])) + 1):
            if len(run):
                rows[run] = self._chunk(int(chunk[run[0]]))[place[run]]
        return rows

    def _chunk(self, number: int) -> NDArray[Any]:
        chunk = self._chunks.get(number)
        if chunk is not None:
            return chunk
        chunk = self._unpack(self._file.read(int(self._sizes[number]), int(self._offsets[number])))
        if self._per_chunk > 1:
            if (len(self._chunks) + 1) * self._chunk_bytes > _CACHE_BYTES:
                self._chunks.clear()
            self._chunks[number] = chunk
        return chunk

    def _unpack(self, packed: bytes) -> NDArray[Any]:
        with read_errors(self._file.path, "the same file as before"):
            # At most one byte more than a chunk has.
            data = zlib.decompressobj().decompress(packed, self._chunk_bytes + 1)
        if len(data) != self._chunk_bytes:
            raise DataError(f"path: a chunk of {self._file.path} is damaged; get the file again")
        flat = np.frombuffer(data, np.uint8)
        if self._shuffle and self.dtype.itemsize > 1:
            flat = np.ascontiguousarray(flat.reshape(self.dtype.itemsize, -1).T)
        return flat.view(self.dtype).reshape(self._per_chunk, *self.shape[1:])
