"""A folder of images of any size and mode."""

import os
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.errors import DataError
from unweave_data.factors import Factors, make_factors
from unweave_data.files import check_memory, directory, required
from unweave_data.layout import CHANNELS, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

SUFFIXES = frozenset(
    f".{s}" for s in ("bmp", "gif", "jpeg", "jpg", "pgm", "png", "ppm", "tif", "tiff", "webp")
)
FITS = ("crop", "stretch")
_LARGEST = 1024
_GREY = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16B", "I;16L", "I;16N", "F"})


@dataclass(frozen=True)
class _Seen:
    """What an image file says of itself before it is decoded."""

    size: tuple[int, int]
    grey: bool
    transparent: bool


def images(
    *,
    path: Path | None = None,
    resolution: int = 64,
    channels: int | None = None,
    fit: str = "crop",
) -> Dataset:
    """Read a folder of images, each resized to a square of `resolution` pixels.

    Images are turned as their camera says, transparent pixels come over black, 16 bits become 8, of
    an animation the first frame is taken. Where the folder has two or more sub-folders with images,
    these are the classes of one factor `class`, in order of their names. Order: by path.

    Parameters
    ----------
    path
        folder with bmp, gif, jpg, pgm, png, ppm, tif or webp files, or with sub-folders of them
    resolution
        rows and columns, 8 to 1024
    channels
        1 grey or 3 colour; else 1 where all images are grey
    fit
        "crop" cuts the centred square out, "stretch" keeps everything and changes proportions

    Raises
    ------
    DataError : no folder, no images, a damaged one, or one too large to unpack safely

    """
    _check_options(resolution, channels, fit)
    folder = directory(required(path, "the folder of images"), "a folder of images")
    files, others = _find(folder)
    with _pillow_warnings(), ThreadPoolExecutor(os.cpu_count()) as pool:
        seen = list(pool.map(_look, files))
        count = channels or (1 if all(one.grey for one in seen) else 3)
        shape = (len(files), resolution, resolution, count)
        check_memory(int(np.prod(shape)), folder, "a set of all images")
        pixels = np.empty(shape, np.uint8)

        def decode(i: int) -> None:
            pixels[i] = _decode(files[i], resolution, count, fit)

        list(pool.map(decode, range(len(files))))
    note = _note(seen, resolution, fit, others)
    factors = _classes(folder, files)
    return ArrayDataset.of(Pixels.of(pixels), name="images", factors=factors, note=note)


def _check_options(resolution: int, channels: int | None, fit: str) -> None:
    if not isinstance(resolution, int) or not 8 <= resolution <= _LARGEST:
        raise DataError(f"resolution must be an integer from 8 to {_LARGEST}, got {resolution!r}")
    if channels is not None and channels not in CHANNELS:
        raise DataError(f"channels must be 1 or 3, got {channels!r}")
    if fit not in FITS:
        raise DataError(f"fit must be one of {', '.join(FITS)}, got {fit!r}")


def _find(folder: Path) -> tuple[list[Path], int]:
    """List image files in order of their paths, and count other files."""
    found = [file for file in _walk(folder) if file.suffix.lower() in SUFFIXES]
    if not found:
        raise DataError(
            f"path: {folder} holds no images ({', '.join(sorted(SUFFIXES))}); give a folder of them"
        )
    at_top = sum(file.parent == folder for file in found)
    if 0 < at_top < len(found):
        raise DataError(
            f"path: {folder} holds {at_top} images itself and {len(found) - at_top} in "
            "sub-folders; put all into sub-folders, or none"
        )
    return found, sum(1 for _ in _walk(folder)) - len(found)


