"""Read the idx format of MNIST: magic number, sizes, then the numbers; often compressed."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.single_array import Bytes, read_single_array
from unweave_data.errors import DataError

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}


def read_idx(path: Path | str, what: str = "an idx file") -> NDArray[np.generic]:
    """Read an idx file, compressed with gzip or not.

    The format is: two zero bytes, a byte for the dtype, a byte for the number of axes, a big-endian
    uint32 per axis, then the numbers in C order, big-endian. Only as many bytes as the axes declare
    are uncompressed.

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
        If the file is not an idx file, is truncated, or is longer than its axes declare.
    """
    return read_single_array(path, what, _declare)


def _declare(file: Bytes, what: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
    magic = file.read(4)
    if magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= 4:
        raise DataError(
            f"path: {file.path} should be {what}, but it begins with {magic.hex()}, which is not "
            "the magic number of an idx file; get the file again"
        )
    shape = struct.unpack(f">{magic[3]}I", file.read(4 * magic[3]))
    return shape, np.dtype(_DTYPES[magic[2]])
