"""Structural similarity of reconstructions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._scaling import together_in_reach
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.images import Images
from unweave_metrics.pairs._images import check_image_pair
from unweave_metrics.score import Score


@metric(
    "structural similarity",
    interval=Images(),
    bounds=(-1.0, 1.0),
    cost="O(pixels)",
    rewards="close structure in 7 x 7 windows",
    misses="global shifts of brightness in part",
)
def ssim(images: ArrayLike, reconstructions: ArrayLike) -> Score:
    """Compute the structural similarity of images; needs scikit-image.

    The score is the mean over images of scikit-image's ``structural_similarity`` with data range 1
    and separate channels. Range -1 to 1, best 1.

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
        For shapes that differ, NaN or infinite values, images below 7 x 7 pixels; scikit-image
        missing.

    References
    ----------
    Z. Wang, A. Bovik, H. Sheikh, E. Simoncelli, "Image quality assessment: from error visibility to
    structural similarity", 2004.

    Examples
    --------
    >>> x = np.random.default_rng(0).random((2, 8, 8))
    >>> round(float(ssim(x, x)), 6)
    1.0
    """
    # Beyond the limits of scaling, the constants in the ratios are already negligible or dominant.
    (x, y), _ = together_in_reach(*check_image_pair(images, reconstructions))
    if min(x.shape[1:3]) < 7:
        raise ValueError(f"images must be at least 7 x 7 pixels for ssim, got {x.shape[1:3]}")
    try:
        from skimage.metrics import structural_similarity
    except ImportError:
        raise ValueError("ssim needs scikit-image: pip install 'unweave-metrics[images]'") from None
    channel = -1 if x.ndim == 4 else None
    per_image = np.array([
        structural_similarity(a, b, data_range=1.0, channel_axis=channel)
        for a, b in zip(x, y, strict=True)
    ])  # fmt: skip
    return Score(
        per_image.mean(), name="ssim", parts={"per_image": per_image}, settings={"rows": len(x)}
    )