def _walk(folder: Path) -> Iterator[Path]:
    def refuse(error: OSError) -> None:
        raise DataError(
            f"path: {error.filename} may not be read; give yourself read permission, or move it out"
        ) from None

    for parent, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _classes(folder: Path, files: Sequence[Path]) -> Factors:
    classes = [file.relative_to(folder).parts[0] for file in files]
    names, index = np.unique(classes, return_inverse=True)
    if len(names) < 2 or files[0].parent == folder:
        return make_factors(len(files), None)
    return make_factors(len(files), index.ravel(), names=("class",), sizes=(len(names),))


@contextmanager
def _pillow_warnings() -> Iterator[None]:
    """Make Pillow's warning of a decompression bomb an error, and keep its others quiet."""
    from PIL.Image import DecompressionBombWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", DecompressionBombWarning)
        yield


@contextmanager
def _opened(file: Path) -> "Iterator[Image]":
    from PIL import Image

    try:
        with file.open("rb") as stream, Image.open(stream) as image:
            yield image
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise DataError(
            f"path: {file} unpacks to more pixels than is safe; make it smaller or remove it"
        ) from None
    except PermissionError:
        raise DataError(f"path: {file} may not be read; give yourself read permission") from None
    except DataError:
        raise
    except Exception as error:  # Pillow's decoders raise almost anything of a damaged file
        raise DataError(
            f"path: {file} cannot be decoded ({type(error).__name__}); get it again or remove it"
        ) from None


def _look(file: Path) -> _Seen:
    with _opened(file) as image:
        transparent = image.mode in ("LA", "La", "PA", "RGBA", "RGBa")
        return _Seen(image.size, image.mode in _GREY, transparent or "transparency" in image.info)


def _decode(file: Path, resolution: int, channels: int, fit: str) -> NDArray[np.uint8]:
    from PIL import ImageOps
    from PIL.Image import Resampling

    with _opened(file) as image:
        image.load()
        upright = ImageOps.exif_transpose(image) or image
        plain = _opaque(_eight_bits(upright, file)).convert("L" if channels == 1 else "RGB")
        size = (resolution, resolution)
        if fit == "crop":
            plain = ImageOps.fit(plain, size, Resampling.LANCZOS)
        elif plain.size != size:
            plain = plain.resize(size, Resampling.LANCZOS)
        return np.asarray(plain, np.uint8).reshape(resolution, resolution, channels)


def _eight_bits(image: "Image", file: Path) -> "Image":
    """Bring 16 bits, and floats in [0, 1], down to 8; other modes have them already."""
    from PIL import Image

    if image.mode != "F" and not image.mode.startswith("I"):
        return image
    levels = np.asarray(image).astype(np.float64)
    white = 1.0 if image.mode == "F" else 65535.0
    if not (levels.min() >= 0 and levels.max() <= white):  # also true of NaN
        raise DataError(
            f"path: {file} has levels outside 0 to {white:g}; save it with 8 bits or remove it"
        )
    return Image.fromarray(np.rint(levels * (255 / white)).astype(np.uint8))


def _opaque(image: "Image") -> "Image":
    """Put transparent pixels over black."""
    from PIL import Image

    if image.mode not in ("LA", "La", "PA", "RGBA", "RGBa") and "transparency" not in image.info:
        return image
    top = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", top.size, (0, 0, 0, 255)), top)


def _note(seen: Sequence[_Seen], resolution: int, fit: str, others: int) -> str:
    resized = [one.size for one in seen if one.size != (resolution, resolution)]
    parts = []
    if resized:
        (w0, h0), (w1, h1) = min(resized), max(resized)
        sizes = f"{w0} x {h0}" if (w0, h0) == (w1, h1) else f"{w0} x {h0} to {w1} x {h1}"
        square = "cut to a centred square and resized" if fit == "crop" else "resized"
        parts.append(
            f"{len(resized)} of {len(seen)} images {square} from {sizes} to "
            f"{resolution} x {resolution} (width x height)"
        )
    if any(one.transparent for one in seen):
        parts.append("transparent pixels over black")
    if others:
        parts.append(f"{others} other files ignored")
    return "; ".join(parts)
