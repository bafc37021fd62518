"""The two pairs of Braithwaite, O'Connor and Kleijn, for any image size of at least 8."""

from __future__ import annotations

from torch import nn

from unweave.architectures.initial import Init
from unweave.architectures.strided import Plan, build

CHANNELS = (128, 256, 512, 1024)
MNIST = Plan(28, 4, CHANNELS, CHANNELS[1:])
CELEBA = Plan(64, 5, CHANNELS, CHANNELS)


def vcae28(
    image_shape: tuple[int, int, int],
    dim: int,
    outputs: int,
    *,
    width: float = 1.0,
    init: Init = "torch",
) -> tuple[nn.Module, nn.Module]:
    """Build the pair for MNIST: four 4x4 convolutions of stride 2, batch normalised.

    Encoder: 128, 256, 512, 1024 channels, FC outputs. Decoder: FC 7·7·1024, transposed 512, 256,
    and a 4x4 convolution of stride 1 to c. What other sizes get, `strided.build` says. It is
    large: 0.9 billion multiply-adds for each image of 28 x 28; `width=0.25` has a sixteenth.

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
    Braithwaite, O'Connor and Kleijn, "Variance constrained autoencoding", arXiv 2005.03807,
    table 4.
    """
    return build(MNIST, image_shape, dim, outputs, width, init)


def vcae64(
    image_shape: tuple[int, int, int],
    dim: int,
    outputs: int,
    *,
    width: float = 1.0,
    init: Init = "torch",
) -> tuple[nn.Module, nn.Module]:
    """Build the pair for CelebA: four 5x5 convolutions of stride 2, batch normalised.

    Encoder: 128, 256, 512, 1024 channels, FC outputs. Decoder: FC 8·8·1024, transposed 512, 256,
    128, and a 5x5 convolution of stride 1 to c. Arguments, errors and source as `vcae28`.
    """
    return build(CELEBA, image_shape, dim, outputs, width, init)
