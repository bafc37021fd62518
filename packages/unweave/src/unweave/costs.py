"""Reconstruction costs: (x, decoder output) -> (b,), summed over pixels.

x has shape (b, c, h, w), in [0, 1] where it is an image; a decoder's output is unbounded. The
option `link` says how it becomes the x' of the formula: `identity`, or `sigmoid`. Under squared
and absolute error a sigmoid saturates: on mostly dark images training ends at the all-dark
picture, whose gradient vanishes, so `identity` is the default there.
"""

from __future__ import annotations

import math
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Link = Literal["identity", "sigmoid"]


class _PixelCost(nn.Module):
    """A sum over pixels of a function of x and x'."""

    units = ""

    def __init__(self, *, link: Link = "identity") -> None:
        super().__init__()
        self.link = link

    def image(self, output: Tensor) -> Tensor:
        """Return the picture in [0, 1] that a decoder output stands for."""
        return self.expected(output).clamp(0, 1)

    def expected(self, output: Tensor) -> Tensor:
        """Return x'."""
        return output.sigmoid() if self.link == "sigmoid" else output

    def per_pixel(self, x: Tensor, expected: Tensor) -> Tensor:
        """Return the cost of each pixel."""
        raise NotImplementedError

    def forward(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the cost of each image, shape (b,)."""
        return self.per_pixel(x, self.expected(output)).flatten(1).sum(1)


class SquaredError(_PixelCost):
    """Squared L2 distance, sum over pixels of (x - x')², without a factor 1/2."""

    units = "squared L2"

    def per_pixel(self, x: Tensor, expected: Tensor) -> Tensor:
        """Return (x - x')²."""
        return (x - expected).square()


class AbsoluteError(_PixelCost):
    """L1 distance, sum over pixels of |x - x'|."""

    units = "L1"

    def per_pixel(self, x: Tensor, expected: Tensor) -> Tensor:
        """Return |x - x'|."""
        return (x - expected).abs()


class CrossEntropy(nn.Module):
    """Cross-entropy, -sum over pixels of x log x' + (1 - x) log(1 - x'), x' = sigmoid(output).

    For binary x it is the negative log-likelihood of a Bernoulli decoder, hence its two names,
    `bce` (as a cost) and `bernoulli` (as a likelihood).
    """

    units = "nats"
    unit_interval = True

    def image(self, output: Tensor) -> Tensor:
        """Return the probabilities of a lit pixel."""
        return output.sigmoid()

    def forward(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the cost of each image, shape (b,)."""
        pixels = F.binary_cross_entropy_with_logits(output, x, reduction="none")
        return pixels.flatten(1).sum(1)


class GaussianLikelihood(_PixelCost):
    """Negative log-likelihood of a Gaussian decoder N(x'; sigma²) of every pixel.

        sum over pixels of (x - x')² / (2 sigma²) + log sigma + log(2 pi) / 2

    sigma : standard deviation of a pixel, whose range is [0, 1].
    """

    units = "nats"

    def __init__(self, *, sigma: float = 1.0, link: Link = "identity") -> None:
        super().__init__(link=link)
        if not (sigma > 0 and math.isfinite(sigma)):
            raise ValueError(f"sigma must be a positive number, got {sigma}")
        self.sigma = sigma

    def per_pixel(self, x: Tensor, expected: Tensor) -> Tensor:
        """Return -log N(x; x', sigma²)."""
        constant = math.log(self.sigma) + 0.5 * math.log(2 * math.pi)
        return (x - expected).square() / (2 * self.sigma**2) + constant
