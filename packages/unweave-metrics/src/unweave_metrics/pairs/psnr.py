"""Peak signal-to-noise ratio of reconstructions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._scaling import together_in_reach
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.images import Images
from unweave_metrics.pairs._images import check_image_pair
from unweave_metrics.score import Score


@metric(
    "peak signal-to-noise ratio (dB)",
    interval=Images(),
    bounds=ANY,
    usual=True,
    cost="O(pixels)",
    rewards="close pixels, on a logarithmic scale",
    misses="as the error",
    undefined="infinite where a reconstruction equals its image",
)
def psnr(images: ArrayLike, reconstructions: ArrayLike) -> Score:
    """Compute the peak signal-to-noise ratio, in decibels.

    The score is the mean over images of -10 log10(mean over pixels of (x - y)^2), with peak 1. For
    images in [0, 1] the range is 0 upward, infinite for equal images; best: high.

    Parameters
    ----------
    images : array, shape (n, h, w, c) or (n, h, w); floats in [0, 1], or integers 0 to 255
    reconstructions
        The same shape.

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError
        For shapes that differ, NaN or infinite values.

    Examples
    --------
    >>> round(float(psnr(np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.1))), 6)
    20.0
    """
    (x, y), power = together_in_reach(*check_image_pair(images, reconstructions))
    error = ((x - y) ** 2).reshape(len(x), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        per_image = -10 * (np.log10(error) + 2 * power * np.log10(2))
    return Score(
        per_image.mean(), name="psnr", parts={"per_image": per_image}, settings={"rows": len(x)}
    )
