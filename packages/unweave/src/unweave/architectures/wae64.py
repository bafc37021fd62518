"""The pair of Gaujac, Feige and Barber for photographs, for any image size of at least 8."""

from __future__ import annotations

from torch import nn

from unweave.architectures.initial import Init
from unweave.architectures.strided import Plan, build

PLAN = Plan(64, 4, (32, 64, 128, 256), (32, 64, 128, 256), normalised_start=True)


def wae64(
    image_shape: tuple[int, int, int],
    dim: int,
    outputs: int,
    *,
    width: float = 1.0,
    init: Init = "torch",
) -> tuple[nn.Module, nn.Module]:
    """Build four 4x4 convolutions of stride 2 with batch normalisation, and a mirror of three.

    Encoder: 32, 64, 128, 256 channels, FC outputs. Decoder: FC 8·8·256, normalised by channel,
    transposed 128, 64, 32, and a 4x4 convolution of stride 1 to c. What other sizes get,
    `strided.build` says.

    Parameters
    ----------
    image_shape
        (h, w, c), both sides at least 8 pixels.
    dim
        Code dimensions D.
    outputs
        Encoder outputs.
    width
        Factor on the number of channels.
    init
        First weights: torch's, or as `initialised` says.

    Raises
    ------
    ValueError
        If a side is below 8 pixels or width is not positive.

    References
    ----------
    Gaujac, Feige and Barber, "Learning disentangled representations with the Wasserstein
    autoencoder", arXiv 2010.03459, appendix, the networks for CelebA.
    """
    return build(PLAN, image_shape, dim, outputs, width, init)
