"""Streamed log-sum-exp over Gaussian posteriors, never holding the (b, c, d) tensor.

For codes z_i (b of them) and posteriors N(m_j, sigma_j^2) (c of them), with

    s_ijd = log N(z_id; m_jd, sigma_jd^2),    s_ij = sum_d s_ijd,

this computes  L_i = log sum_j exp s_ij  and  L_id = log sum_j exp s_ijd  over blocks of rows i and
columns j, and in the backward pass computes every block again. O(b c d) time, O((b + c) d) memory
and one block.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

# Values of s_ijd in one block, 4 MB in float32: on CPU larger ones measured no faster; a GPU
# wants enough work for one launch.
_BLOCK_CPU = 2**20
_BLOCK_GPU = 2**24
_COLUMNS = 512


class GaussianLogSumExp(torch.autograd.Function):
    """The two sums L_i (b,) and L_id (b, d), with a backward pass that recomputes.

    `skipped` lists differences j - i left out of the sums, among the first `batch` columns: (0,)
    leaves out every code's own posterior. `absent` (c,) marks columns that hold nothing. A sum over
    nothing is -inf.
    """

    @staticmethod
    def forward(
        ctx: Any,
        z: Tensor,
        mean: Tensor,
        std: Tensor,
        absent: Tensor | None,
        skipped: tuple[int, ...],
        batch: int,
        marginals: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return L_i and L_id; without marginals the second is empty."""
        joint = z.new_full((z.shape[0],), -math.inf)
        marginal = torch.full_like(z if marginals else z[:, :0], -math.inf)
        grid = _Grid(z, mean, std, absent, skipped, batch)
        for rows, columns in grid.blocks():
            _, s = grid.log_density(rows, columns)
            joint[rows] = torch.logaddexp(joint[rows], s.sum(1).logsumexp(1))
            if marginals:
                marginal[rows] = torch.logaddexp(marginal[rows], s.logsumexp(2))
        ctx.save_for_backward(z, mean, std, absent, joint, marginal)
        ctx.skipped, ctx.batch, ctx.marginals = skipped, batch, marginals
        return joint, marginal

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad_joint: Tensor, grad_marginal: Tensor) -> tuple[Any, ...]:
        """Return the gradients for z, mean and std.

        With G_ijd = g_i exp(s_ij - L_i) + g_id exp(s_ijd - L_id) and t = (z - m) / (sigma sqrt 2):
        dz_id = -sum_j 2 G t h, dm_jd = sum_i 2 G t h, dsigma_jd = sum_i G (2 t^2 - 1) / sigma,
        where h = 1 / (sigma sqrt 2).
        """
        z, mean, std, absent, joint, marginal = ctx.saved_tensors
        # a sum over nothing is a constant; any finite number keeps exp(-inf - L) at zero
        joint = joint.masked_fill(joint == -math.inf, 0.0)
        marginal = marginal.masked_fill(marginal == -math.inf, 0.0)
        grad_z = torch.zeros_like(z)
        grad_mean, sum_gtt, sum_g = (torch.zeros_like(mean.mT) for _ in range(3))
        grid = _Grid(z, mean, std, absent, ctx.skipped, ctx.batch)
        for rows, columns in grid.blocks():
            t, s = grid.log_density(rows, columns)
            shared = (s.sum(1) - joint[rows, None]).exp_().mul_(grad_joint[rows, None])
            if ctx.marginals:
                g = s.sub_(marginal[rows, :, None]).exp_().mul_(grad_marginal[rows, :, None])
                g.add_(shared[:, None, :])
            else:
                g = shared[:, None, :].expand_as(t)
            sum_g[:, columns] += g.sum(0)
            gt = g * t
            sum_gtt[:, columns] += t.mul_(gt).sum(0)
            gt.mul_(grid.half_precision[:, columns])
            grad_z[rows] -= 2.0 * gt.sum(2)
            grad_mean[:, columns] += 2.0 * gt.sum(0)
        grad_std = (2.0 * sum_gtt - sum_g).mT / std
        return grad_z, grad_mean.mT, grad_std, None, None, None, None


class _Grid:
    """The blocks of s_ijd, laid out as (rows, d, columns) so that sums run over adjacent values."""

    def __init__(
        self,
        z: Tensor,
        mean: Tensor,
        std: Tensor,
        absent: Tensor | None,
        skipped: tuple[int, ...],
        batch: int,
    ) -> None:
        self.z = z
        self.mean = mean.mT.contiguous()
        self.half_precision = (std * math.sqrt(2.0)).reciprocal().mT.contiguous()
        self.constant = (-std.log() - 0.5 * math.log(2.0 * math.pi)).mT.contiguous()
        if absent is not None:
            self.constant = self.constant.masked_fill(absent, -math.inf)
        self.skipped, self.batch = skipped, batch

    def blocks(self) -> Iterator[tuple[slice, slice]]:
        """Yield pairs of row and column ranges that cover the grid."""
        b, (d, c) = self.z.shape[0], self.mean.shape
        gpu = self.z.device.type != "cpu"
        width = c if gpu else min(c, _COLUMNS)
        height = max(1, (_BLOCK_GPU if gpu else _BLOCK_CPU) // (d * width))
        for column in range(0, c, width):
            for row in range(0, b, height):
                yield slice(row, min(row + height, b)), slice(column, min(column + width, c))

    def log_density(self, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        """Return t = (z - m) / (sigma sqrt 2) and s = -t^2 - log(sigma sqrt(2 pi)) of a block.

        The difference is taken before the division: z h - m h would lose all digits where |m| is
        large beside sigma.
        """
        t = self.z[rows, :, None] - self.mean[:, columns]
        t.mul_(self.half_precision[:, columns])
        s = torch.addcmul(self.constant[:, columns], t, t, value=-1.0)
        within = s[:, :, : max(0, self.batch - columns.start)]
        for difference in self.skipped:
            diagonal = difference + rows.start - columns.start
            if -within.shape[0] < diagonal < within.shape[2]:
                within.diagonal(diagonal, 0, 2).fill_(-math.inf)
        return t, s
