"""Data and networks given from Python, which a configuration cannot name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.protocols import Dataset


def data_from_python() -> Dataset:
    """Stands for data given from Python, `unweave.train(..., data=array)`."""
    raise ConfigError(
        "the run was trained on data given from Python; pass them again: "
        "unweave.Run.open(path, data=...), unweave.resume(path, data=...)"
    )


def networks_from_python(image_shape: tuple[int, int, int], dim: int, outputs: int) -> Any:
    """Stands for networks given from Python, `unweave.train(..., architecture=(e, d))`."""
    raise ConfigError(
        "the run has networks given from Python; pass them again: unweave.Run.open(path, "
        "architecture=(encoder, decoder)), unweave.resume(path, architecture=(encoder, decoder))"
    )


class ArrayData:
    """An array as a data set.

    Parameters
    ----------
    array
        Uint8 images, shape (n, h, w) or (n, h, w, c); or floats, which are not scaled: vectors of
        shape (n, d) or images of shape (n, h, w, c).
    factors : integer array, shape (n, K), optional
        Classes of the factors.

    Raises
    ------
    ConfigError
        If the array has another type or shape, or the factors another number of rows.
    """

    name = "array"
    note = ""
    factor_values: NDArray[np.floating[Any]] | None = None
    factors: NDArray[np.integer[Any]] | None

    def __init__(self, array: NDArray[Any], factors: NDArray[Any] | None = None) -> None:
        array = np.asarray(array)
        expected = "uint8 images (n, h, w[, c]), or floats (n, d) or (n, h, w, c)"
        if array.dtype == np.uint8 and array.ndim in (3, 4):
            self.bits = 8
            array = array[..., None] if array.ndim == 3 else array
        elif array.dtype.kind == "f" and array.ndim in (2, 4):
            self.bits = 32
            array = np.ascontiguousarray(array, np.float32)
            array = array[:, None, :, None] if array.ndim == 2 else array
            if not np.isfinite(array).all():
                raise ConfigError("data must be finite, got NaN or infinity")
        else:
            raise ConfigError(f"data must be {expected}, got {array.dtype} of shape {array.shape}")
        self._array = np.ascontiguousarray(array)
        height, width, colours = array.shape[1:]
        self.image_shape = (int(height), int(width), int(colours))
        self.factors = None if factors is None else _classes(np.asarray(factors), len(array))
        sizes = () if self.factors is None else tuple(self.factors.max(0) + 1)
        self.factor_sizes = tuple(map(int, sizes))
        self.factor_names = tuple(f"factor {k}" for k in range(len(sizes)))

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._array)

    def images(self, index: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return images, shape (n, h, w, c)."""
        rows: NDArray[Any] = self._array[index]
        return rows

    def stored(self, progress: Callable[[int, int], None] | None = None) -> NDArray[Any]:
        """Return the whole array."""
        return self._array


def _classes(factors: NDArray[Any], rows: int) -> NDArray[np.int64]:
    factors = factors[:, None] if factors.ndim == 1 else factors
    if factors.ndim != 2 or len(factors) != rows or factors.dtype.kind not in "iub":
        raise ConfigError(
            f"factors must be integers of shape ({rows}, K), "
            f"got {factors.dtype} of shape {factors.shape}"
        )
    if factors.size and factors.min() < 0:
        raise ConfigError("factors must be classes from 0 on, got a negative one")
    return factors.astype(np.int64)


def as_dataset(data: Any) -> Dataset:
    """Turn a user's data into a data set.

    Parameters
    ----------
    data
        A data set as `unweave_data.load` returns it, an array, a pair (array, factors), or a torch
        Dataset of images (c, h, w) in [0, 1] or of pairs (image, label).

    Raises
    ------
    ConfigError
        If it is not one of these.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, tuple) and len(data) == 2:
        return ArrayData(np.asarray(data[0]), np.asarray(data[1]))
    if hasattr(data, "__array__") or isinstance(data, np.ndarray):
        return ArrayData(np.asarray(data))
    if hasattr(data, "__getitem__") and hasattr(data, "__len__") and len(data):
        return _from_items(data)
    raise ConfigError(
        "data must be a name, an array, a pair (array, factors), a data set of unweave_data or a "
        f"torch Dataset, got {type(data).__name__}"
    )


def _from_items(items: Any) -> Dataset:
    first = items[0]
    labelled = isinstance(first, tuple | list)
    if labelled and len(first) != 2:
        raise ConfigError(f"items of data must be (image, label), got {len(first)} values")
    images, labels = [], []
    for number in range(len(items)):
        item = items[number]
        image = np.asarray(item[0] if labelled else item)
        images.append(image)
        if labelled:
            labels.append(int(item[1]))
    array = np.stack(images)
    if array.ndim == 4:
        array = np.moveaxis(array, 1, 3)
    if array.ndim in (3, 4) and array.dtype.kind == "f" and array.min() >= 0 and array.max() <= 1:
        array = np.round(array * 255).astype(np.uint8)
    return ArrayData(array, np.array(labels) if labelled else None)
