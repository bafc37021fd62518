"""Read arrays of an npz file, whole or in blocks, and never a pickle."""

import struct
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.arrayfile import BLOCK_BYTES, Header
from unweave_data.containers.npy import read_header
from unweave_data.containers.rows import RawRows
from unweave_data.errors import DataError, read_errors
from unweave_data.files import check_memory, check_unpacked, regular_file

# Local header of a member of a zip file, up to its name and its extra field.
_LOCAL_HEADER = struct.Struct("<4s22xHH")


class NpzFile:
    """An open npz file: names, headers, and arrays, whole or in blocks.

    An array of objects, which is a pickle, is refused; members that are not arrays are ignored.
    """

    def __init__(self, archive: zipfile.ZipFile, path: Path, what: str) -> None:
        self._archive = archive
        self.path = path
        self.what = what
        self.names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]

    def has(self, name: str) -> bool:
        """Return whether the file has an array of this name."""
        return name in self.names

    def header(self, name: str) -> Header:
        """Read shape and dtype of an array."""
        with self._member(name) as file:
            return self._read_header(file, name)

    def read(self, name: str) -> NDArray[Any]:
        """Read an array as a whole."""
        with self._member(name) as file:
            header = self._read_header(file, name)
            check_memory(header.size, self.path, name)
            flat = self._take(file, header.size, header.dtype, name)
            self._finish(file, name)
        return flat.reshape(header.shape, order="F" if header.fortran_order else "C")

    def blocks(self, name: str) -> Iterator[NDArray[Any]]:
        """Read an array in blocks along axis 0, so that it need not fit in memory."""
        if self.header(name).fortran_order:
            yield self.read(name)
            return
        with self._member(name) as file:
            header = self._read_header(file, name)
            step = max(1, BLOCK_BYTES // header.row_bytes) * header.row_bytes
            for start in range(0, header.size, step):
                flat = self._take(file, min(step, header.size - start), header.dtype, name)
                yield flat.reshape(-1, *header.shape[1:])
            self._finish(file, name)

    def attribute(self, name: str, key: str) -> NDArray[Any] | None:
        """Return the array `key`, which is the attribute of another array in an npz, or None."""
        return self.read(key) if key in self.names else None

    def _take(self, file: IO[bytes], size: int, dtype: np.dtype[Any], name: str) -> NDArray[Any]:
        data = bytearray(size)
        target = memoryview(data)
        while target:
            part = file.read(min(BLOCK_BYTES, len(target)))
            if not part:
                raise self._truncated(name)
            target[: len(part)] = part
            target = target[len(part) :]
        return np.frombuffer(data, dtype)

    def _finish(self, file: IO[bytes], name: str) -> None:
        if file.read(1):  # at this last read zipfile also compares the checksum
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
        header = read_header(file, self.path, name)
        member = self._archive.getinfo(f"{name}.npy")
        if header.size > member.file_size:
            raise self._truncated(name)
        check_unpacked(header.size, member.compress_size, self.path, name)
        return header

    def rows(self, name: str) -> RawRows | None:
        """Return access to single rows, or None if they are compressed or in Fortran order."""
        member = self._archive.getinfo(f"{name}.npy")
        with self._member(name) as file:
            header = self._read_header(file, name)
            length = file.tell()
        if member.compress_type != zipfile.ZIP_STORED or header.fortran_order or not header.shape:
            return None
        if member.flag_bits & 1:  # encrypted
            return None
        with self.path.open("rb") as raw:
            raw.seek(member.header_offset)
            signature, names, extra = _LOCAL_HEADER.unpack(raw.read(_LOCAL_HEADER.size))
        if signature != b"PK\x03\x04":
            raise DataError(f"path: {self.path} is damaged; get the file again")
        start = member.header_offset + _LOCAL_HEADER.size + names + extra + length
        if start + header.size > self.path.stat().st_size:
            raise self._truncated(name)
        offsets = np.array([start], np.int64)
        return RawRows(self.path, header.shape, header.dtype, offsets, max(1, header.shape[0]))


@contextmanager
def open_npz(path: Path | str, what: str) -> Iterator[NpzFile]:
    """Open an npz file; every error while it is open becomes a DataError.

    Parameters
    ----------
    path
        path of the file
    what
        description of the file, for messages

    Raises
    ------
    DataError
        If the file does not exist, is not an npz, is truncated, or an array that is read contains
        objects.
    """
    path = regular_file(path, what)
    # The file is opened here, so that it is closed even if a member is still open.
    with read_errors(path, what), path.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        yield NpzFile(archive, path, what)
