"""How much a file may ask for: a small one from a stranger must not fill memory or take minutes."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

# A file may unpack to this many bytes, or to this many times its size where that is more: codes
# hardly compress, classes by some tens.
FREE, TIMES = 2**28, 200

# Each part of a file, a group or a member of an archive, costs about a millisecond.
MOST_PARTS = 5_000

# Each chunk costs a look-up even where nothing is stored of it.
MOST_CHUNKS = 100_000


class TooLarge(ValueError):
    """A file asks for more than it may."""


class Allowance:
    """The bytes that the arrays of one file may still take."""

    def __init__(self, source: Path) -> None:
        self.remaining = max(FREE, TIMES * source.stat().st_size)

    def spend(self, count: int, itemsize: int, where: str) -> None:
        """Take an array's bytes off, or refuse it."""
        size = count * itemsize
        if size > self.remaining:
            raise TooLarge(
                f"{where} asks for {size / 1e9:.3g} GB, but a file of this size may only unpack to "
                f"{self.remaining / 1e9:.3g} GB more; store its numbers without empty parts"
            )
        self.remaining -= size


def check_parts(count: int, source: Path) -> None:
    """Refuse a file of far more parts than anybody has models."""
    if count > MOST_PARTS:
        raise TooLarge(
            f"{source} has {count:,} parts, at most {MOST_PARTS:,} are read; store its tables in "
            "several files"
        )


def check_chunks(data: Any, where: str) -> None:
    """Refuse an HDF5 data set that is cut into far more chunks than its numbers are worth."""
    if data.chunks is None:
        return
    pairs = zip(data.shape, data.chunks, strict=True)
    count = math.prod(-(-size // chunk) for size, chunk in pairs)
    if count > MOST_CHUNKS:
        raise ValueError(
            f"{where} is cut into {count:,} chunks, at most {MOST_CHUNKS:,} are read; use "
            "larger chunks"
        )


def npy_size(file: Any) -> tuple[int, int]:
    """Return how many items an npy stream declares, and the bytes of each; object arrays too."""
    version = np.lib.format.read_magic(file)
    read_header = np.lib.format.read_array_header_1_0
    if version != (1, 0):
        read_header = np.lib.format.read_array_header_2_0
    shape, _, dtype = read_header(file)
    return math.prod(shape), dtype.itemsize
