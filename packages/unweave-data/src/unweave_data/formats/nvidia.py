"""Falcor3D and Isaac3D: folders of numbered renderings with a table of their factors."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.npy import open_npy
from unweave_data.dataset import Dataset
from unweave_data.decoding import Decoder
from unweave_data.entries import BY_NAME, Entry
from unweave_data.errors import DataError, read_errors
from unweave_data.factors import Factors
from unweave_data.files import directory
from unweave_data.loader import find, loader
from unweave_data.picturefiles import open_pictures
from unweave_data.resizing import check_resolution
from unweave_data.stack import Storage

FALCOR = {
    "lighting_intensity": 5, "lighting_x": 6, "lighting_y": 6, "lighting_z": 6, "camera_x": 6,
    "camera_y": 6, "camera_z": 6,
}  # fmt: skip
ISAAC = {
    "object_shape": 3, "robot_x": 8, "robot_y": 5, "camera_height": 4, "object_scale": 4,
    "lighting_intensity": 4, "lighting_y": 6, "object_color": 4, "wall_color": 4,
}  # fmt: skip
_NAME = re.compile(r"(\d+)\.(png|jpg)")
_TABLES = ("train-rec.labels", "labels.npy")


@loader("falcor3d")
def falcor3d(
    *,
    path: Path | None = None,
    resolution: int = 64,
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read Falcor3D: 233,280 renderings of a room, 128 x 128 x 3; seven factors.

    The factors are lighting intensity 5, lighting direction x, y, z 6 each, and camera position
    x, y, z 6 each.

    Parameters
    ----------
    path
        folder Falcor3D_down128 with images/000000.png ... and train-rec.labels
    resolution
        number of rows and columns to which images are resized
    in_memory
        whether to decode all images at once; by default if they take up to 1 GiB
    unpack
        folder into which images are decoded once, and from which they are then read

    Raises
    ------
    DataError
        If the folder or the table does not exist, or an image is damaged.
    """
    return _open(BY_NAME["falcor3d"], path, FALCOR, resolution, Storage(in_memory, unpack))


@loader("isaac3d")
def isaac3d(
    *,
    path: Path | None = None,
    resolution: int = 64,
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read Isaac3D: 737,280 renderings of a robot in a kitchen, 128 x 128 x 3; nine factors.

    The factors are object shape 3, robot x 8 and y 5, camera height 4, object scale 4, lighting
    intensity 4, lighting direction 6, object colour 4 and wall colour 4.

    Parameters
    ----------
    path
        folder Isaac3D_down128 with images/000000.png ... and labels.npy
    resolution
        number of rows and columns to which images are resized
    in_memory
        whether to decode all images at once; by default if they take up to 1 GiB
    unpack
        folder into which images are decoded once, and from which they are then read

    Raises
    ------
    DataError
        If the folder or the table does not exist, or an image is damaged.
    """
    return _open(BY_NAME["isaac3d"], path, ISAAC, resolution, Storage(in_memory, unpack))


def _open(
    entry: Entry, path: Path | None, sizes: dict[str, int], resolution: int, storage: Storage
) -> Dataset:
    check_resolution(resolution)
    folder = directory(find(path, entry), entry.files)
    files, numbers = _images(folder)
    values = _table(folder, numbers, len(sizes))
    factors = _factors(values, sizes, folder)
    decoder = Decoder((resolution, resolution), 3, "stretch")
    note = f"resized to {resolution} x {resolution}"
    return open_pictures(files, decoder, entry.name, factors, storage, folder, note)


def _images(folder: Path) -> tuple[list[Path], NDArray[np.int64]]:
    """Return the images in order of their numbers, and these numbers."""
    place = folder / "images" if (folder / "images").is_dir() else folder
    with read_errors(place, "a folder"):
        pairs = [(int(m[1]), f) for f in place.iterdir() if (m := _NAME.fullmatch(f.name))]
    if not pairs:
        raise DataError(
            f"path: {folder} has no images/000000.png; set path= to the folder that contains images"
        )
    pairs.sort()
    return [file for _, file in pairs], np.array([number for number, _ in pairs])


def _table(folder: Path, numbers: NDArray[np.int64], k: int) -> NDArray[np.float64]:
    """Read the factor values of the images with these numbers, shape (n, k)."""
    path = next((folder / name for name in _TABLES if (folder / name).is_file()), None)
    if path is None:
        raise DataError(f"path: {folder} has no {' or '.join(_TABLES)}; put the table there")
    with open_npy(path, "the table of factors") as file:
        table = file.read("array")
    if table.ndim != 2 or table.shape[1] != k or table.dtype.kind not in "fiu":
        raise DataError(
            f"path: {path} should have shape (n, {k}), got {str(table.shape)[:80]}; get it again"
        )
    if numbers[-1] >= len(table):
        raise DataError(
            f"path: {path} has only {len(table)} rows, but there is an image {numbers[-1]}; get it "
            "again"
        )
    values = table[numbers].astype(np.float64)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise DataError(f"path: {path} should have values in [0, 1]; get it again")
    return values


def _factors(values: NDArray[np.float64], sizes: dict[str, int], folder: Path) -> Factors:
    """Turn values, which are equally spaced from 0 to 1, into classes."""
    most = np.array(list(sizes.values())) - 1
    classes = np.rint(values * most)
    if np.abs(classes / most - values).max() > 0.4 / most.max():
        raise DataError(
            f"path: the table in {folder} should have {tuple(sizes.values())} equally spaced "
            "values per factor; get it again"
        )
    return Factors(classes.astype(np.uint8), values, tuple(sizes), tuple(sizes.values()))
