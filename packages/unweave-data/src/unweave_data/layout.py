"""Convert image arrays of any usual shape and dtype to uint8 (n, h, w, c)."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from unweave_data.errors import DataError
from unweave_data.levels import LevelStatistics, Scale, choose_scale, needs_look

# Largest length of the axis of the channels.
MOST_CHANNELS = 16
_USUAL_CHANNELS = ((1, 3), (1, 2, 3, 4), tuple(range(1, MOST_CHANNELS + 1)))

Blocks = Callable[[], Iterable[NDArray[Any]]]


@dataclass(frozen=True)
class ReadOptions:
    """Options for reading images.

    `range` is an argument of `choose_scale`, or "keep" for floats of any size. `channels` is
    "first" or "last", for shapes that do not show it. `background` is the colour under transparent
    pixels, or None to keep alpha as one more channel.
    """

    range: str = ""
    channels: str = ""
    background: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Layout:
    """How an image array of some shape and dtype is converted.

    `ones` says that uint8 images contain only 0 and 1, which then stand for 0 and 255.
    """

    image_shape: tuple[int, int, int]
    channels_first: bool
    dtype: np.dtype[Any]
    scale: Scale | None = None
    ones: bool = False
    keep: bool = False
    background: tuple[int, int, int] | None = None

    @classmethod
    def of(
        cls,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        options: ReadOptions | None = None,
        blocks: Blocks | None = None,
    ) -> "Layout":
        """Determine the layout of images.

        Parameters
        ----------
        shape
            (n, h, w), (n, h, w, c) or (n, c, h, w), c at most 16
        dtype
            bool, an integer or a float
        options
            options for reading
        blocks
            function that returns the images, for a scale that depends on their levels

        Raises
        ------
        DataError
            For any other shape or dtype.

        Examples
        --------
        >>> Layout.of((5, 3, 64, 32), np.uint8).image_shape
        (64, 32, 3)
        """
        options, dtype = options or ReadOptions(), np.dtype(dtype)
        if dtype.kind not in "biuf":
            raise DataError(f"images must be integers, bool or floats, got {dtype}; convert them")
        image_shape, first = _image_shape(tuple(shape), options.channels)
        background = options.background if image_shape[2] in (2, 4) else None
        if background is not None:
            image_shape = (*image_shape[:2], image_shape[2] - 1)
        if options.range == "keep":
            return cls(image_shape, first, dtype, keep=True)
        look = blocks is not None and needs_look(options.range, dtype)
        statistics = LevelStatistics.of(dtype, blocks()) if look and blocks is not None else None
        scale = choose_scale(options.range, dtype, statistics)
        return cls(image_shape, first, dtype, scale, background=background)

    @property
    def bits(self) -> int:
        """Bits of a converted number: 8, or 32 for floats."""
        return 32 if self.keep else 8

    @property
    def out(self) -> DTypeLike:
        """Dtype of converted images."""
        return np.float32 if self.keep else np.uint8

    def detect_ones(self, block: NDArray[Any]) -> "Layout":
        """Return this layout, with `ones` set if no uint8 image has a level above 1.

        Raises
        ------
        DataError
            If the images cannot be converted.
        """
        self.convert(block)
        plain = self.dtype == np.uint8 and self.scale is None and not self.keep
        return replace(self, ones=plain and bool(block.max() <= 1))

    def convert(self, block: NDArray[Any]) -> NDArray[Any]:
        """Convert some of the images.

        Parameters
        ----------
        block
            array, shape (b, ...), with the shape and dtype of this layout

        Returns
        -------
        uint8 array, shape (b, h, w, c); float32 if `keep`

        Raises
        ------
        DataError
            For levels that the scale refuses, and for levels above 1 if `ones`.
        """
        if self.channels_first:
            block = np.moveaxis(block, 1, -1)
        if self.keep:
            return _floats(block).reshape(-1, *self.image_shape)
        pixels = self._levels(block)
        if self.background is not None:
            pixels = lay_on(pixels, self.background)
        return pixels.reshape(-1, *self.image_shape)

    def _levels(self, block: NDArray[Any]) -> NDArray[np.uint8]:
        if self.scale is not None:
            return self.scale(block)
        if self.dtype == np.bool_ or self.ones:
            if block.size and int(block.max()) > 1:
                raise DataError(
                    "images must contain only 0 and 1, as the first ones do, got "
                    f"{block.max()}; save all of them with levels 0 to 255"
                )
            return block.astype(np.uint8) * np.uint8(255)
        return np.asarray(block, np.uint8)

    @property
    def note(self) -> str:
        """Text of what the conversion changes, or "" if nothing."""
        over = self.background
        changes = {
            "channels moved from second to last": self.channels_first,
            self.scale.note if self.scale else "": self.scale is not None,
            f"{self.dtype} levels kept as they are": self.keep,
            "0 and 1 stand for 0 and 255": self.ones or (self.dtype == np.bool_ and not self.keep),
            f"transparent pixels over {over}": over is not None,
            "4 channels kept; if the last is alpha, set background=black or background=white":
                self.image_shape[2] == 4,
        }  # fmt: skip
        return "; ".join(text for text, true in changes.items() if true)


@dataclass(frozen=True)
class Pixels:
    """Images in memory.

    uint8 (n, h, w, c), packed bits where all pixels are 0 or 255, or float32 (n, h, w, c).
    """

    stored: NDArray[Any]
    image_shape: tuple[int, int, int]
    bits: int
    note: str = ""

    @classmethod
    def collect(
        cls,
        shape: tuple[int, ...],
        dtype: DTypeLike,
        blocks: Blocks,
        options: ReadOptions | None = None,
    ) -> "Pixels":
        """Collect images from blocks along axis 0, which are read twice if levels set the scale.

        Raises
        ------
        DataError
            For arrays that are not images (see Layout.of), or values that are not pixels.
        """
        layout = Layout.of(shape, dtype, options, blocks)
        pixels = np.empty((shape[0], *layout.image_shape), layout.out)
        row = 0
        for block in blocks():
            pixels[row : row + len(block)] = layout.convert(block)
            row += len(block)
        if layout.keep:
            return cls(pixels, layout.image_shape, 32, layout.note)
        if layout.dtype == np.uint8 and layout.scale is None and pixels.max() <= 1:
            layout = replace(layout, ones=True)
            pixels *= np.uint8(255)
        return cls.of(pixels, layout.note)

    @classmethod
    def of(cls, pixels: NDArray[np.uint8], note: str = "") -> "Pixels":
        """Store uint8 (n, h, w, c) images, as bits if all pixels are 0 or 255."""
        image_shape = pixels.shape[1:]
        if _only_black_and_white(pixels):
            return cls(pack(pixels), image_shape, 1, note)
        return cls(np.ascontiguousarray(pixels), image_shape, 8, note)


def pack(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Pack black and white images into bits.

    Returns
    -------
    uint8 array, shape (n, ceil(h w c / 8)), numpy.packbits of each flattened image

    """
    return np.packbits(pixels.reshape(len(pixels), -1), axis=1)


