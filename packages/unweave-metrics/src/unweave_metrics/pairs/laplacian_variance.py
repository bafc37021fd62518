"""Sharpness of images."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_images
from unweave_metrics._scaling import shifted, together_in_reach
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.images import Images
from unweave_metrics.pairs._images import mean_over_images
from unweave_metrics.score import Score


@metric(
    "sharpness",
    interval=Images(),
    best="-",
    bounds=UPWARD,
    usual=True,
    cost="O(pixels)",
    rewards="sharp edges; and noise",
    misses="what the edges show",
)
def laplacian_variance(reconstructions: ArrayLike) -> Score:
    """Compute sharpness: the mean over images of the variance of the Laplacian.

    The Laplacian is the 3 x 3 kernel 0 1 0 / 1 -4 1 / 0 1 0 inside the image's border, on the mean
    of the channels; its variance is over pixels. Range 0 (flat or a smooth ramp) upward; blurred
    images have less. Compare it with that of the data: sharper than the data is not better.

    Parameters
    ----------
    reconstructions
        Any images, shape (n, h, w, c) or (n, h, w), at least 3 x 3 pixels; floats in [0, 1], or
        integers 0 to 255.

    Returns
    -------
    Score, with part `per_image` (n,).

    Raises
    ------
    ValueError
        For images below 3 x 3 pixels, NaN or infinite values.

    References
    ----------
    J. L. Pech-Pacheco et al., "Diatom autofocusing in brightfield microscopy", 2000; for generated
    images: S. Chivukula, "Learning disentangled latent spaces using VAE", sect. 3.2.3.

    Examples
    --------
    >>> float(laplacian_variance(np.ones((2, 5, 5))))
    0.0
    """
    (x,), power = together_in_reach(check_images(reconstructions, "reconstructions"))
    if min(x.shape[1:3]) < 3:
        raise ValueError(
            f"reconstructions must be at least 3 x 3 pixels for a Laplacian, got {x.shape[1:3]}"
        )
    grey = x.mean(axis=3) if x.ndim == 4 else x
    middle = grey[:, 1:-1, 1:-1]
    around = grey[:, :-2, 1:-1] + grey[:, 2:, 1:-1] + grey[:, 1:-1, :-2] + grey[:, 1:-1, 2:]
    per_image = shifted((around - 4 * middle).reshape(len(x), -1).var(axis=1), 2 * power)
    return Score(
        mean_over_images(per_image),
        name="laplacian_variance",
        parts={"per_image": per_image},
        settings={"rows": len(x)},
    )
