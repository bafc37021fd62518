"""Reconstruction costs: (x, decoder output) -> (b,), summed over pixels.

x has shape (b, c, h, w), in [0, 1] where it is an image; a decoder's output is unbounded. The
option `link` says how it becomes the x' of the formula: `identity`, or `sigmoid`. Under squared
and absolute error a sigmoid saturates on dark pixels, and on mostly dark images training may stay
for long at the all-dark picture, whose gradient is small; so `identity` is the default there. With
`sigmoid`, training on dSprites at 16 x 16 pixels left this plateau within 600 steps and then had
the lower error; larger images take longer.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Link = Literal["identity", "sigmoid"]
SMALLEST_SIGMA = 1e-3
"""Rounding a pixel to 8 bits alone has a standard deviation of 1 / (255 sqrt(12)) = 0.0011."""


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
        """Return the probability of each pixel to be 1."""
        return output.sigmoid()

    def forward(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the cost of each image, shape (b,)."""
        pixels = F.binary_cross_entropy_with_logits(output, x, reduction="none")
        return pixels.flatten(1).sum(1)


class LaplaceLikelihood(_PixelCost):
    """Negative log-likelihood of the pixels under a Laplace decoder.

        sum over pixels of |x - x'| / scale + log(2 scale)

    Parameters
    ----------
    scale
        Mean absolute deviation of a pixel, whose range is [0, 1].

    References
    ----------
    Mathieu et al., "Disentangling disentanglement in variational autoencoders", 2019: scale 0.1
    is what their published code has for Fashion-MNIST.
    """

    units = "nats"

    def __init__(self, *, scale: float = 0.1, link: Link = "identity") -> None:
        super().__init__(link=link)
        self.scale = _positive("scale", scale)

    def per_pixel(self, x: Tensor, expected: Tensor) -> Tensor:
        """Return -log Laplace(x; x', scale)."""
        return (x - expected).abs() / self.scale + math.log(2 * self.scale)


class GaussianLikelihood(_PixelCost):
    """Negative log-likelihood of the pixels under a Gaussian decoder, N(x; x', sigma²).

        sum over pixels of (x - x')² / (2 sigma²) + log sigma + log(2 pi) / 2

    A learned sigma is softplus(s) + 0.001, where s is a parameter of this module and trained with
    the decoder. Without the constant the density of a pixel that never changes has no bound.

    Parameters
    ----------
    sigma
        Standard deviation of a pixel, whose range is [0, 1]; the initial one if it is learned.
    learned
        `none`, `one` for all pixels, or `each`: one for every pixel and channel, whose number
        is known from the first images.

    Raises
    ------
    ValueError
        If sigma is not positive, or learned and not above 0.001; on call, if a sigma is learned
        for each pixel and the images have another shape than the first ones.

    References
    ----------
    Rybkin, Daniilidis and Levine, "Simple and effective VAE training with calibrated decoders",
    2021: one learned sigma, there the sigma-VAE.
    """

    units = "nats"
    raw_sigma: Tensor | None

    def __init__(
        self,
        *,
        sigma: float = 1.0,
        learned: Literal["none", "one", "each"] = "none",
        link: Link = "identity",
    ) -> None:
        super().__init__(link=link)
        if learned not in ("none", "one", "each"):
            raise ValueError(f"learned must be none, one or each, got {learned!r}")
        if learned != "none" and not sigma > SMALLEST_SIGMA:
            raise ValueError(f"a learned sigma must start above {SMALLEST_SIGMA}, got {sigma}")
        self._first, self.learned = _positive("sigma", sigma), learned
        first = nn.Parameter(self._raw(torch.empty(()))) if learned == "one" else None
        self.register_parameter("raw_sigma", first)

    def sigma(self) -> Tensor | float:
        """Return the standard deviation: a number, or a tensor, () or (c, h, w), if learned."""
        if self.raw_sigma is None:
            return self._first
        return F.softplus(self.raw_sigma) + SMALLEST_SIGMA

    def per_pixel(self, x: Tensor, expected: Tensor) -> Tensor:
        """Return -log N(x; x', sigma²)."""
        if self.learned == "each":
            self._fit_to(expected)
        sigma = self.sigma()
        log_sigma = sigma.log() if isinstance(sigma, Tensor) else math.log(sigma)
        constant = log_sigma + 0.5 * math.log(2 * math.pi)
        return (x - expected).square() / (2 * sigma**2) + constant

    def draw(self, output: Tensor, generator: torch.Generator) -> Tensor:
        """Draw x ~ N(x'; sigma²) with a gradient to the output, shape (b, c, h, w)."""
        expected = self.expected(output)
        noise = torch.randn(
            expected.shape, generator=generator, dtype=expected.dtype, device=expected.device
        )
        return expected + self.sigma() * noise

    def _fit_to(self, expected: Tensor) -> None:
        """Make the parameter at the first images; refuse images of another shape."""
        if self.raw_sigma is None:
            self.raw_sigma = nn.Parameter(self._raw(torch.empty_like(expected[0])))
        if self.raw_sigma.shape != expected.shape[1:]:
            raise ValueError(
                f"a sigma is learned for each of {tuple(self.raw_sigma.shape)} pixels, "
                f"got outputs of shape {tuple(expected.shape)}"
            )

    def _raw(self, like: Tensor) -> Tensor:
        """Return s with softplus(s) + 0.001 = sigma, without overflow for a large sigma."""
        above = self._first - SMALLEST_SIGMA
        return torch.full_like(like, above + math.log(-math.expm1(-above)))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Make the parameter first, which is otherwise made at the first images."""
        saved = state_dict.get(prefix + "raw_sigma")
        if self.learned == "each" and saved is not None:
            self.raw_sigma = nn.Parameter(torch.empty_like(saved))
        super()._load_from_state_dict(state_dict, prefix, *arguments)


def _positive(name: str, value: float) -> float:
    if not (value > 0 and math.isfinite(value)):
        raise ValueError(f"{name} must be a positive number, got {value}")
    return value
