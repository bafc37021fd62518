"""What convolutional pairs share: sizes, scaled widths, strided layers that restore any size."""

from __future__ import annotations

import math

from torch import nn

from unweave.architectures.transposed import TransposedConvolution

SMALLEST_SIDE = 8
ImageShape = tuple[int, int, int]
Size = tuple[int, int]


def check_sides(image_shape: ImageShape) -> None:
    """Raise unless both sides of (h, w, c) have at least 8 pixels.

    Raises
    ------
    ValueError
        If one has fewer.
    """
    height, width, _ = image_shape
    if min(height, width) < SMALLEST_SIDE:
        raise ValueError(f"images must have at least 8 x 8 pixels, got {height} x {width}")


def scaled(width: float, *numbers: int) -> tuple[int, ...]:
    """Return round(width n) of every number of channels or units, at least 1.

    Raises
    ------
    ValueError
        If width is not positive.
    """
    if not (width > 0 and math.isfinite(width)):
        raise ValueError(f"width must be a positive number, got {width}")
    return tuple(max(1, round(width * number)) for number in numbers)


def halved(image_shape: ImageShape, levels: int) -> list[Size]:
    """Return (h, w) and what is left of it after each of `levels` halvings, rounded up."""
    height, width, _ = image_shape
    return [(-(-height >> i), -(-width >> i)) for i in range(levels + 1)]


def halving(channels: int, outputs: int, kernel: int, size: Size) -> list[nn.Module]:
    """Build a convolution of stride 2 from (h, w) to half of it, rounded up, without bias."""
    modules: list[nn.Module] = []
    padding = (kernel - 1) // 2
    odd = (kernel % 2 == 0 and size[1] % 2, kernel % 2 == 0 and size[0] % 2)
    if any(odd):  # an even kernel ends before the last row of an odd size
        modules.append(nn.ZeroPad2d((0, int(odd[0]), 0, int(odd[1]))))
    return [*modules, nn.Conv2d(channels, outputs, kernel, 2, padding, bias=False)]


def doubling(channels: int, outputs: int, kernel: int, size: Size, *, bias: bool) -> nn.Module:
    """Build a transposed convolution of stride 2 from half of (h, w), rounded up, to (h, w).

    It gives 2 (m - 1) + kernel - 2 padding + output padding of m = ceil(size / 2) pixels.
    """
    surplus = [2 * (-(-side // 2) - 1) + kernel - side for side in size]
    padding = (-(-surplus[0] // 2), -(-surplus[1] // 2))
    added = (2 * padding[0] - surplus[0], 2 * padding[1] - surplus[1])
    return TransposedConvolution(channels, outputs, kernel, 2, padding, added, bias=bias)


def same_size(channels: int, outputs: int, kernel: int) -> list[nn.Module]:
    """Build a convolution of stride 1 that keeps the size."""
    before, after = (kernel - 1) // 2, kernel // 2
    if before == after:
        return [nn.Conv2d(channels, outputs, kernel, padding=before)]
    # A convolution pads both ends alike.
    padding = nn.ZeroPad2d((before, after, before, after))
    return [padding, nn.Conv2d(channels, outputs, kernel)]
