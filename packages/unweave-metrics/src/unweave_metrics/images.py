"""Scores of images: reconstruction error, signal-to-noise, structural similarity, sharpness."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import Array, check_choice, check_images
from unweave_metrics.counting import Floats
from unweave_metrics.score import Score

LOSSES = ("squared", "absolute", "cross-entropy")

# Cross-entropy clips predictions this far from 0 and 1: float32 decoders round to them.
CLIP = 1e-7


def check_image_pair(images: ArrayLike, reconstructions: ArrayLike) -> tuple[Array, Array]:
    """Return images and reconstructions as floats of one shape."""
    x = check_images(images, "images")
    y = check_images(reconstructions, "reconstructions")
    if x.shape != y.shape:
        raise ValueError(f"reconstructions must have the shape of images {x.shape}, got {y.shape}")
    return x, y


def reconstruction_error(
    images: ArrayLike, reconstructions: ArrayLike, *, loss: str = "squared"
) -> Score:
    """Compute the reconstruction error: loss summed over pixels, mean over images.

    ``"squared"``: sum (x - y)^2; ``"absolute"``: sum |x - y|; ``"cross-entropy"``: -sum [x log y +
    (1 - x) log(1 - y)] in nats, y clipped to 1e-7 of 0 and 1. Range 0 upward, best 0 (for
    cross-entropy the entropy of the pixels).

    Parameters
    ----------
    images : array, shape (n, h, w, c) or (n, h, w); floats in [0, 1], or integers 0 to 255
    reconstructions : the same shape
    loss : which of the three

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError: shapes that differ, or, for cross-entropy, values outside [0, 1].

    Examples
    --------
    >>> images = np.random.default_rng(0).random((3, 4, 4, 1))
    >>> float(reconstruction_error(images, images))
    0.0
    """
    check_choice(loss, "loss", LOSSES)
    x, y = check_image_pair(images, reconstructions)
    if loss == "cross-entropy":
        _check_unit_range(x, "images")
        _check_unit_range(y, "reconstructions")
        y = np.clip(y, CLIP, 1 - CLIP)
        pixels = -(x * np.log(y) + (1 - x) * np.log1p(-y))
    else:
        pixels = (x - y) ** 2 if loss == "squared" else np.abs(x - y)
    per_image: Floats = pixels.reshape(len(x), -1).sum(axis=1)
    return Score(
        per_image.mean(),
        name="reconstruction_error",
        parts={"per_image": per_image},
        settings={"loss": loss, "rows": len(x)},
    )


def _check_unit_range(images: Array, name: str) -> None:
    """Refuse values outside [0, 1]."""
    low, high = float(images.min()), float(images.max())
    if low < 0 or high > 1:
        raise ValueError(
            f"{name} must lie in [0, 1] for loss='cross-entropy', got {low:g} to {high:g}"
        )


def psnr(images: ArrayLike, reconstructions: ArrayLike) -> Score:
    """Compute the peak signal-to-noise ratio, in decibels.

    mean over images of -10 log10(mean over pixels of (x - y)^2), the peak being 1. Range upward
    from 0 for images in [0, 1], infinite for equal ones; best: high.

    Parameters
    ----------
    images : array, shape (n, h, w, c) or (n, h, w); floats in [0, 1], or integers 0 to 255
    reconstructions : the same shape

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError: shapes that differ, NaN or infinite values.

    Examples
    --------
    >>> round(float(psnr(np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.1))), 6)
    20.0
    """
    x, y = check_image_pair(images, reconstructions)
    error = ((x - y) ** 2).reshape(len(x), -1).mean(axis=1)
    with np.errstate(divide="ignore"):
        per_image = -10 * np.log10(error)
    return Score(
        per_image.mean(), name="psnr", parts={"per_image": per_image}, settings={"rows": len(x)}
    )


def ssim(images: ArrayLike, reconstructions: ArrayLike) -> Score:
    """Compute the structural similarity of images; needs scikit-image.

    The mean over images of scikit-image's ``structural_similarity`` with data range 1, channels
    apart. Range -1 to 1, best 1.

    Parameters
    ----------
    images : array, shape (n, h, w, c) or (n, h, w); floats in [0, 1], or integers 0 to 255
    reconstructions : the same shape

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError: shapes that differ, NaN or infinite values, images below 7 x 7 pixels; scikit-image
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
    x, y = check_image_pair(images, reconstructions)
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


def laplacian_variance(reconstructions: ArrayLike) -> Score:
    """Compute sharpness: the variance of the Laplacian of each image, their mean.

    The Laplacian is the 3 x 3 kernel 0 1 0 / 1 -4 1 / 0 1 0 inside the image's border, on the mean
    of the channels; its variance over pixels. Range 0 (flat or a smooth ramp) upward; blurred
    images have less. Compare it with that of the data: sharper is not better beyond.

    Parameters
    ----------
    reconstructions : any images, shape (n, h, w, c) or (n, h, w), at least 3 x 3 pixels; floats in
        [0, 1], or integers 0 to 255

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError: images below 3 x 3 pixels, NaN or infinite values.

    References
    ----------
    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000; for generated
    images: S. Chivukula, "Learning disentangled latent spaces using VAE", sect. 3.2.3.

    Examples
    --------
    >>> float(laplacian_variance(np.ones((2, 5, 5))))
    0.0
    """
    x = check_images(reconstructions, "reconstructions")
    if min(x.shape[1:3]) < 3:
        raise ValueError(
            f"reconstructions must be at least 3 x 3 pixels for a Laplacian, got {x.shape[1:3]}"
        )
    grey = x.mean(axis=3) if x.ndim == 4 else x
    middle = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    per_image = (around - 4 * middle).reshape(len(x), -1).var(axis=1)
    return Score(
        per_image.mean(),
        name="laplacian_variance",
        parts={"per_image": per_image},
        settings={"rows": len(x)},
    )