def lay_on(pixels: NDArray[np.uint8], background: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Composite images x with alpha over a colour b: round(a x + (1 - a) b), a = alpha / 255.

    Parameters
    ----------
    pixels
        uint8 array, shape (..., 2) for grey and alpha, or (..., 4) for colour and alpha
    background
        b, red, green and blue from 0 to 255; for grey images their mean

    Returns
    -------
    uint8 array, shape (..., 1) or (..., 3)

    Examples
    --------
    >>> lay_on(np.array([[200, 100, 0, 51]], np.uint8), (255, 255, 255)).tolist()
    [[244, 224, 204]]
    """
    colour, alpha = pixels[..., :-1].astype(np.uint16), pixels[..., -1:].astype(np.uint16)
    grey = colour.shape[-1] == 1
    under = np.array([round(sum(background) / 3)] if grey else background, np.uint16)
    mixed = colour * alpha + under * (255 - alpha)
    return ((mixed + np.uint16(127)) // np.uint16(255)).astype(np.uint8)


def _only_black_and_white(pixels: NDArray[np.uint8]) -> bool:
    # In blocks, because the first one already shows for most sets that they have other levels.
    blocks = (pixels[start : start + 256] for start in range(0, len(pixels), 256))
    return all(bool(((block == 0) | (block == 255)).all()) for block in blocks)


def _floats(block: NDArray[Any]) -> NDArray[np.float32]:
    with np.errstate(over="ignore"):  # an overflow is infinite, and refused below
        floats = block.astype(np.float32)
    if not np.isfinite(floats).all():
        raise DataError("images must be finite in float32, got NaN, infinity or more than 3.4e38")
    return floats


def _image_shape(shape: tuple[int, ...], channels: str) -> tuple[tuple[int, int, int], bool]:
    if channels not in ("", "first", "last"):
        raise DataError(f"channels must be 'first' or 'last', got {channels[:80]!r}")
    if len(shape) not in (3, 4) or 0 in shape or math.prod(shape) >= 1 << 63:
        raise DataError(f"images must have shape (n, h, w) or (n, h, w, c), got {str(shape)[:80]}")
    if len(shape) == 3:
        return (shape[1], shape[2], 1), False
    first = channels == "first" or (not channels and _channels_are_first(shape))
    if first:
        return (shape[2], shape[3], shape[1]), True
    return (shape[1], shape[2], shape[3]), False


def _channels_are_first(shape: tuple[int, ...]) -> bool:
    """Return whether the channels are axis 1: their axis has a usual number of channels."""
    for usual in _USUAL_CHANNELS:
        first, last = shape[1] in usual, shape[3] in usual
        if first and last:
            raise DataError(
                f"images of shape {shape} could have their channels second or last; set "
                "channels=first or channels=last"
            )
        if first or last:
            return first
    raise DataError(
        f"images must have shape (n, h, w, c) or (n, c, h, w) with at most {MOST_CHANNELS} "
        f"channels, got {shape}; set channels=first or channels=last if there are more"
    )
