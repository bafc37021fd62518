"""The convolutional pair of Locatello et al. 2019, for any image size of at least 8."""

from __future__ import annotations

import itertools
import math

from torch import nn

from unweave.architectures.initial import Init, initialised
from unweave.architectures.layers import check_sides, scaled
from unweave.architectures.transposed import TransposedConvolution

CHANNELS = (32, 32, 64, 64)
HIDDEN = 256


def conv64(
    image_shape: tuple[int, int, int],
    dim: int,
    outputs: int,
    *,
    width: float = 1.0,
    init: Init = "torch",
) -> tuple[nn.Module, nn.Module]:
    """Build four 4x4 convolutions of stride 2 and two linear layers, and their mirror.

    Encoder: 32, 32, 64, 64 channels, FC 256, FC outputs. Decoder: FC 256, FC 4·4·64, then
    transposed 64, 32, 32, c. For other sizes than 64 the number of strided layers is
    floor(log2(side / 4)), so that at least 4 x 4 pixels remain, and an odd side is restored
    by output padding; nothing is cropped.

    Parameters
    ----------
    image_shape
        (h, w, c), both sides at least 8 pixels.
    dim
        Code dimensions D.
    outputs
        Encoder outputs.
    width
        Factor on the number of channels and hidden units.
    init
        First weights: torch's, or as `initialised` says.

    Raises
    ------
    ValueError
        If a side is below 8 pixels or width is not positive.

    References
    ----------
    Locatello et al., "Challenging common assumptions in the unsupervised learning of
    disentangled representations", ICML 2019, table 1 of the appendix.
    """
    check_sides(image_shape)
    height, side, colours = image_shape
    layers = int(math.log2(min(height, side) / 4))
    widths = (CHANNELS[min(i, len(CHANNELS) - 1)] for i in range(layers))
    channels = [colours, *scaled(width, *widths)]
    sizes = [(height >> i, side >> i) for i in range(layers + 1)]
    (hidden,) = scaled(width, HIDDEN)
    flat = channels[-1] * math.prod(sizes[-1])
    encoder = nn.Sequential(
        *_downwards(channels), nn.Flatten(), nn.Linear(flat, hidden), nn.ReLU(),
        nn.Linear(hidden, outputs),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(dim, hidden), nn.ReLU(), nn.Linear(hidden, flat), nn.ReLU(inplace=True),
        nn.Unflatten(1, (channels[-1], *sizes[-1])), *_upwards(channels, sizes),
    )  # fmt: skip
    return initialised(encoder, decoder, init)


def _downwards(channels: list[int]) -> list[nn.Module]:
    pairs = itertools.pairwise(channels)
    return [m for i, o in pairs for m in (nn.Conv2d(i, o, 4, 2, 1), nn.ReLU())]


def _upwards(channels: list[int], sizes: list[tuple[int, int]]) -> list[nn.Module]:
    modules: list[nn.Module] = []
    for level in reversed(range(1, len(channels))):
        (small_h, small_w), (large_h, large_w) = sizes[level], sizes[level - 1]
        modules += [
            TransposedConvolution(
                channels[level], channels[level - 1], 4, 2, 1,
                output_padding=(large_h - 2 * small_h, large_w - 2 * small_w),
            ),
            nn.ReLU(),
        ]  # fmt: skip
    return modules[:-1]
