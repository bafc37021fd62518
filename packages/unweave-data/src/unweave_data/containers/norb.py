"""The binary matrices of NORB: a magic number, the axes, then the numbers."""

import gzip
import math
import struct
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, reading
from unweave_data.files import check_memory, check_unpacked, regular_file

_DTYPES = {
    0x1E3D4C51: "f4", 0x1E3D4C53: "f8", 0x1E3D4C54: "i4", 0x1E3D4C55: "u1", 0x1E3D4C56: "i2",
}  # fmt: skip
_BLOCK = 1 << 20
_MOST_AXES = 8


def read_norb(path: Path | str, what: str = "a matrix of NORB") -> NDArray[Any]:
    """Read a binary matrix, in gzip or not, of either byte order, as its first bytes say.

    An int32 of magic, one of the number of axes, an int32 for each axis but at least three of
    them, then the numbers in C order. No more is unpacked than the axes declare.

    Parameters
    ----------
    path
        the file
    what
        what it should be, for messages

    Returns
    -------
    array of the declared shape and dtype, in native byte order

    Raises
    ------
    DataError : not such a file, truncated, or longer than its axes declare

    """
    path = regular_file(path, what)
    with reading(path, what), path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if packed:
            with gzip.GzipFile(fileobj=file) as unpacked:
                return _parse(unpacked, path, what)  # type: ignore[arg-type]
        return _parse(file, path, what)


def _parse(file: IO[bytes], path: Path, what: str) -> NDArray[Any]:
    head = _exactly(file, 8, path)
    order = next((o for o in "<>" if struct.unpack(f"{o}i", head[:4])[0] in _DTYPES), None)
    if order is None:
        raise DataError(
            f"path: {path} should be {what}, but it begins with {head[:4].hex()}, which is no "
            "magic number of a matrix; get the file again"
        )
    magic, axes = struct.unpack(f"{order}2i", head)
    if not 1 <= axes <= _MOST_AXES:
        raise DataError(f"path: {path} declares {axes} axes; get the file again")
    stored = max(3, axes)
    shape = struct.unpack(f"{order}{stored}i", _exactly(file, 4 * stored, path))[:axes]
    if min(shape) < 0:
        raise DataError(f"path: {path} declares the shape {shape}; get the file again")
    dtype = np.dtype(order + _DTYPES[magic])
    size = math.prod(shape) * dtype.itemsize
    check_memory(size, path, f"a matrix of shape {shape}")
    check_unpacked(size, path.stat().st_size, path, f"a matrix of shape {shape}")
    array = np.frombuffer(_exactly(file, size, path), dtype).reshape(shape)
    if file.read(1):
        raise DataError(f"path: {path} is longer than its shape {shape} declares; get it again")
    return array.astype(dtype.newbyteorder("="), copy=False)


def _exactly(file: IO[bytes], size: int, path: Path) -> bytearray:
    data = bytearray()
    while len(data) < size:
        block = file.read(min(_BLOCK, size - len(data)))
        if not block:
            raise DataError(
                f"path: {path} is truncated, {len(data)} bytes where {size} were declared; "
                "get the file again"
            )
        data += block
    return data
