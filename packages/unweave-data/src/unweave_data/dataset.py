"""Data sets: images by index, and factors if they are known."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_data.errors import DataError
from unweave_data.factors import UNKNOWN, Factors, make_factors
from unweave_data.layout import Pixels

Progress = Callable[[int, int], object]
Pixel = np.uint8 | np.float32


class Dataset:
    """Images and their factors: the base class of all data sets.

    `holdout` is the set of the images that the option `holdout` removed, and `excluded` the set of
    those that `keep` and `correlate` removed; None if there are none. `continuous_factors` are the
    names of the factors whose classes are bins of their values.

    Parameters
    ----------
    name
        name of the set
    size
        N, the number of images
    image_shape
        (h, w, c)
    factors
        classes, values, names and sizes of the factors, if known
    note
        one line of information for the user, or ""
    bits
        8; 1 if every pixel is 0 or 255; 32 if the set consists of float32 numbers of any size
    """

    holdout: "Dataset | None" = None
    excluded: "Dataset | None" = None

    def __init__(
        self,
        name: str,
        size: int,
        image_shape: tuple[int, int, int],
        *,
        factors: Factors = UNKNOWN,
        note: str = "",
        bits: int = 8,
    ) -> None:
        self.name = name
        self.image_shape = image_shape
        self.note = note
        self.bits = bits
        self.factor_names = factors.names
        self.factor_sizes = factors.sizes
        self.continuous_factors = factors.continuous
        self._size = size
        self._factors = factors

    def __len__(self) -> int:
        return self._size

    def __repr__(self) -> str:
        h, w, c = self.image_shape
        return f"<{self.name}: {len(self)} images of {h} x {w} x {c}>"

    @property
    def factors(self) -> NDArray[np.unsignedinteger] | None:
        """Factor classes, unsigned integers of shape (N, K), or None where unknown."""
        return self._factors.classes

    @property
    def factor_values(self) -> NDArray[np.floating] | None:
        """Factor values, floats of shape (N, K), or None where unknown."""
        return self._factors.values

    @property
    def all_factors(self) -> Factors:
        """Classes, values, names and sizes of the factors."""
        return Factors(
            self.factors,
            self.factor_values,
            self.factor_names,
            self.factor_sizes,
            self.continuous_factors,
        )

    def images(self, index: ArrayLike) -> NDArray[Pixel]:
        """Return the images at some indices.

        Parameters
        ----------
        index
            integer array, shape (n,), values 0 <= index < N

        Returns
        -------
        array, shape (n, h, w, c): uint8, or float32 if `bits` is 32

        Raises
        ------
        DataError
            If index is not a 1-D array of integers, or an entry is out of range.
        """
        return self._read(check_index(index, len(self)))

    def stored(self, progress: Progress | None = None) -> NDArray[Pixel] | None:
        """Return the whole set in the form in which it is in memory; do not change this array.

        Parameters
        ----------
        progress
            function that is called as progress(done, total) at times if this takes long

        Returns
        -------
        If `bits` is 8, a uint8 array of shape (N, h, w, c); if 1, a uint8 array of shape
        (N, ceil(h w c / 8)) from numpy.packbits; if 32, a float32 array of shape (N, h, w, c).
        None if the set stays on the disk or its images are generated at each access.

        """
        raise NotImplementedError

    def _read(self, index: NDArray[np.int64]) -> NDArray[Pixel]:
        raise NotImplementedError


class ArrayDataset(Dataset):
    """Images in memory.

    Parameters
    ----------
    images
        array, shape (n, h, w), (n, h, w, c) or (n, c, h, w) with up to 16 channels; uint8, bool,
        other integers of at least 0, or floats in [0, 1]
    name
        name of the set
    factors
        integer classes or float values, shape (n, k) or (n,), or None
    factor_values
        floats, shape (n, k), or None
    factor_names, factor_sizes
        name and number of classes of each of the k factors, or empty
    note
        one line of information for the user

    Raises
    ------
    DataError
        If images or factors have a shape, a dtype or values that are not allowed.

    Examples
    --------
    >>> data = ArrayDataset(np.eye(8)[None].repeat(3, axis=0), factors=[0, 1, 1])
    >>> len(data), data.image_shape, data.bits, data.factor_sizes
    (3, (8, 8, 1), 1, (2,))
    >>> data.images([2])[0, :2, :3, 0].tolist()
    [[255, 0, 0], [0, 255, 0]]
    """

    def __init__(
        self,
        images: ArrayLike,
        *,
        name: str = "arrays",
        factors: ArrayLike | None = None,
        factor_values: ArrayLike | None = None,
        factor_names: Sequence[str] = (),
        factor_sizes: Sequence[int] = (),
        note: str = "",
    ) -> None:
        images = np.asarray(images)
        pixels = Pixels.collect(images.shape, images.dtype, lambda: [images])
        factor_table = make_factors(len(images), factors, factor_values, factor_names, factor_sizes)
        self._keep(name, pixels, factor_table, note)

    @classmethod
    def of(cls, pixels: Pixels, *, name: str, factors: Factors, note: str = "") -> "ArrayDataset":
        """Return a set of pixels and factors that have been checked."""
        data = cls.__new__(cls)
        data._keep(name, pixels, factors, note)
        return data

    def _keep(self, name: str, pixels: Pixels, factors: Factors, note: str) -> None:
        self._pixels = pixels
        Dataset.__init__(
            self,
            name,
            len(pixels.stored),
            pixels.image_shape,
            factors=factors,
            note="; ".join(part for part in (note, pixels.note, factors.note) if part),
            bits=pixels.bits,
        )

    def stored(self, progress: Progress | None = None) -> NDArray[np.uint8]:
        """Return the whole set in the form in which it is in memory; do not change this array."""
        return self._pixels.stored

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.uint8]:
        rows = self._pixels.stored[index]
        return unpack(rows, self.image_shape) if self.bits == 1 else rows


def unpack(packed: NDArray[np.uint8], image_shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Turn packed bits into pixels of 0 and 255.

    Parameters
    ----------
    packed
        uint8 array, shape (n, ceil(h w c / 8))
    image_shape
        (h, w, c)

    Returns
    -------
    uint8 array, shape (n, h, w, c)

    Examples
    --------
    >>> unpack(np.array([[0b10010000]], np.uint8), (2, 2, 1)).tolist()
    [[[[255], [0]], [[0], [255]]]]
    """
    h, w, c = image_shape
    bits = np.unpackbits(packed, axis=1, count=h * w * c)
    return (bits * np.uint8(255)).reshape(-1, h, w, c)


def check_index(index: ArrayLike, size: int) -> NDArray[np.int64]:
    """Return an index as int64 after checking that it is valid for a set of `size` images.

    Raises
    ------
    DataError
        If index is not a 1-D array of integers, or an entry is not in [0, size).

    Examples
    --------
    >>> check_index([0, 2], 3)
    array([0, 2])
    """
    try:
        array = np.asarray(index)
    except ValueError:
        raise DataError("index must be an integer array of shape (n,), got nested lists") from None
    if array.ndim != 1 or not (np.issubdtype(array.dtype, np.integer) or array.size == 0):
        hint = "; use numpy.flatnonzero(mask) for a mask" if array.dtype == bool else ""
        raise DataError(
            f"index must be an integer array of shape (n,), got {_kind(index, array)}{hint}"
        )
    if array.size and (array.min() < 0 or array.max() >= size):
        worst = array.min() if array.min() < 0 else array.max()
        raise DataError(f"index must lie between 0 and {size - 1}, got {worst}")
    return array.astype(np.int64)


def _kind(index: ArrayLike, array: NDArray[np.generic]) -> str:
    if array.dtype == object or array.ndim == 0:
        return repr(index)[:60]
    return f"{array.dtype} of shape {array.shape}"
