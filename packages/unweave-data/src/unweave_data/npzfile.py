"""Read named arrays out of an npz, block by block, and never a pickle."""

import math
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, reading
from unweave_data.files import check_memory, regular_file

_BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class Header:
    """What the first bytes of an array in an npz declare."""

    shape: tuple[int, ...]
    dtype: np.dtype[np.generic]
    fortran_order: bool

    @property
    def size(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize


class NpzFile:
    """An open npz: names, headers, and arrays whole or in blocks.

    An array of objects, which is a pickle, is refused; other members are not even looked at.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path, what: str) -> None:
        self._archive = archive
        self.path = path
        self.what = what
        self.names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]

    def header(self, name: str) -> Header:
        """Read what an array declares of itself."""
        with self._member(name) as file:
            return self._read_header(file, name)

    def read(self, name: str) -> NDArray[np.generic]:
        """Read an array as a whole."""
        with self._member(name) as file:
            header = self._read_header(file, name)
            check_memory(header.size, self.path, name)
            flat = self._take(file, header.size, header.dtype, name)
            self._finish(file, name)
        return flat.reshape(header.shape, order="F" if header.fortran_order else "C")

    def blocks(self, name: str) -> Iterator[NDArray[np.generic]]:
        """Read an array in blocks along axis 0, so that it need not fit into memory."""
        if self.header(name).fortran_order:
            yield self.read(name)
            return
        with self._member(name) as file:
            header = self._read_header(file, name)
            row = max(1, header.size // max(1, header.shape[0]))
            step = max(1, _BLOCK_BYTES // row) * row
            for start in range(0, header.size, step):
                flat = self._take(file, min(step, header.size - start), header.dtype, name)
                yield flat.reshape(-1, *header.shape[1:])
            self._finish(file, name)

    def attribute(self, name: str, key: str) -> NDArray[np.generic] | None:
        """Give what describes an array: in an npz another array, or None."""
        return self.read(key) if key in self.names else None

    def _take(
        self, file: IO[bytes], size: int, dtype: np.dtype[np.generic], name: str
    ) -> NDArray[np.generic]:
        data = bytearray(size)
        target = memoryview(data)
        while target:
            part = file.read(min(_BLOCK_BYTES, len(target)))
            if not part:
                raise self._truncated(name)
            target[: len(part)] = part
            target = target[len(part) :]
        return np.frombuffer(data, dtype)

    def _finish(self, file: IO[bytes], name: str) -> None:
        if file.read(1):  # this last read also makes zipfile compare the check sum
            raise DataError(
                f"path: {name} in {self.path} is longer than its header declares; get the file "
                "again"
            )

    def _truncated(self, name: str) -> DataError:
        return DataError(f"path: {name} in {self.path} is truncated; get the file again")

    def _member(self, name: str) -> IO[bytes]:
        if name not in self.names:
            raise DataError(f"path: {self.path} should be {self.what}, but has no array {name}")
        return self._archive.open(f"{name}.npy")

    def _read_header(self, file: IO[bytes], name: str) -> Header:
        version = np.lib.format.read_magic(file)
        with warnings.catch_warnings():  # numpy warns of headers that Python 2 wrote
            warnings.simplefilter("ignore")
            if version == (1, 0):
                shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            else:
                shape, fortran, dtype = np.lib.format.read_array_header_2_0(file)
        if dtype.hasobject:
            raise DataError(
                f"path: {name} in {self.path} holds Python objects, which are never loaded; save "
                "it as an array of numbers"
            )
        header = Header(tuple(shape), dtype, fortran)
        if header.size > self._archive.getinfo(f"{name}.npy").file_size:
            raise self._truncated(name)
        return header


@contextmanager
def open_npz(path: Path | str, what: str) -> Iterator[NpzFile]:
    """Open an npz; whatever goes wrong while it is open is a DataError of one sentence.

    Parameters
    ----------
    path
        the file
    what
        what it should be, for messages

    Raises
    ------
    DataError : no such file, not an npz, truncated, or holding objects where arrays are asked for

    """
    path = regular_file(path, what)
    # The file is opened here, so that it closes even where a member is still being read.
    with reading(path, what), path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        yield NpzFile(archive, path, what)
