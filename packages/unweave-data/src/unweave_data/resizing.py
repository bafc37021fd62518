"""Resize arrays of images to squares."""

import numpy as np
from numpy.typing import NDArray

from unweave_data.decoding import LARGEST
from unweave_data.errors import DataError


def check_resolution(resolution: int) -> None:
    """Check that a resolution is an integer from 8 to 1,024.

    Raises
    ------
    DataError
        If it is not.
    """
    if isinstance(resolution, bool) or not isinstance(resolution, int):
        raise DataError(f"resolution must be an integer, got {str(resolution)[:80]}")
    if not 8 <= resolution <= LARGEST:
        raise DataError(f"resolution must be an integer from 8 to {LARGEST}, got {resolution}")


def resize(images: NDArray[np.uint8], resolution: int) -> NDArray[np.uint8]:
    """Resize images with a Lanczos filter, which disentanglement_lib uses too.

    Parameters
    ----------
    images
        uint8 array, shape (n, h, w, c), c 1 or 3
    resolution
        number of rows and of columns

    Returns
    -------
    uint8 array, shape (n, resolution, resolution, c)

    Examples
    --------
    >>> resize(np.full((2, 16, 16, 1), 7, np.uint8), 8).shape
    (2, 8, 8, 1)
    """
    if images.shape[1:3] == (resolution, resolution):
        return np.ascontiguousarray(images)
    from PIL import Image
    from PIL.Image import Resampling

    n, _, _, c = images.shape
    out = np.empty((n, resolution, resolution, c), np.uint8)
    for i, pixels in enumerate(images):
        picture = Image.fromarray(np.ascontiguousarray(pixels[..., 0] if c == 1 else pixels))
        small = picture.resize((resolution, resolution), Resampling.LANCZOS)
        out[i] = np.asarray(small).reshape(resolution, resolution, c)
    return out
