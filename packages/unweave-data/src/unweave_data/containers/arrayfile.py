"""The common interface of npz, npy and HDF5: read arrays whole, in blocks, or by row."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 1 << 24


@dataclass(frozen=True)
class Header:
    """Shape, dtype and order of an array, from the header of its file."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    fortran_order: bool = False

    @property
    def size(self) -> int:
        """Size of the array in bytes."""
        return math.prod(self.shape) * self.dtype.itemsize

    @property
    def row_bytes(self) -> int:
        """Size of a row in bytes, at least 1."""
        return max(1, math.prod(self.shape[1:]) * self.dtype.itemsize)


class Rows(Protocol):
    """Rows of an array on the disk, which any thread may read in any order."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    note: str

    def read(self, index: NDArray[np.int64]) -> NDArray[Any]:
        """Read rows, shape (n, ...)."""


class ArrayFile(Protocol):
    """A file of named arrays."""

    path: Path
    what: str

    @property
    def names(self) -> list[str]:
        """Names of the arrays."""

    def has(self, name: str) -> bool:
        """Return whether the file has an array of this name."""

    def header(self, name: str) -> Header:
        """Read shape and dtype of an array."""

    def read(self, name: str) -> NDArray[Any]:
        """Read an array as a whole."""

    def blocks(self, name: str) -> Iterator[NDArray[Any]]:
        """Read an array in blocks along axis 0."""

    def rows(self, name: str) -> Rows | None:
        """Return access to single rows, or None if the array can only be read in order."""

    def attribute(self, name: str, key: str) -> Any:
        """Return an attribute of an array, or None."""
