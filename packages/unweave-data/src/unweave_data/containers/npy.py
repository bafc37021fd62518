"""Read the npy format: a header of text, then the numbers; in a separate file or in an npz."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import BLOCK_BYTES, Header
from unweave_data.containers.rows import RawRows
from unweave_data.errors import DataError, read_errors
from unweave_data.files import check_memory, regular_file

# numpy's own limit of the length of a header.
_LONGEST_HEADER = 10_000


def read_header(file: IO[bytes], path: Path, name: str) -> Header:
    """Read the header of an npy; refuse arrays of objects, which are pickles.

    Raises
    ------
    DataError
        If the array has Python objects, or the header is damaged.
    """
    version = np.lib.format.read_magic(file)
    with warnings.catch_warnings():  # numpy warns of headers that Python 2 wrote
        warnings.simplefilter("ignore")
        if version == (1, 0):
            fields = np.lib.format.read_array_header_1_0(file, _LONGEST_HEADER)
        else:
            fields = np.lib.format.read_array_header_2_0(file, _LONGEST_HEADER)
    shape, fortran, dtype = fields
    if dtype.hasobject:
        raise DataError(
            f"path: {name} in {path} contains Python objects, which are never loaded; save it as "
            "an array of numbers"
        )
    if dtype.fields is not None or any(n < 0 or n >= 1 << 63 for n in shape):
        raise DataError(
            f"path: {name} in {path} must be an array without fields and of a valid shape; get the "
            "file again"
        )
    return Header(tuple(shape), dtype, fortran)


class NpyFile:
    """An open npy file: its only array has the name `array`."""

    def __init__(self, file: IO[bytes], path: Path, what: str) -> None:
        self.names = ["array"]
        self._file, self.path, self.what = file, path, what
        self._header = read_header(file, path, "the array")
        self._start = file.tell()
        rest = path.stat().st_size - self._start
        if rest != self._header.size:
            how = "truncated" if rest < self._header.size else "longer than its header declares"
            raise DataError(f"path: {path} is {how}; get the file again")

    def has(self, name: str) -> bool:
        """Return whether this is the name of the array."""
        return name in self.names

    def header(self, name: str) -> Header:
        """Return shape and dtype."""
        return self._header

    def read(self, name: str) -> NDArray[Any]:
        """Read the array as a whole."""
        check_memory(self._header.size, self.path, "the array")
        self._file.seek(self._start)
        flat = np.frombuffer(bytearray(self._file.read(self._header.size)), self._header.dtype)
        return flat.reshape(self._header.shape, order="F" if self._header.fortran_order else "C")

    def blocks(self, name: str) -> Iterator[NDArray[Any]]:
        """Read the array in blocks along axis 0."""
        if self._header.fortran_order:
            yield self.read(name)
            return
        step = max(1, BLOCK_BYTES // self._header.row_bytes) * self._header.row_bytes
        for start in range(0, self._header.size, step):
            self._file.seek(self._start + start)
            data = self._file.read(min(step, self._header.size - start))
            yield np.frombuffer(data, self._header.dtype).reshape(-1, *self._header.shape[1:])

    def rows(self, name: str) -> RawRows | None:
        """Return access to single rows, or None for an array in Fortran order."""
        header = self._header
        if header.fortran_order or not header.shape:
            return None
        start = np.array([self._start], np.int64)
        return RawRows(self.path, header.shape, header.dtype, start, max(1, header.shape[0]))

    def attribute(self, name: str, key: str) -> None:
        """Return None: an npy has no attributes."""
        return


@contextmanager
def open_npy(path: Path | str, what: str) -> Iterator[NpyFile]:
    """Open an npy file; every error while it is open becomes a DataError.

    Raises
    ------
    DataError
        If the file does not exist, is not an npy, is truncated, or contains objects.
    """
    path = regular_file(path, what)
    with read_errors(path, what), path.open("rb") as file:
        yield NpyFile(file, path, what)
