"""Invertible layers with parameters from an encoder, per input: planar, radial, IAF."""

from __future__ import annotations

import abc
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave_flows.zuko_parts import MaskedAutoregressiveTransform

# Number of bisections after which an interval is narrower than the spacing of float32 numbers.
BISECTIONS = 50
# softplus(x + SHIFT) is 1 at x = 0.
SHIFT = math.log(math.e - 1)


class PosteriorLayer(torch.nn.Module, abc.ABC):
    """Bijection of codes, with parameters from an encoder.

    Attributes
    ----------
    outputs : int
        Number of parameters per input.
    """

    outputs: int

    @abc.abstractmethod
    def forward(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (..., b, dim) under parameters (b, outputs) to y and log |det dy/dx| (..., b)."""

    @abc.abstractmethod
    def inverse(self, y: Tensor, parameters: Tensor) -> Tensor:
        """Map y (..., b, dim) back to x, differentiably."""


class Planar(PosteriorLayer):
    """Planar layer, y = x + v tanh(w.x + b), with log-determinant log(1 + w.v tanh'(w.x + b)).

    The encoder returns u, w, b. The layer is invertible if w.v > -1. To ensure this, the part of u
    along w is replaced: v = u + (m(w.u) - w.u) w / |w|^2. With the paper's m(x) = softplus(x) - 1,
    v is singular at w = 0; m(x) = softplus(x + log(e - 1)) - 1 has the same range and m(0) = 0,
    so that small outputs of an encoder give nearly the identity.

    References
    ----------
    Rezende, Mohamed, "Variational Inference with Normalizing Flows", 2015, equation 10 and
    appendix A.1.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.outputs = 2 * dim + 1

    def forward(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (..., b, dim) to y and log |det dy/dx| (..., b)."""
        v, w, b, growth = self._constrain(parameters)
        bend = torch.tanh((w * x).sum(-1, keepdim=True) + b)
        return x + v * bend, _slope(bend, growth).log().squeeze(-1)

    def inverse(self, y: Tensor, parameters: Tensor) -> Tensor:
        """Map y (..., b, dim) back: a = w.x solves a + (w.v) tanh(a + b) = w.y, and gives x."""
        v, w, b, growth = self._constrain(parameters)
        target = (w * y).sum(-1, keepdim=True)
        with torch.no_grad():
            root = _bisect(target, b, growth)
        bend = torch.tanh(root + b)
        # This difference is zero; its gradient is that of the implicit function.
        rest = root + (growth - 1) * bend - target
        along = root - (rest - rest.detach()) / _slope(bend, growth).detach()
        return y - v * torch.tanh(along + b)

    def _constrain(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return v, w, b, and 1 + w.v, which is positive."""
        u, w, b = torch.split(parameters, [self.dim, self.dim, 1], dim=-1)
        along = (w * u).sum(-1, keepdim=True)
        growth = F.softplus(along + SHIFT)
        tiny = torch.finfo(w.dtype).tiny
        v = u + (growth - 1 - along) * w / w.square().sum(-1, keepdim=True).clamp_min(tiny)
        return v, w, b, growth


class Radial(PosteriorLayer):
    """Radial layer, y = x + beta (x - c) / (alpha + r) with r = |x - c|.

    Its log-determinant is (dim - 1) log(1 + beta / (alpha + r)) +
    log(1 + alpha beta / (alpha + r)^2). The encoder returns the centre c and, through softplus,
    alpha > 0 and alpha + beta > 0. If these two outputs are equal, beta = 0, the identity.

    References
    ----------
    Rezende, Mohamed, "Variational Inference with Normalizing Flows", 2015, equation 14 and
    appendix A.2.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.outputs = dim + 2

    def forward(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (..., b, dim) to y and log |det dy/dx| (..., b)."""
        centre, alpha, total = self._constrain(parameters)
        r = torch.linalg.vector_norm(x - centre, dim=-1, keepdim=True)
        y = x + (total - alpha) / (alpha + r) * (x - centre)
        # Both factors are quotients of sums of positive numbers: rounding cannot change the sign.
        across = ((total + r) / (alpha + r)).log()
        along = ((r * (r + 2 * alpha) + alpha * total) / (alpha + r).square()).log()
        return y, ((self.dim - 1) * across + along).squeeze(-1)

    def inverse(self, y: Tensor, parameters: Tensor) -> Tensor:
        """Map y (..., b, dim) back: s = |y - c| = r + beta r / (alpha + r) is quadratic in r."""
        centre, alpha, total = self._constrain(parameters)
        s = torch.linalg.vector_norm(y - centre, dim=-1, keepdim=True)
        half = (total - s) / 2
        size = half.abs() + (half.square() + alpha * s).sqrt()
        r = torch.where(half > 0, alpha * s / size, size)
        return centre + (alpha + r) / (total + r) * (y - centre)

    def _constrain(self, parameters: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the centre, alpha, and alpha + beta, both positive."""
        centre, alpha, total = torch.split(parameters, [self.dim, 1, 1], dim=-1)
        return centre, F.softplus(alpha), F.softplus(total)


class InverseAutoregressive(PosteriorLayer):
    """Layer of an inverse autoregressive flow, y_d = x_d exp(a_d) + m_d.

    a_d and m_d depend on the dimensions before d in an order and on a context vector from the
    encoder. At the start they are near zero, and the layer is near the identity. The map takes one
    pass of the network, its inverse takes `dim` passes.

    Parameters
    ----------
    dim, context : int
        Number of code dimensions and of numbers in the context vector.
    hidden : ints
        Widths of the hidden layers of the masked network.
    reverse : bool
        Whether the order is from the last dimension to the first.

    References
    ----------
    Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, "Improving Variational Inference with
    Inverse Autoregressive Flow", 2016, algorithm 1.
    """

    def __init__(self, dim: int, *, context: int, hidden: tuple[int, ...], reverse: bool) -> None:
        super().__init__()
        self.outputs = context
        order = torch.arange(dim)
        self.masked = MaskedAutoregressiveTransform(
            dim, context, order=order.flip(0) if reverse else order, hidden_features=hidden
        )
        last_weight, last_bias = list(self.masked.parameters())[-2:]
        with torch.no_grad():
            last_weight.mul_(0.01)
            last_bias.mul_(0.01)

    def forward(self, x: Tensor, parameters: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (..., b, dim) to y and log |det dy/dx| (..., b)."""
        # One pass of the network computes both; zuko adds this method to every transform.
        y, log_det = self.masked(parameters).call_and_ladj(x)
        return y, log_det

    def inverse(self, y: Tensor, parameters: Tensor) -> Tensor:
        """Map y (..., b, dim) back to x in `dim` passes."""
        x: Tensor = self.masked(parameters).inv(y)
        return x


def _slope(bend: Tensor, growth: Tensor) -> Tensor:
    """Return 1 + (growth - 1) (1 - bend^2) as a sum of positive numbers."""
    return bend.square() + growth * (1 - bend.square())


def _bisect(target: Tensor, b: Tensor, growth: Tensor) -> Tensor:
    """Solve a + (growth - 1) tanh(a + b) = target, increasing in a, in a fixed number of steps."""
    width = (growth - 1).abs()
    low, high = target - width, target + width
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        above = middle + (growth - 1) * torch.tanh(middle + b) > target
        low, high = torch.where(above, low, middle), torch.where(above, middle, high)
    return (low + high) / 2
