"""Read files of one array with a header of shape and dtype, compressed with gzip or not."""

from __future__ import annotations

import gzip
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, read_errors
from unweave_data.files import check_memory, check_unpacked, regular_file

_BLOCK = 1 << 20
_GZIP = b"\x1f\x8b"


class _Readable(Protocol):
    def read(self, size: int, /) -> bytes: ...


class Bytes:
    """The bytes of a file in order; a read returns exactly as many as requested."""

    def __init__(self, file: _Readable, path: Path) -> None:
        self._file = file
        self.path = path

    def read(self, size: int) -> bytearray:
        """Read `size` bytes.

        Raises
        ------
        DataError
            If the file is truncated.
        """
        content = bytearray()
        while len(content) < size:
            block = self._file.read(min(_BLOCK, size - len(content)))
            if not block:
                raise DataError(
                    f"path: {self.path} is truncated: its header declares {size} bytes, but only "
                    f"{len(content)} follow; get the file again"
                )
            content += block
        return content


Declare = Callable[[Bytes, str], tuple[tuple[int, ...], np.dtype[Any]]]
"""Reads the header of a file and returns the shape and dtype that it declares."""


def read_single_array(path: Path | str, what: str, declare: Declare) -> NDArray[Any]:
    """Read the array of a file; only as many bytes as its header declares are uncompressed.

    Parameters
    ----------
    path
        path of the file
    what
        description of the file, for messages
    declare
        function of the bytes and `what` that reads the header

    Returns
    -------
    array of the declared shape and dtype, in native byte order

    Raises
    ------
    DataError
        If the file has another format, is truncated, or is longer than its header declares.
    """
    path = regular_file(path, what)
    with read_errors(path, what), path.open("rb") as file:
        compressed = file.read(2) == _GZIP
        file.seek(0)
        if compressed:
            with gzip.GzipFile(fileobj=file) as stream:
                return _array(stream, path, what, declare)
        return _array(file, path, what, declare)


def _array(file: _Readable, path: Path, what: str, declare: Declare) -> NDArray[Any]:
    data = Bytes(file, path)
    shape, dtype = declare(data, what)
    size = math.prod(shape) * dtype.itemsize
    check_memory(size, path, f"an array of shape {shape}")
    check_unpacked(size, path.stat().st_size, path, f"an array of shape {shape}")
    array = np.frombuffer(data.read(size), dtype).reshape(shape)
    if file.read(1):
        raise DataError(
            f"path: {path} is longer than its shape {shape} declares; get the file again"
        )
    return array.astype(dtype.newbyteorder("="), copy=False)
