"""Image arrays of any usual form, brought into uint8 (n, h, w, c)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unweave_data.errors import DataError

CHANNELS = (1, 3)


@dataclass(frozen=True)
class Layout:
    """How an image array of some shape and dtype is read.

    `ones` says that uint8 images hold 0 and 1 only, which then stand for 0 and 255.
    """

    image_shape: tuple[int, int, int]
    channels_first: bool
    dtype: np.dtype[np.generic]
    ones: bool = False

    @classmethod
    def of(cls, shape: tuple[int, ...], dtype: DTypeLike) -> "Layout":
        """Recognise the layout of images.

        Parameters
        ----------
        shape
            (n, h, w), (n, h, w, c) or (n, c, h, w), c 1 or 3
        dtype
            uint8, bool or a float

        Raises
        ------
        DataError : any other shape or dtype

        >>> Layout.of((5, 3, 64, 32), np.uint8).image_shape
        (64, 32, 3)

        """
        dtype = np.dtype(dtype)
        if dtype != np.uint8 and dtype != np.bool_ and dtype.kind != "f":
            raise DataError(
                f"images must be uint8, bool or floats in [0, 1], got {dtype}; convert them"
            )
        image_shape, channels_first = _image_shape(tuple(shape))
        return cls(image_shape, channels_first, dtype)

    def seen(self, block: NDArray[np.generic]) -> "Layout":
        """Give this layout, with `ones` set if uint8 images hold nothing above 1.

        Raises
        ------
        DataError : the images cannot be converted

        """
        self.convert(block)
        return replace(self, ones=self.dtype == np.uint8 and bool(block.max() <= 1))

    def convert(self, block: NDArray[np.generic]) -> NDArray[np.uint8]:
        """Convert some of the images.

        A float x becomes round(255 x); True becomes 255.

        Parameters
        ----------
        block
            array, shape (b, ...), with the shape and dtype of this layout

        Returns
        -------
        uint8 array, shape (b, h, w, c)

        Raises
        ------
        DataError : floats outside [0, 1] or NaN; uint8 above 1 where `ones`

        """
        if self.channels_first:
            block = np.moveaxis(block, 1, -1)
        return self._levels(block).reshape(-1, *self.image_shape)

    def _levels(self, block: NDArray[np.generic]) -> NDArray[np.uint8]:
        if self.dtype.kind == "f":
            return _from_floats(block)
        if self.dtype == np.bool_ or self.ones:
            if block.size and int(block.max()) > 1:
                raise DataError(
                    f"images must hold 0 and 1 only, as the first of them do, got {block.max()}"
                )
            return block.astype(np.uint8) * np.uint8(255)
        return np.asarray(block, np.uint8)

    @property
    def note(self) -> str:
        """Say what was changed, or "" where nothing was."""
        said = {
            "channels moved from second to last": self.channels_first,
            f"{self.dtype} images in [0, 1] rounded to uint8": self.dtype.kind == "f",
            "0 and 1 stand for 0 and 255": self.ones or self.dtype == np.bool_,
        }
        return "; ".join(text for text, true in said.items() if true)


@dataclass(frozen=True)
class Pixels:
    """Images in memory: uint8 (n, h, w, c), or packed bits where all pixels are 0 or 255."""

    stored: NDArray[np.uint8]
    image_shape: tuple[int, int, int]
    bits: int
    note: str = ""

    @classmethod
    def collect(
        cls,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        blocks: Iterable[NDArray[np.generic]],
    ) -> "Pixels":
        """Collect images that come in blocks along axis 0.

        Raises
        ------
        DataError : not images (see Layout.of), or values that are none

        """
        layout = Layout.of(shape, dtype)
        pixels = np.empty((shape[0], *layout.image_shape), np.uint8)
        done = 0
        for block in blocks:
            pixels[done : done + len(block)] = layout.convert(block)
            done += len(block)
        if layout.dtype == np.uint8 and pixels.max() <= 1:
            layout = replace(layout, ones=True)
            pixels *= np.uint8(255)
        return cls.of(pixels, layout.note)

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], note: str = "") -> "Pixels":
        """Keep uint8 (n, h, w, c) images, as bits where all pixels are 0 or 255."""
        image_shape = pixels.shape[1:]
        if _only_black_and_white(pixels):
            return cls(pack(pixels), image_shape, 1, note)
        return cls(np.ascontiguousarray(pixels), image_shape, 8, note)


def pack(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Fold black and white images into bits.

    Returns
    -------
    uint8 array, shape (n, ceil(h w c / 8)), numpy.packbits of each flattened image

    """
    return np.packbits(pixels.reshape(len(pixels), -1), axis=1)


def _only_black_and_white(pixels: NDArray[np.uint8]) -> bool:
    # Block by block, as most sets show in the first one that they are grey.
    blocks = (pixels[start : start + 256] for start in range(0, len(pixels), 256))
    return all(bool(((block == 0) | (block == 255)).all()) for block in blocks)


def _from_floats(block: NDArray[np.generic]) -> NDArray[np.uint8]:
    floats: NDArray[np.float32] = block.astype(np.float32)
    low, high = (float(floats.min()), float(floats.max())) if floats.size else (0.0, 0.0)
    if not (low >= 0 and high <= 1):  # also true of NaN
        got = "NaN" if np.isnan(low) else f"values from {low:g} to {high:g}"
        raise DataError(f"float images must lie in [0, 1], got {got}; scale them to [0, 1]")
    pixels: NDArray[np.uint8] = np.rint(floats * np.float32(255)).astype(np.uint8)
    return pixels


def _image_shape(shape: tuple[int, ...]) -> tuple[tuple[int, int, int], bool]:
    if len(shape) not in (3, 4) or 0 in shape:
        raise DataError(f"images must have shape (n, h, w) or (n, h, w, c), got {shape}")
    if len(shape) == 3:
        return (shape[1], shape[2], 1), False
    first, last = shape[1] in CHANNELS, shape[3] in CHANNELS
    if first == last:
        raise DataError(
            f"images must have 1 or 3 channels, last as (n, h, w, c) or second as (n, c, h, w), "
            f"got {shape}{', which could be either' if first else ''}"
        )
    if first:
        return (shape[2], shape[3], shape[1]), True
    return (shape[1], shape[2], shape[3]), False
