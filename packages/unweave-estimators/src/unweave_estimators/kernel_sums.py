"""Sums of a kernel over the pairs of two samples, in blocks of problems and rows.

For problems p with rows x (p, n, d) and y (p, m, d) and a kernel k of squared distances r_ij^2,

    S = sum_pij k(r_pij^2),    dS/dx_pi = 2 sum_j k'(r_pij^2) (x_pi - y_pj).

With several blocks, the backward pass computes them again. O(p n m d) time,
O(p (n + m) d) memory and one block.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch
from torch import Tensor

from unweave_estimators.checks import without_autocast
from unweave_estimators.each_alone import EachAlone, slices

# torch's autograd.Function carries no annotations
# mypy: disable-error-code="no-untyped-call"

# Values of k_s in one block, 8 MB in float32 on a CPU. A GPU needs enough work per launch.
_BLOCK_CPU = 2**21
_BLOCK_GPU = 2**24


class Kernel(Protocol):
    """A function k(r^2) = sum_s k_s(r^2) of a block (p, n, m) and of widths (s, p, 1, 1)."""

    def sum(self, r2: Tensor, widths: Tensor) -> Tensor:
        """Return the sum of k over the block."""
        ...

    def slopes(self, r2: Tensor, widths: Tensor) -> Tensor:
        """Return k'(r^2), shape (p, n, m)."""
        ...


class InverseMultiquadric:
    """k_s(r^2) = w_s / (w_s + r^2)."""

    def sum(self, r2: Tensor, widths: Tensor) -> Tensor:
        """Return the sum of k over the block."""
        inverse = (r2 + widths).reciprocal_()
        return inverse.sum((2, 3), keepdim=True).mul_(widths).sum()

    def slopes(self, r2: Tensor, widths: Tensor) -> Tensor:
        """Return -sum_s w_s / (w_s + r^2)^2."""
        inverse = (r2 + widths).reciprocal_()
        return inverse.square_().mul_(-widths).sum(0)


class Gaussian:
    """k_s(r^2) = exp(-r^2 / w_s)."""

    def sum(self, r2: Tensor, widths: Tensor) -> Tensor:
        """Return the sum of k over the block."""
        return (r2 / -widths).exp_().sum()

    def slopes(self, r2: Tensor, widths: Tensor) -> Tensor:
        """Return -sum_s exp(-r^2 / w_s) / w_s."""
        return (r2 / -widths).exp_().div_(-widths).sum(0)


def kernel_sum(kernel: Kernel, x: Tensor, y: Tensor, widths: Tensor) -> Tensor:
    """Return S of x (p, n, d) and y (p, m, d) for a kernel's widths (s, p, 1, 1)."""
    if len(widths) * x.shape[0] * x.shape[1] * y.shape[1] <= _block(x):
        return kernel.sum(squared_distances(x, y), widths)
    total: Tensor = _Sum.apply(x, y, widths, kernel)[0]
    return total


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return |x_i - y_j|^2, shape (p, n, m).

    It is computed from differences, since |x|^2 + |y|^2 - 2 x.y loses small distances between codes
    far from zero.
    """
    if x.shape[2] == 1:
        return (x - y.mT).square()  # cdist takes about ten times as long for one column
    return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()


class _Sum(EachAlone):
    """Autograd function of S, from (x, y, widths, kernel)."""

    @staticmethod
    def forward(x: Tensor, y: Tensor, widths: Tensor, kernel: Kernel) -> tuple[Tensor]:
        """Return S, summed block by block."""
        with without_autocast(x):
            sums = [
                kernel.sum(squared_distances(x[problems, rows], y[problems]), widths[:, problems])
                for problems, rows in _blocks(x, y, len(widths))
            ]
        return (torch.stack(sums).sum(),)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor]) -> None:
        """Save the inputs for the backward pass."""
        *tensors, ctx.kernel = inputs
        ctx.save_for_backward(*tensors)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients for x and y."""
        return *_Gradients.apply(gradient, *ctx.saved_tensors, ctx.kernel), None, None


class _Gradients(EachAlone):
    """The gradients of S for x and y, from blocks that are computed again."""

    @staticmethod
    def forward(
        gradient: Tensor, x: Tensor, y: Tensor, widths: Tensor, kernel: Kernel
    ) -> tuple[Tensor, Tensor]:
        """Return the gradients for x and y."""
        # sum_j k'_ij (x_i - y_j) = x_i sum_j k'_ij - sum_j k'_ij y_j loses digits for codes far
        # from zero, so both are centred
        centre = y.mean(1, keepdim=True)
        centred_x, centred_y = x - centre, y - centre
        by_x, by_y = torch.zeros_like(x), torch.zeros_like(y)
        with without_autocast(x):
            for problems, rows in _blocks(x, y, len(widths)):
                r2 = squared_distances(x[problems, rows], y[problems])
                slopes = kernel.slopes(r2, widths[:, problems])
                here, there = centred_x[problems, rows], centred_y[problems]
                by_x[problems, rows] = here * slopes.sum(2, keepdim=True) - slopes @ there
                by_y[problems] += there * slopes.sum(1)[:, :, None] - slopes.mT @ here
        return by_x.mul_(2.0 * gradient), by_y.mul_(2.0 * gradient)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Save nothing: there are no second derivatives."""

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Any, ...]:
        """Refuse second derivatives."""
        raise NotImplementedError(
            "sums of kernels have no second derivatives; differentiate them once"
        )


def _blocks(x: Tensor, y: Tensor, count: int) -> Iterator[tuple[slice, slice]]:
    """Yield slices of problems and of rows of x, for `count` widths."""
    p, n, m = x.shape[0], x.shape[1], y.shape[1]
    pairs = _block(x) // count
    for problems in slices(p, max(1, pairs // (n * m))):
        height = max(1, pairs // ((problems.stop - problems.start) * m))
        for rows in slices(n, height):
            yield problems, rows


def _block(x: Tensor) -> int:
    return _BLOCK_CPU if x.device.type == "cpu" else _BLOCK_GPU
