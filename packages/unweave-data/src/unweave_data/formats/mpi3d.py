"""MPI3D: a robot arm that holds an object, rendered and photographed."""

import math
from pathlib import Path

import numpy as np

from unweave_data.containers.npz import open_npz
from unweave_data.dataset import Dataset
from unweave_data.entries import BY_NAME
from unweave_data.errors import DataError
from unweave_data.factors import grid_factors
from unweave_data.files import named_file
from unweave_data.loader import find, loader
from unweave_data.stack import Storage, open_stack

FACTOR_NAMES = (
    "object_color", "object_shape", "object_size", "camera_height", "background_color",
    "horizontal_axis", "vertical_axis",
)  # fmt: skip
# Toy, realistic and real as published in 2019; then the complex set, and the edition of the other
# sets for the competition, with four colours and four shapes.
_SIZES = {
    1_036_800: (6, 6, 2, 3, 3, 40, 40),
    460_800: (4, 4, 2, 3, 3, 40, 40),
}
KINDS = {
    "toy": ("mpi3d_toy.npz", "sim_toy.npz"),
    "realistic": ("mpi3d_realistic.npz", "sim_realistic.npz"),
    "real": ("mpi3d_real.npz", "real.npz"),
    "complex": ("real3d_complicated_shapes_ordered.npz", "mpi3d_real_complex.npz"),
}


@loader("mpi3d")
def mpi3d(
    *,
    path: Path | None = None,
    kind: str = "toy",
    shape_first: bool = False,
    in_memory: bool | None = None,
    unpack: Path | None = None,
) -> Dataset:
    """Read MPI3D: toy, realistic or real, 1,036,800 images, or complex, 460,800; 64 x 64 x 3.

    The factors are object_color 6 (4), object_shape 6 (4), object_size 2, camera_height 3,
    background_color 3, horizontal_axis 40, vertical_axis 40. The file contains only images; the
    factors follow from their order (the last varies fastest), and the sizes of the first two
    factors from their number.

    Parameters
    ----------
    path
        npz with `images`, or folder of the npz of `kind`
    kind
        "toy", "realistic", "real" or "complex", if path is a folder or missing
    shape_first
        whether the shape varies more slowly than the colour, as in one edition of the complex set;
        in the published tables the colour varies slowest. To find out, compare the first image
        with the one at a quarter of the set: they differ in the slowest factor
    in_memory
        whether to read all images at once, 12.7 or 5.7 GB; by default if they take up to 1 GiB, or
        if they are compressed and `unpack` is not set
    unpack
        folder into which the images are unpacked once, and from which they are then read

    Raises
    ------
    DataError
        If the file does not exist, is damaged, or has another number of images.
    """
    if kind not in KINDS:
        raise DataError(f"kind must be one of {', '.join(KINDS)}, got {kind[:80]!r}")
    place = find(path, BY_NAME["mpi3d"])
    place = named_file(place, KINDS[kind], "the npz of MPI3D") if place.is_dir() else place
    with open_npz(place, "the npz of MPI3D") as file:
        array = "images" if file.has("images") else file.names[0] if file.names else "images"
        header = file.header(array)
        # The images may still have the axes of the factors.
        n = math.prod(header.shape[:-3])
        if header.dtype != np.uint8 or header.shape[-3:] != (64, 64, 3) or n not in _SIZES:
            counts = " or ".join(f"{count:,}" for count in _SIZES)
            raise DataError(
                f"path: {array} in {file.path} should be {counts} uint8 images of 64 x 64 x 3, got "
                f"{header.dtype} of shape {str(header.shape)[:80]}; load it as npz if it is "
                "another set"
            )
        sizes = _SIZES[n]
        names = list(FACTOR_NAMES)
        if shape_first:
            names[:2] = names[1::-1]
        if len(header.shape) != 4:
            raise DataError(
                f"path: {array} in {file.path} has {len(header.shape)} axes; save it as "
                f"images.reshape({n}, 64, 64, 3)"
            )
        factors = grid_factors(names, sizes)
        return open_stack(file, array, "mpi3d", factors, storage=Storage(in_memory, unpack))
