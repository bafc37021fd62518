"""Open image files with Pillow, without starting other programs or filling the memory."""

import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.errors import DataError

if TYPE_CHECKING:
    from PIL.Image import Image

# An explicit list, because Pillow would open an EPS of any suffix with Ghostscript.
FORMATS = ("BMP", "DIB", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
SUFFIXES = frozenset(
    f".{s}" for s in ("bmp", "gif", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp")
)
TRANSPARENT = frozenset({"LA", "La", "PA", "RGBA", "RGBa"})

# Pillow warns above 89.4 million pixels. An image with more than 16 million pixels and more than
# 400 per byte of its file has only one colour, and is made to fill the memory.
_MOST_PIXELS = 89_000_000
_MANY_PIXELS = 1 << 24
_MOST_TIMES = 400
# Larger images are decoded one at a time, so that threads together do not take too much memory.
_LARGE_PIXELS = 1 << 23
_one_large = threading.Lock()
# Tags of TIFF 6.0, and values of its SampleFormat.
_BITS_PER_SAMPLE, _SAMPLE_FORMAT = 258, 339
_UNSIGNED, _SIGNED = 1, 2


@contextmanager
def open_picture(file: Path) -> "Iterator[Image]":
    """Open an image file; every error while it is open becomes a DataError.

    Raises
    ------
    DataError
        If the file is not regular, not an image of a known format, damaged, too large, or a TIFF of
        int8.
    """
    from PIL import Image

    try:
        # Checked before it is opened, because opening a pipe waits for a writer.
        if not stat.S_ISREG(file.stat().st_mode):
            raise DataError(f"path: {file} is not a regular file; remove it")
        with file.open("rb") as stream, Image.open(stream, formats=FORMATS) as image:
            large = _check_size(file, image)
            _check_sign(file, image)
            with _one_large if large else _nothing():
                yield image
    except PermissionError:
        raise DataError(f"path: no permission to read {file}; change its permissions") from None
    except FileNotFoundError:
        raise DataError(f"path: {file} does not exist; give the path of an image") from None
    except DataError:
        raise
    except Image.DecompressionBombError:
        raise _too_large(file) from None
    except Exception as error:  # for a damaged file Pillow's decoders may raise anything
        raise DataError(
            f"path: {file} cannot be decoded ({type(error).__name__}); get it again or remove it"
        ) from None


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress Pillow's warnings about metadata; only in the main thread, as filters are global."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _check_size(file: Path, image: "Image") -> bool:
    pixels = image.width * image.height
    size = file.stat().st_size
    if pixels > _MOST_PIXELS or (pixels > _MANY_PIXELS and pixels > _MOST_TIMES * size):
        raise _too_large(file)
    return pixels > _LARGE_PIXELS


def _check_sign(file: Path, image: "Image") -> None:
    """Refuse a TIFF of int8, whose negative levels Pillow reads as 128 to 255."""
    tags = getattr(image, "tag_v2", {})
    if image.mode == "L" and _SIGNED in tags.get(_SAMPLE_FORMAT, ()):
        raise DataError(f"path: {file} has int8 levels, which are not read; save it as int16")


def _too_large(file: Path) -> DataError:
    return DataError(
        f"path: {file} has too many pixels to decode it safely; make it smaller or remove it"
    )


def is_deep(image: "Image") -> bool:
    """Return whether grey levels have more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def is_unsigned(image: "Image") -> bool:
    """Return whether a file that was just opened has uint32 levels, which Pillow reads as int32."""
    tags = getattr(image, "tag_v2", {})
    bits, formats = tags.get(_BITS_PER_SAMPLE), tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))
    return image.mode == "I" and bits == (32,) and formats == (_UNSIGNED,)


def deep_levels(image: "Image", file: Path, unsigned: bool) -> NDArray[Any]:
    """Return the levels of a deep image: uint16, int32, uint32 or float32, shape (h, w).

    Parameters
    ----------
    unsigned
        whether the file has uint32 levels

    Raises
    ------
    DataError
        For NaN or infinity.
    """
    levels = np.asarray(image)
    if levels.dtype.kind == "f" and not np.isfinite(levels).all():
        raise DataError(f"path: {file} must have finite levels, got NaN or infinity; remove it")
    levels = levels.astype(levels.dtype.newbyteorder("="), copy=False)
    return levels.view(np.uint32) if unsigned else levels
