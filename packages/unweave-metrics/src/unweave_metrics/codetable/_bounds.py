"""Limits of files: a small file from an unknown source must not fill memory or take minutes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

# A file may unpack to FREE bytes, or to TIMES its size if that is more: codes hardly compress, and
# classes by a factor of some tens.
FREE, TIMES = 2**28, 200

# Each part of a file (a group or a member of an archive) takes about a millisecond.
MOST_PARTS = 5_000

# Each chunk takes a look-up, even if the file does not store it.
MOST_CHUNKS = 100_000


class TooLarge(ValueError):
    """A file exceeds one of the limits."""


class Allowance:
    """The bytes that the arrays of one file may still take."""

    def __init__(self, source: Path) -> None:
        self.remaining = max(FREE, TIMES * source.stat().st_size)

    def spend(self, count: int, itemsize: int, where: str) -> None:
        """Subtract the bytes of an array, or refuse it."""
        size = count * itemsize
        if size > self.remaining:
            raise TooLarge(
                f"{where} unpacks to {size / 1e9:.3g} GB, but a file of this size may unpack to "
                f"only {self.remaining / 1e9:.3g} GB more; store the numbers without empty parts"
            )
        self.remaining -= size


def check_parts(count: int, source: Path) -> None:
    """Refuse a file of many more parts than tables of models have."""
    if count > MOST_PARTS:
        raise TooLarge(
            f"{source} must have at most {MOST_PARTS:,} parts, got {count:,}; store its tables in "
            "several files"
        )


def check_chunks(data: Any, where: str) -> None:
    """Refuse an HDF5 data set of too many chunks."""
    if data.chunks is None:
        return
    pairs = zip(data.shape, data.chunks, strict=True)
    count = math.prod(-(-size // chunk) for size, chunk in pairs)
    if count > MOST_CHUNKS:
        raise ValueError(
            f"{where} must have at most {MOST_CHUNKS:,} chunks, got {count:,}; store it in larger "
            "chunks"
        )


def npy_size(file: Any) -> tuple[int, int]:
    """Return the number of items in the header of an npy stream, and the size of one in bytes.

    Headers of object arrays are read too.
    """
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read_header = np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return math.prod(shape), dtype.itemsize
