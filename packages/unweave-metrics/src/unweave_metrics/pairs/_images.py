"""Check images and their reconstructions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_images
from unweave_metrics._counting import Floats


def check_image_pair(images: ArrayLike, reconstructions: ArrayLike) -> tuple[Array, Array]:
    """Return images and reconstructions as floats of one shape."""
    x = check_images(images, "images")
    y = check_images(reconstructions, "reconstructions")
    if x.shape != y.shape:
        raise ValueError(f"reconstructions must have the shape of images, {x.shape}, got {y.shape}")
    return x, y


def mean_over_images(per_image: Floats) -> float:
    """Return the mean over images; infinite if the sum overflows."""
    with np.errstate(over="ignore"):
        return float(per_image.mean())
