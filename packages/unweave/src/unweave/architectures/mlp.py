"""A fully connected pair."""

from __future__ import annotations

import itertools
import math

from torch import nn

from unweave.architectures.initial import Init, initialised


def mlp(
    image_shape: tuple[int, int, int],
    dim: int,
    outputs: int,
    *,
    widths: tuple[int, ...] = (1200, 1200),
    init: Init = "torch",
) -> tuple[nn.Module, nn.Module]:
    """Build linear layers of the given widths with ReLU between, and their mirror.

    Parameters
    ----------
    image_shape
        (h, w, c).
    dim
        Code dimensions D.
    outputs
        Encoder outputs.
    widths
        Hidden units of the encoder's layers; the decoder has them in reverse.
    init
        First weights: torch's, or as `initialised` says.

    Raises
    ------
    ValueError
        If a width is below 1.
    """
    if not widths or min(widths) < 1:
        raise ValueError(f"widths must be whole numbers of at least 1, got {widths}")
    height, width, colours = image_shape
    pixels = math.prod(image_shape)
    encoder = nn.Sequential(nn.Flatten(), *_linear([pixels, *widths, outputs]))
    decoder = nn.Sequential(
        *_linear([dim, *reversed(widths), pixels]), nn.Unflatten(1, (colours, height, width))
    )
    return initialised(encoder, decoder, init)


def _linear(sizes: list[int]) -> list[nn.Module]:
    layers: list[nn.Module] = []
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), nn.ReLU()]
    return layers[:-1]
