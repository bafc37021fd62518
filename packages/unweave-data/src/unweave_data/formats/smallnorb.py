"""smallNORB: stereo pairs of grey photographs of toys."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.norb import read_norb
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import Factors, make_factors
from unweave_data.files import directory, named_file
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader
from unweave_data.resizing import check_resolution, resize

FACTOR_NAMES = ("category", "instance", "elevation", "azimuth", "lighting")
FACTOR_SIZES = (5, 10, 9, 18, 6)
_STEMS = {
    "train": "smallnorb-5x46789x9x18x6x2x96x96-training",
    "test": "smallnorb-5x01235x9x18x6x2x96x96-testing",
}
CAMERAS = ("left", "right", "both")
_SIDE = 96


@loader("smallnorb")
def smallnorb(
    *,
    path: Path | None = None,
    split: str = "all",
    camera: str = "left",
    resolution: int = 64,
    instances: bool = False,
) -> Dataset:
    """Read smallNORB: photographs of 50 toys, 96 x 96, grey.

    The factors are category 5 (animal, human, airplane, truck, car), elevation 9 (30 to 70
    degrees), azimuth 18 (0 to 340 degrees) and lighting 6; each category has ten instances.

    Parameters
    ----------
    path
        folder of the matrices `...-training-dat.mat`, `-cat.mat`, `-info.mat` and of the same three
        for testing, gzipped or not
    split
        "train" (24,300 pairs; instances 4, 6, 7, 8, 9), "test" (24,300; 0, 1, 2, 3, 5) or "all"
    camera
        "left", "right", or "both": all left images, then all right ones, with a factor `camera`
    resolution
        number of rows and columns to which images are resized; 96 keeps them
    instances
        whether the instance is a factor; in published tables it is not

    Raises
    ------
    DataError
        If the files do not exist or are damaged.
    """
    check_resolution(resolution)
    if split not in (*_STEMS, "all"):
        raise DataError(f"split must be one of {', '.join(_STEMS)}, all, got {split[:80]!r}")
    if camera not in CAMERAS:
        raise DataError(f"camera must be one of {', '.join(CAMERAS)}, got {camera[:80]!r}")
    folder = directory(find(path, BY_NAME["smallnorb"]), "the folder of the files of smallNORB")
    stems = list(_STEMS.values()) if split == "all" else [_STEMS[split]]
    parts = [_read(folder, stem) for stem in stems]
    classes = np.concatenate([table for _, table in parts])
    eyes = {"left": [0], "right": [1], "both": [0, 1]}[camera]
    images = np.concatenate(
        [resize(pairs[:, eye, :, :, None], resolution) for eye in eyes for pairs, _ in parts]
    )
    factors = _factors(classes, eyes, instances)
    note = "" if resolution == _SIDE else f"resized from 96 x 96 to {resolution} x {resolution}"
    pixels = Pixels.of(images)
    return ArrayDataset.of(pixels, name="smallnorb", factors=factors, note=note)


def _read(folder: Path, stem: str) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Read the image pairs of a split (n, 2, 96, 96) and their classes (n, 5)."""
    images, category, rest = (_matrix(folder, stem, part) for part in ("dat", "cat", "info"))
    n = len(images)
    if images.dtype != np.uint8 or images.shape[1:] != (2, _SIDE, _SIDE) or n == 0:
        raise DataError(
            f"path: {stem}-dat.mat in {folder} should be uint8 of shape (n, 2, 96, 96), got "
            f"{images.dtype} of shape {images.shape}; get the file again"
        )
    if category.shape != (n,) or rest.shape != (n, 4):
        raise DataError(
            f"path: {stem}-cat.mat and -info.mat in {folder} should have shapes ({n},) and "
            f"({n}, 4), got {category.shape} and {rest.shape}; get the files again"
        )
    classes = np.column_stack([category, rest]).astype(np.int64)
    azimuth = classes[:, 3]
    odd = (azimuth % 2 != 0).any()
    azimuth //= 2  # the unit in the file is 10 degrees, and there is an image every 20 degrees
    if odd or (classes < 0).any() or (classes >= np.array(FACTOR_SIZES)).any():
        raise DataError(
            f"path: {stem}-info.mat in {folder} should have the instances, elevations, azimuths "
            "and lightings of smallNORB, but has others; get the file again"
        )
    return images, classes


def _matrix(folder: Path, stem: str, part: str) -> NDArray[Any]:
    name = f"{stem}-{part}.mat"
    return read_norb(named_file(folder, (name, f"{name}.gz"), "it"), f"the matrix {name}")


def _factors(classes: NDArray[np.int64], eyes: list[int], instances: bool) -> Factors:
    scales = np.array([1.0, 1.0, 5.0, 20.0, 1.0])  # degrees per step of elevation and azimuth
    offsets = np.array([0.0, 0.0, 30.0, 0.0, 0.0])
    columns = [k for k in range(5) if instances or k != 1]
    names = [FACTOR_NAMES[k] for k in columns]
    sizes = [FACTOR_SIZES[k] for k in columns]
    table = np.tile(classes[:, columns], (len(eyes), 1))
    values = table * scales[columns] + offsets[columns]
    if len(eyes) == 2:
        camera = np.repeat([0, 1], len(classes))[:, None]
        table, values = np.hstack([table, camera]), np.hstack([values, camera])
        names, sizes = [*names, "camera"], [*sizes, 2]
    return make_factors(len(table), table, values, names, sizes)
