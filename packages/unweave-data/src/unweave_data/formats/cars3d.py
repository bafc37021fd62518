"""Cars3D: renderings of 183 cars from 24 azimuths and 4 elevations."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.mat import read_mat
from unweave_data.containers.npz import open_npz
from unweave_data.dataset import ArrayDataset, Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError, read_errors
from unweave_data.factors import Factors, grid_factors, make_factors
from unweave_data.files import check_memory, directory
from unweave_data.layout import Pixels
from unweave_data.loader import find, loader
from unweave_data.picturefiles import in_threads
from unweave_data.resizing import check_resolution, resize
from unweave_data.stack import open_stack

FACTOR_NAMES = ("elevation", "azimuth", "object")
_ELEVATIONS, _AZIMUTHS, _CARS = 4, 24, 183
_NAME = re.compile(r"car_(\d+)_mesh\.mat")
_WHAT = "the mat file of a car"


@loader("cars3d")
def cars3d(*, path: Path | None = None, resolution: int = 64) -> Dataset:
    """Read Cars3D: 17,568 images of cars; elevation 4, azimuth 24, object 183.

    The images are in C order of the factors (the last varies fastest), as in disentanglement_lib.

    Parameters
    ----------
    path
        folder of car_001_mesh.mat ... (all or some of them), each with `im` of shape
        (128, 128, 3, 24, 4); or cars3d.npz, which `disent` makes from them
    resolution
        number of rows and columns to which images of mat files are resized; 128 keeps them

    Raises
    ------
    DataError
        If the files do not exist or are damaged.
    """
    check_resolution(resolution)
    place = find(path, BY_NAME["cars3d"])
    if place.is_file():
        with open_npz(place, "the npz of Cars3D") as file:
            return open_stack(file, "images", "cars3d", _grid(file.header("images").shape, place))
    folder = directory(place, "the folder of the mat files of Cars3D")
    files = _files(folder)
    size = len(files) * _ELEVATIONS * _AZIMUTHS * resolution**2 * 3
    check_memory(size, folder, "a set of all images")
    cars = np.stack(list(in_threads(lambda file: _car(file, resolution), files)), axis=2)
    pixels = Pixels.of(cars.reshape(-1, resolution, resolution, 3))
    grid = np.indices((_ELEVATIONS, _AZIMUTHS, len(files))).reshape(3, -1).T
    factors = make_factors(len(grid), grid, names=FACTOR_NAMES)
    note = "" if resolution == 128 else f"resized from 128 x 128 to {resolution} x {resolution}"
    return ArrayDataset.of(pixels, name="cars3d", factors=factors, note=note)


def _grid(shape: tuple[int, ...], path: Path) -> Factors:
    expected = _ELEVATIONS * _AZIMUTHS * _CARS
    if len(shape) != 4 or shape[0] != expected:
        raise DataError(
            f"path: {path} should have {expected:,} images of cars, got shape {str(shape)[:80]}; "
            "load it as npz if it is another set"
        )
    return grid_factors(FACTOR_NAMES, (_ELEVATIONS, _AZIMUTHS, _CARS))


def _files(folder: Path) -> list[Path]:
    """Return the mat files in order of the cars, in the folder or its sub-folder `cars`."""
    for place in (folder, folder / "cars", folder / "data" / "cars"):
        if place.is_dir():
            with read_errors(place, "a folder"):
                files = [file for file in place.iterdir() if _NAME.fullmatch(file.name)]
            if files:
                return sorted(files, key=lambda file: int(_NAME.fullmatch(file.name)[1]))  # type: ignore[index]
    raise DataError(f"path: {folder} has no car_001_mesh.mat; set path= to the folder of the cars")


def _car(file: Path, resolution: int) -> NDArray[np.uint8]:
    """Read one car, shape (4, 24, resolution, resolution, 3)."""
    array = read_mat(file, ("im",), _WHAT)["im"]
    expected = (128, 128, 3, _AZIMUTHS, _ELEVATIONS)
    if array.shape != expected or array.dtype != np.uint8:
        raise DataError(
            f"path: im in {file} should be uint8 of shape {expected}, got {array.dtype} of shape "
            f"{str(array.shape)[:80]}; get the file again"
        )
    images = array.transpose(4, 3, 0, 1, 2).reshape(-1, 128, 128, 3)
    return resize(images, resolution).reshape(_ELEVATIONS, _AZIMUTHS, resolution, resolution, 3)
