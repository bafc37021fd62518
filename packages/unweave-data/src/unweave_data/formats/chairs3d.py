"""3D chairs: renderings of 1,393 chairs from 31 azimuths and 2 elevations."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from unweave_data.dataset import Dataset
from unweave_data.decoding import Decoder
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import Factors, make_factors
from unweave_data.files import directory
from unweave_data.loader import find, loader
from unweave_data.picturefiles import open_pictures
from unweave_data.resizing import check_resolution
from unweave_data.stack import Storage

# image_017_p020_t128_r096.png: the 17th rendering, elevation 20, azimuth 128 degrees.
_NAME = re.compile(r"image_\d+_p(?P<elevation>\d+)_t(?P<azimuth>\d+)_r\d+\.png")


@loader("chairs3d")
def chairs3d(
    *,
    path: Path | None = None,
    resolution: int = 64,
    channels: int = 3,
    crop: int = 0,
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read 3D chairs: 86,366 renderings, 600 x 600 x 3; chair 1,393, elevation 2, azimuth 31.

    Parameters
    ----------
    path
        folder rendered_chairs with a folder per chair, each with a sub-folder `renders`
    resolution
        number of rows and columns to which images are resized
    channels
        1 for grey or 3 for colour
    crop
        side in pixels of the square that is first cropped from the centre; 0 for none
    in_memory
        whether to decode all images at once; by default if they take up to 1 GiB
    unpack
        folder into which images are decoded once, and from which they are then read

    Raises
    ------
    DataError
        If the folder does not exist, or an image is damaged.
    """
    check_resolution(resolution)
    if channels not in (1, 3):
        raise DataError(f"channels must be 1 or 3, got {channels!r}")
    folder = directory(find(path, BY_NAME["chairs3d"]), "the folder rendered_chairs")
    files = list(_renderings(folder))
    if not files:
        raise DataError(
            f"path: {folder} has no CHAIR/renders/image_*_p*_t*_r*.png; set path= to the folder "
            "rendered_chairs"
        )
    size = (resolution, resolution)
    decoder = Decoder(size, channels, "stretch", (255, 255, 255), centre=crop)
    storage = Storage(in_memory, unpack)
    area = f"{crop} x {crop} pixels of the centre " if crop else ""
    note = f"{area}resized to {resolution} x {resolution}"
    return open_pictures(files, decoder, "chairs3d", _factors(files), storage, folder, note)


def _renderings(folder: Path) -> Iterator[Path]:
    inner = folder / "rendered_chairs"
    for chair in sorted((inner if inner.is_dir() else folder).iterdir()):
        renders = chair / "renders"
        if renders.is_dir():
            yield from sorted(f for f in renders.iterdir() if _NAME.fullmatch(f.name))


def _factors(files: list[Path]) -> Factors:
    angles = [match for file in files if (match := _NAME.fullmatch(file.name))]
    chairs = np.array([file.parent.parent.name for file in files])
    elevation = np.array([int(match["elevation"]) for match in angles])
    azimuth = np.array([int(match["azimuth"]) for match in angles])
    columns = [np.unique(c, return_inverse=True)[1].ravel() for c in (chairs, elevation, azimuth)]
    values = np.stack([columns[0], elevation, azimuth], axis=1).astype(np.float64)
    names = ("chair", "elevation", "azimuth")
    return make_factors(len(files), np.stack(columns, axis=1), values, names)
