"""Strided convolutions with batch normalisation: the nets of the WAE, TCWAE and VCAE papers."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import nn

from unweave.architectures.initial import Init, initialised
from unweave.architectures.layers import (
    ImageShape,
    Size,
    check_sides,
    doubling,
    halved,
    halving,
    same_size,
    scaled,
)


@dataclass(frozen=True)
class Plan:
    """What differs between the papers; level i is what i halvings leave of an image.

    Attributes
    ----------
    side
        Of the images that the net was published for.
    kernel
        Of every convolution.
    encoder
        Channels that the encoder's layers give, the largest size first.
    decoder
        Channels at each level of the decoder, the largest size first.
    normalised_start
        Whether the decoder's first layer, fully connected, is normalised.
    """

    side: int
    kernel: int
    encoder: tuple[int, ...]
    decoder: tuple[int, ...]
    normalised_start: bool = False


def build(
    plan: Plan, image_shape: ImageShape, dim: int, outputs: int, width: float, init: Init
) -> tuple[nn.Module, nn.Module]:
    """Build an encoder and a decoder by a plan, for any image size of at least 8.

    At another side than the plan's, both have so many strided layers that what they reach is
    at least as large as in the plan, but one layer at least; what a level has in channels stays,
    and levels beyond the plan have those of its last. An odd side is halved upwards and restored.
    Convolutions before a batch normalisation have no bias, which the normalisation would remove.

    Raises
    ------
    ValueError
        If a side is below 8 pixels or width is not positive.
    """
    check_sides(image_shape)
    encoder = _encoder(plan, image_shape, outputs, width)
    return initialised(encoder, _decoder(plan, image_shape, dim, width), init)


def _encoder(plan: Plan, image_shape: ImageShape, outputs: int, width: float) -> nn.Module:
    sizes = _sizes(image_shape, plan.side, len(plan.encoder))
    modules: list[nn.Module] = []
    channels = image_shape[2]
    for level, size in enumerate(sizes[:-1]):
        (filters,) = scaled(width, _at(plan.encoder, level))
        modules += [*halving(channels, filters, plan.kernel, size), *_normalised(filters)]
        channels = filters
    return nn.Sequential(
        *modules, nn.Flatten(), nn.Linear(channels * math.prod(sizes[-1]), outputs)
    )


def _decoder(plan: Plan, image_shape: ImageShape, dim: int, width: float) -> nn.Module:
    sizes = _sizes(image_shape, plan.side, len(plan.decoder) - 1)
    channels = [scaled(width, _at(plan.decoder, level))[0] for level in range(len(sizes))]
    start = channels[-1] * math.prod(sizes[-1])
    modules: list[nn.Module] = [nn.Linear(dim, start), nn.Unflatten(1, (channels[-1], *sizes[-1]))]
    modules += _normalised(channels[-1]) if plan.normalised_start else [nn.ReLU()]
    for level in reversed(range(len(sizes) - 1)):
        inputs, filters = channels[level + 1], channels[level]
        modules.append(doubling(inputs, filters, plan.kernel, sizes[level], bias=False))
        modules += _normalised(filters)
    return nn.Sequential(*modules, *same_size(channels[0], image_shape[2], plan.kernel))


def _sizes(image_shape: ImageShape, side: int, levels: int) -> list[Size]:
    """Halve an image as often as leaves no less than `levels` halvings of `side` do."""
    ratio = min(image_shape[:2]) * 2**levels / side
    return halved(image_shape, max(1, int(math.log2(max(1.0, ratio)))))


def _at(channels: tuple[int, ...], level: int) -> int:
    return channels[min(level, len(channels) - 1)]


def _normalised(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU()]
