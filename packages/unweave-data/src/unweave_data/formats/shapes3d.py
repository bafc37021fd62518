"""3D Shapes: 480,000 rooms with an object."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unweave_data.containers.hdf5 import open_hdf5
from unweave_data.dataset import Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import Factors, grid_factors
from unweave_data.files import named_file
from unweave_data.loader import find, loader
from unweave_data.stack import Storage, open_stack

# Name and values of each factor; images are in C order of the factors (the last varies fastest).
LEVELS: dict[str, NDArray[np.float64]] = {
    "floor_hue": np.arange(10) / 10,
    "wall_hue": np.arange(10) / 10,
    "object_hue": np.arange(10) / 10,
    "scale": np.linspace(0.75, 1.25, 8),
    "shape": np.arange(4.0),
    "orientation": np.linspace(-30, 30, 15),
}
SHAPES = ("cube", "cylinder", "sphere", "capsule")
_WHAT = "3dshapes.h5"
# Half of the smallest step between two values of a factor.
_TOLERANCE = 0.03


@loader("shapes3d")
def shapes3d(
    *, path: Path | None = None, in_memory: bool | None = None, unpack: Path | None = None
) -> Dataset:
    """Read 3D Shapes: 480,000 images, 64 x 64 x 3, six factors.

    The factors are floor_hue 10, wall_hue 10, object_hue 10 (all 0 to 0.9), scale 8 (0.75 to 1.25),
    shape 4 (cube, cylinder, sphere, capsule) and orientation 15 (-30 to 30 degrees).

    Parameters
    ----------
    path
        3dshapes.h5 with `images` and `labels`, or its folder; the file may have only some of the
        images
    in_memory
        whether to read all images at once, 5.9 GB; by default if they take up to 1 GiB
    unpack
        folder into which the images are unpacked once, and from which they are then read

    Raises
    ------
    DataError
        If the file does not exist or is damaged.
    """
    place = find(path, BY_NAME["shapes3d"])
    place = named_file(place, ["3dshapes.h5"], _WHAT) if place.is_dir() else place
    with open_hdf5(place, _WHAT) as file:
        header = file.header("images")
        if header.dtype != np.uint8 or header.shape[1:] != (64, 64, 3) or not header.shape[0]:
            raise DataError(
                f"path: images in {file.path} should be uint8 of shape (n, 64, 64, 3), got "
                f"{header.dtype} of shape {str(header.shape)[:80]}; load it as hdf5 if it is "
                "another set"
            )
        values = file.read("labels")
        if values.shape != (header.shape[0], len(LEVELS)) or values.dtype.kind not in "fiu":
            raise DataError(
                f"path: labels in {file.path} should have shape ({header.shape[0]}, 6), got "
                f"{str(values.shape)[:80]}; get the file again"
            )
        factors = _factors(values.astype(np.float64), file.path)
        return open_stack(file, "images", "shapes3d", factors, storage=Storage(in_memory, unpack))


def _factors(values: NDArray[np.float64], path: Path) -> Factors:
    """Return the factors; the class of a value is that of the nearest level."""
    classes = np.empty(values.shape, np.uint8)
    for k, levels in enumerate(LEVELS.values()):
        middles = (levels[1:] + levels[:-1]) / 2
        classes[:, k] = np.searchsorted(middles, values[:, k])
        if not (np.abs(levels[classes[:, k]] - values[:, k]) < _TOLERANCE).all():
            name = list(LEVELS)[k]
            raise DataError(
                f"path: labels in {path} should have {len(levels)} values of {name} from "
                f"{levels[0]:g} to {levels[-1]:g}; get the file again"
            )
    sizes = tuple(len(levels) for levels in LEVELS.values())
    return Factors(classes, values, tuple(LEVELS), sizes)


def all_factors() -> Factors:
    """Return classes and values of the full grid, 480,000 rows."""
    grid = grid_factors(list(LEVELS), [len(levels) for levels in LEVELS.values()])
    assert grid.classes is not None
    columns = zip(LEVELS.values(), grid.classes.T, strict=True)
    values = np.stack([levels[column] for levels, column in columns], axis=1)
    return Factors(grid.classes, values, grid.names, grid.sizes)
