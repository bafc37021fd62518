"""The idx format of MNIST: magic number, sizes, then the numbers themselves; often in gzip."""

import gzip
import math
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError, reading
from unweave_data.files import check_memory, check_unpacked, regular_file

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_BLOCK = 1 << 20


def read_idx(path: Path | str, what: str = "an idx file") -> NDArray[np.generic]:
    """Read an idx file, in gzip or not, as its first bytes say.

    Two zero bytes, a byte for the dtype, a byte for the number of axes, a big-endian uint32 for
    each axis, then the numbers in C order, big-endian. No more is unpacked than the axes declare.

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
                return _parse(unpacked, path, what)
        return _parse(file, path, what)


def _parse(file: BinaryIO | gzip.GzipFile, path: Path, what: str) -> NDArray[np.generic]:
    magic = _exactly(file, 4, path)
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= 4:
        raise DataError(
            f"path: {path} should be {what}, but it begins with {magic.hex()}, which is no magic "
            "number of an idx file; get the file again"
        )
    shape = struct.unpack(f">{magic[3]}I", _exactly(file, 4 * magic[3], path))
    dtype = np.dtype(_DTYPES[magic[2]])
    size = math.prod(shape) * dtype.itemsize
    check_memory(size, path, f"an array of shape {shape}")
    check_unpacked(size, path.stat().st_size, path, f"an array of shape {shape}")
    array = np.frombuffer(_exactly(file, size, path), dtype).reshape(shape)
    if file.read(1):
        raise DataError(
            f"path: {path} is longer than its shape {shape} declares; get the file again"
        )
    return array.astype(dtype.newbyteorder("="))


def _exactly(file: BinaryIO | gzip.GzipFile, size: int, path: Path) -> bytearray:
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
