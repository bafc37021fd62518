"""The pair of Chivukula for MNIST, for any image size of at least 8."""

from __future__ import annotations

import math

from torch import nn

from unweave.architectures.initial import Init, initialised
from unweave.architectures.layers import (
    ImageShape,
    check_sides,
    doubling,
    halved,
    scaled,
)

ENCODER = (32, 64, 128, 256)
DECODER = (32, 64)


def lat28(
    image_shape: tuple[int, int, int],
    dim: int,
    outputs: int,
    *,
    width: float = 1.0,
    init: Init = "torch",
) -> tuple[nn.Module, nn.Module]:
    """Build 5x5 convolutions of stride 1 with max pooling, and 2x2 transposed ones of stride 2.

    Encoder: 32, 64 (without padding) and 128 channels, each pooled by 2, then 2x2 to 256 channels,
    FC outputs. Decoder: FC 7·7·64, transposed 32, c; the paper lists the two transposed layers
    alone, so that the linear layer before them is ours. Other sizes: padding where the second
    convolution would leave less than 4 pixels, no pooling where less than 2 would be left, larger
    linear layers above 28; the first two poolings halve an odd side upwards.

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
    Chivukula, "Learning disentangled latent spaces using VAE", the networks for MNIST.
    """
    check_sides(image_shape)
    encoder = _encoder(image_shape, outputs, scaled(width, *ENCODER))
    return initialised(encoder, _decoder(image_shape, dim, scaled(width, *DECODER)), init)


def _encoder(image_shape: ImageShape, outputs: int, widths: tuple[int, ...]) -> nn.Module:
    height, columns, channels = image_shape
    modules: list[nn.Module] = []
    for number, filters in enumerate(widths[:-1]):
        padding = 0 if number == 1 and min(height, columns) >= 8 else 2
        height, columns = height - 4 + 2 * padding, columns - 4 + 2 * padding
        modules += [nn.Conv2d(channels, filters, 5, padding=padding), nn.ReLU()]
        if min(height, columns) >= 4:
            # The third convolution has padding, so what its pooling drops was seen beside it.
            up = number < 2
            modules.append(nn.MaxPool2d(2, ceil_mode=up))
            height, columns = (height + up) // 2, (columns + up) // 2
        channels = filters
    modules += [nn.Conv2d(channels, widths[-1], 2), nn.ReLU(), nn.Flatten()]
    flat = widths[-1] * (height - 1) * (columns - 1)
    return nn.Sequential(*modules, nn.Linear(flat, outputs))


def _decoder(image_shape: ImageShape, dim: int, widths: tuple[int, ...]) -> nn.Module:
    first, second = widths
    whole, half, start = halved(image_shape, 2)
    return nn.Sequential(
        nn.Linear(dim, second * math.prod(start)), nn.ReLU(), nn.Unflatten(1, (second, *start)),
        doubling(second, first, 2, half, bias=True), nn.ReLU(),
        doubling(first, image_shape[2], 2, whole, bias=True),
    )  # fmt: skip
