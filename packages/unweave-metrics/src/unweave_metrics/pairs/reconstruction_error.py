"""The reconstruction error: a loss summed over pixels."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import shifted, together_in_reach
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.images import Images
from unweave_metrics.pairs._images import check_image_pair, mean_over_images
from unweave_metrics.score import Score

LOSSES = ("squared", "absolute", "cross-entropy")


# Cross-entropy clips predictions to this distance from 0 and 1, to which float32 decoders round.
CLIP = 1e-7


@metric(
    "loss summed over pixels",
    interval=Images(),
    best="low",
    bounds=UPWARD,
    usual=True,
    cost="O(pixels)",
    rewards="close pixels",
    misses="what matters perceptually",
)
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
    reconstructions
        The same shape.
    loss
        One of the three.

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError
        For shapes that differ, NaN or infinite values, an error beyond the largest float, or,
        for cross-entropy, values outside [0, 1].

    Examples
    --------
    >>> images = np.random.default_rng(0).random((3, 4, 4, 1))
    >>> float(reconstruction_error(images, images))
    0.0
    """
    check_choice(loss, "loss", LOSSES)
    x, y = check_image_pair(images, reconstructions)
    power = 0
    if loss == "cross-entropy":
        _check_unit_range(x, "images")
        _check_unit_range(y, "reconstructions")
        y = np.clip(y, CLIP, 1 - CLIP)
        pixels = -(x * np.log(y) + (1 - x) * np.log1p(-y))
    else:
        (x, y), power = together_in_reach(x, y)
        pixels = (x - y) ** 2 if loss == "squared" else np.abs(x - y)
        power *= 2 if loss == "squared" else 1
    per_image: Floats = shifted(pixels.reshape(len(x), -1).sum(axis=1), power)
    return Score(
        mean_over_images(per_image),
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
