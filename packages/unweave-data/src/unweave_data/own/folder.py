"""Read a folder of images of any size and mode."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unweave_data.colours import background_colour
from unweave_data.dataset import Dataset
from unweave_data.decoding import Decoder, Look, check_fit, levels_of, look
from unweave_data.errors import DataError
from unweave_data.factors import UNKNOWN, Factors, make_factors
from unweave_data.files import directory, require_path
from unweave_data.levels import choose_scale
from unweave_data.loader import loader
from unweave_data.own.factorfile import factors_of_files
from unweave_data.picturefiles import in_threads, open_pictures
from unweave_data.pictures import SUFFIXES, quiet
from unweave_data.stack import Storage


@loader("images")
def images(
    *,
    path: Path | None = None,
    resolution: int = 64,
    channels: int | None = None,
    fit: str = "crop",
    background: str = "black",
    range_: str = "",
    factors: Path | None = None,
    split: str = "",
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read a folder of images, and resize each to `resolution` x `resolution` pixels.

    Images are rotated to the orientation that their camera recorded, transparent pixels are
    composited over the background, grey levels of 16 bits or floats are scaled to 8 bits, and only
    the first frame of an animation is used. If the folder has two or more sub-folders with images,
    they are the classes of one factor `class`, in order of their names. The images are in order of
    their paths.

    Parameters
    ----------
    path
        folder of bmp, gif, jpg, pgm, png, ppm, tif or webp files, or of sub-folders with them
    resolution
        number of rows and columns, 8 to 1024
    channels
        1 for grey, 3 for colour, 4 for colour and alpha; by default 1 if all images are grey,
        otherwise 3
    fit
        "crop" crops the centred square, "pad" adds `background` to make the image square, "stretch"
        keeps everything and changes the proportions, "keep" does not resize, and needs images of
        one size
    background
        colour under transparent pixels and beside padded images, such as white or #ff8800
    range_
        how grey levels of 16 bits or floats are scaled to 8 bits: LOW,HIGH, percentile, minmax or
        full; by default from the smallest depth of 8, 10, 12, 14, 16 ... bits that contains them,
        and floats from [0, 1]
    factors
        path of a CSV: a column has the names of the files relative to the folder, and each other
        column is a factor
    split
        value of the column `split` of that CSV in the rows of the images to keep
    in_memory
        whether to decode all images at once; by default if they take up to 1 GiB
    unpack
        folder into which images are decoded once, and from which they are then read

    Raises
    ------
    DataError
        If the folder does not exist or has no images, or an image is damaged or too large.
    """
    check_fit(resolution, channels, fit)
    colour = background_colour(background) or (0, 0, 0)
    folder = directory(require_path(path, "the folder of images"), "a folder of images")
    files, others = _find(folder)
    if factors is not None:
        files, factor_table = factors_of_files(Path(factors).expanduser(), folder, files, split)
    elif split:
        raise DataError("split needs a CSV with a column split; set factors= to its path")
    else:
        factor_table = _classes(folder, files)
    with quiet():
        looks = list(in_threads(look, files))
        count = channels or (1 if all(one.grey for one in looks) else 3)
        size = (resolution, resolution) if fit != "keep" else looks[0].size[::-1]
        decoder = _with_scale(Decoder(size, count, fit, colour), files, looks, range_)
    note = _note(looks, decoder, others)
    storage = Storage(in_memory, unpack)
    return open_pictures(files, decoder, "images", factor_table, storage, folder, note)


def _with_scale(
    decoder: Decoder, files: Sequence[Path], looks: Sequence[Look], text: str
) -> Decoder:
    deep = [file for file, one in zip(files, looks, strict=True) if one.deep]
    if not deep:
        if text:
            raise DataError(
                "range is only for grey levels of 16 bits or floats, but these have 8 bits; leave "
                "it out"
            )
        return decoder
    levels = levels_of(deep)
    return replace(decoder, scale=choose_scale(text, levels.dtype, levels))


def _find(folder: Path) -> tuple[list[Path], int]:
    """Return the image files in order of their paths, and the number of other files."""
    files = list(_walk(folder))
    pictures = [file for file in files if file.suffix.lower() in SUFFIXES]
    if not pictures:
        raise DataError(
            f"path: {folder} has no images ({', '.join(sorted(SUFFIXES))}); set path= to a folder "
            "of images"
        )
    at_top = sum(file.parent == folder for file in pictures)
    if 0 < at_top < len(pictures):
        raise DataError(
            f"path: {folder} has {at_top} images itself and {len(pictures) - at_top} in "
            "sub-folders; put all into sub-folders, or none"
        )
    return pictures, len(files) - len(pictures)


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder in order of names; visit folders behind several links once."""

    def refuse(error: OSError) -> None:
        raise DataError(
            f"path: no permission to read {error.filename}; change its permissions, or move it out"
        ) from None

    visits: set[str] = set()
    for parent, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        real = os.path.realpath(parent)
        if real in visits:
            folders.clear()
            continue
        visits.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(parent, name) for name in sorted(files) if not name.startswith("."))


def _classes(folder: Path, files: Sequence[Path]) -> Factors:
    if files[0].parent == folder:
        return UNKNOWN
    classes = [file.relative_to(folder).parts[0] for file in files]
    names, index = np.unique(classes, return_inverse=True)
    if len(names) < 2:
        return UNKNOWN
    return make_factors(len(files), index.ravel(), names=("class",), sizes=(len(names),))


def _note(looks: Sequence[Look], decoder: Decoder, others: int) -> str:
    h, w = decoder.size
    other_sizes = [one.size for one in looks if one.size != (w, h)]
    parts = []
    if other_sizes:
        (w0, h0), (w1, h1) = min(other_sizes), max(other_sizes)
        sizes = f"{w0} x {h0}" if (w0, h0) == (w1, h1) else f"{w0} x {h0} to {w1} x {h1}"
        how = {
            "crop": "cropped to a centred square and resized",
            "pad": "resized and padded",
        }.get(decoder.fit, "resized")
        parts.append(
            f"{len(other_sizes)} of {len(looks)} images {how} from {sizes} to {w} x {h} "
            "(width x height)"
        )
    if any(one.transparent for one in looks) and decoder.channels != 4:
        parts.append(f"transparent pixels over {_colour(decoder.background)}")
    if decoder.scale is not None:
        parts.append(decoder.scale.note)
    if cut := sum(one.cut for one in looks):
        parts.append(f"colours of 16 bits reduced to their upper 8 bits in {cut} images")
    if others:
        parts.append(f"{others} other files ignored")
    return "; ".join(parts)


def _colour(background: tuple[int, int, int]) -> str:
    return {(0, 0, 0): "black", (255, 255, 255): "white"}.get(background, str(background))
