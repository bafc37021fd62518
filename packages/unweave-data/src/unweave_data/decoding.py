"""Decode image files to arrays of one size: upright, opaque, cropped and resized."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError
from unweave_data.levels import LevelStatistics, Scale
from unweave_data.pictures import TRANSPARENT, deep_levels, is_deep, is_unsigned, open_picture

if TYPE_CHECKING:
    from PIL.Image import Image

FITS = ("crop", "stretch", "pad", "keep")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})
LARGEST = 1024


@dataclass(frozen=True)
class Look:
    """Facts about an image file from its header; size is (width, height) of the upright image.

    `deep` says that grey levels have more than 8 bits, and `cut` that Pillow reduces colours of 16
    bits to 8.
    """

    size: tuple[int, int]
    grey: bool
    transparent: bool
    deep: bool
    cut: bool


@dataclass(frozen=True)
class Decoder:
    """Decodes image files to uint8 (h, w, channels).

    Parameters
    ----------
    size
        (h, w) of the result
    channels
        1 for grey, 3 for colour, 4 for colour and alpha
    fit
        "crop" crops the centre to the proportions of `size`, "stretch" changes the proportions,
        "pad" scales the image into `size` and fills the rest with `background`, "keep" accepts only
        images of this size
    background
        red, green and blue under transparent pixels and beside padded images
    centre
        side in pixels of a square that is first cropped from the centre; 0 for none
    scale
        scale of grey levels of more than 8 bits

    """

    size: tuple[int, int]
    channels: int = 3
    fit: str = "crop"
    background: tuple[int, int, int] = (0, 0, 0)
    centre: int = 0
    scale: Scale | None = None

    def __call__(self, file: Path) -> NDArray[np.uint8]:
        """Decode a file.

        Raises
        ------
        DataError
            If the file cannot be decoded, or has another size and `fit` is "keep".
        """
        with open_picture(file) as image:
            unsigned = is_unsigned(image)  # an upright copy lacks the tags of the file
            image.load()
            plain = self._plain(_upright(image), file, unsigned)
            if self.centre:
                plain = _centre(plain, self.centre, file)
            pixels = np.asarray(self._fit_size(plain, file), np.uint8)
        return pixels.reshape(*self.size, self.channels)

    def _plain(self, image: "Image", file: Path, unsigned: bool) -> "Image":
        from PIL import Image

        if is_deep(image):
            grey, alpha = self._eight_bits(image, file, unsigned)
            image = Image.fromarray(grey)
            if alpha is not None:
                image.putalpha(Image.fromarray(alpha))
        mode = _MODES[self.channels]
        if mode == "RGBA" or not is_transparent(image):
            return image.convert(mode)
        top = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", top.size, self.background), top).convert(
            mode
        )

    def _eight_bits(
        self, image: "Image", file: Path, unsigned: bool
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8] | None]:
        """Scale deep levels to 8 bits; a level that the PNG declares transparent has alpha 0."""
        levels = deep_levels(image, file, unsigned)
        clear = image.info.get("transparency")
        assert self.scale is not None
        try:
            grey = self.scale(levels)
        except DataError as error:
            raise DataError(f"path: {file}: {error}") from None
        if not isinstance(clear, int):
            return grey, None
        return grey, np.where(levels == clear, np.uint8(0), np.uint8(255))

    def _fit_size(self, image: "Image", file: Path) -> "Image":
        from PIL import ImageOps
        from PIL.Image import Resampling

        size = (self.size[1], self.size[0])
        if image.size == size:
            return image
        if self.fit == "crop":
            return ImageOps.fit(image, size, Resampling.LANCZOS)
        if self.fit == "pad":
            return ImageOps.pad(image, size, Resampling.LANCZOS, color=self._padding())
        if self.fit == "stretch":
            return image.resize(size, Resampling.LANCZOS)
        raise DataError(
            f"path: {file} has {image.size[0]} x {image.size[1]} pixels (width x height), but the "
            f"first image has {size[0]} x {size[1]}; set fit=crop, fit=pad or fit=stretch"
        )

    def _padding(self) -> Any:
        grey = round(sum(self.background) / 3)
        return {1: grey, 3: self.background, 4: (*self.background, 255)}[self.channels]


def check_fit(resolution: int, channels: int | None, fit: str) -> None:
    """Check the options of the size of images.

    Raises
    ------
    DataError
        If a value is not allowed.
    """
    if not isinstance(resolution, int) or not 8 <= resolution <= LARGEST:
        raise DataError(f"resolution must be an integer from 8 to {LARGEST}, got {resolution!r}")
    if channels is not None and channels not in _MODES:
        raise DataError(f"channels must be 1, 3 or 4, got {channels!r}")
    if fit not in FITS:
        raise DataError(f"fit must be one of {', '.join(FITS)}, got {fit[:80]!r}")


def look(file: Path) -> Look:
    """Read the header of an image file without decoding the image.

    Raises
    ------
    DataError
        If the file is not an image.
    """
    with open_picture(file) as image:
        size = image.size
        if image.getexif().get(0x0112, 1) >= 5:  # orientations that are rotated by 90 degrees
            size = size[::-1]
        # Pillow reduces colours of 16 bits to 8 when it decodes.
        cut = not is_deep(image) and ";16" in str(getattr(image, "tile", ""))
        return Look(size, image.mode in _GREY, is_transparent(image), is_deep(image), cut)


def levels_of(files: Sequence[Path]) -> LevelStatistics:
    """Collect statistics of the levels of deep images, which must have one type.

    Raises
    ------
    DataError
        If a file cannot be decoded, or some files have integers and others floats.
    """
    statistics: LevelStatistics | None = None
    for file in files:
        with open_picture(file) as image:
            unsigned = is_unsigned(image)
            image.load()
            levels = deep_levels(image, file, unsigned)
        statistics = statistics or LevelStatistics(levels.dtype)
        if statistics.dtype.kind != levels.dtype.kind:
            raise DataError(
                f"path: {file} has {levels.dtype} levels, but others have {statistics.dtype}; put "
                "only images of one type into the folder"
            )
        statistics.add(levels)
    assert statistics is not None
    return statistics


def is_transparent(image: "Image") -> bool:
    """Return whether an image has an alpha channel or a transparent colour."""
    return image.mode in TRANSPARENT or "transparency" in image.info


def _upright(image: "Image") -> "Image":
    from PIL import ImageOps

    return ImageOps.exif_transpose(image) or image


def _centre(image: "Image", side: int, file: Path) -> "Image":
    w, h = image.size
    if side > min(w, h):
        raise DataError(f"crop must be at most {min(w, h)}, the shorter side of {file}, got {side}")
    left, top = (w - side) // 2, (h - side) // 2
    return image.crop((left, top, left + side, top + side))
