"""Read the binary matrices of NORB: a magic number, the axes, then the numbers."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.single_array import Bytes, read_single_array
from unweave_data.errors import DataError

_DTYPES = {
    0x1E3D4C51: "f4", 0x1E3D4C53: "f8", 0x1E3D4C54: "i4", 0x1E3D4C55: "u1", 0x1E3D4C56: "i2",
}  # fmt: skip
_MOST_AXES = 8


def read_norb(path: Path | str, what: str = "a matrix of NORB") -> NDArray[Any]:
    """Read a binary matrix of either byte order, compressed with gzip or not.

    The format is: an int32 magic number, an int32 number of axes, an int32 per axis but at least
    three, then the numbers in C order. Only as many bytes as the axes declare are uncompressed.

    Parameters
    ----------
    path
        path of the file
    what
        description of the file, for messages

    Returns
    -------
    array of the declared shape and dtype, in native byte order

    Raises
    ------
    DataError
        If the file is not a matrix of NORB, is truncated, or is longer than its axes declare.
    """
    return read_single_array(path, what, _declare)


def _declare(file: Bytes, what: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    head = file.read(8)
    order = next((o for o in "<>" if struct.unpack(f"{o}i", head[:4])[0] in _DTYPES), None)
    if order is None:
        raise DataError(
            f"path: {file.path} should be {what}, but it begins with {head[:4].hex()}, which is "
            "not the magic number of a matrix; get the file again"
        )
    magic, axes = struct.unpack(f"{order}2i", head)
    if not 1 <= axes <= _MOST_AXES:
        raise DataError(f"path: {file.path} declares {axes} axes; get the file again")
    stored = max(3, axes)
    shape = struct.unpack(f"{order}{stored}i", file.read(4 * stored))[:axes]
    if min(shape) < 0:
        raise DataError(f"path: {file.path} declares the shape {shape}; get the file again")
    return shape, np.dtype(order + _DTYPES[magic])
