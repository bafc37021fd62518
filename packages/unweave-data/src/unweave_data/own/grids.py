"""Published sets that are full grids, whose factors follow from the order of the images."""

import math

from unweave_data.factors import UNKNOWN, Factors, grid_factors

# Part of the name of the file -> factors and their sizes in C order (the last varies fastest).
# `disent` writes these sets as npz or h5 files with only `images` or `imgs`.
GRIDS = {
    "dsprites": {"shape": 3, "scale": 6, "orientation": 40, "position_x": 32, "position_y": 32},
    "shapes": {
        "floor_hue": 10, "wall_hue": 10, "object_hue": 10, "scale": 8, "shape": 4,
        "orientation": 15,
    },
    "cars": {"elevation": 4, "azimuth": 24, "object": 183},
    "norb": {"category": 5, "instance": 5, "elevation": 9, "azimuth": 18, "lighting": 6},
    "mpi3d": {
        "object_color": 6, "object_shape": 6, "object_size": 2, "camera_height": 3,
        "background_color": 3, "horizontal_axis": 40, "vertical_axis": 40,
    },
}  # fmt: skip


def factors_of_grid(stem: str, n: int) -> tuple[Factors, str]:
    """Return the factors of a published grid, recognised by file name and number of images.

    Parameters
    ----------
    stem
        name of the file without suffix
    n
        number of images

    Returns
    -------
    Factors, and one line that says where they are from; UNKNOWN and "" for a file of another set

    Examples
    --------
    >>> factors_of_grid("cars3d_x64", 17_568)[0].sizes
    (4, 24, 183)
    """
    for name, sizes in GRIDS.items():
        if name in stem.lower() and n == math.prod(sizes.values()):
            note = "the file has no factors; they follow from the order of the images"
            return grid_factors(list(sizes), list(sizes.values())), note
    return UNKNOWN, ""
