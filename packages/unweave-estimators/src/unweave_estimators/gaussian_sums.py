"""Log-sum-exp over Gaussian posteriors in blocks, without the whole (b, c, d) tensor.

For codes z_i (b of them) and posteriors N(m_j, sigma_j^2) (c of them), with

    s_ijd = log N(z_id; m_jd, sigma_jd^2),    s_ij = sum_d s_ijd,

this computes  L_i = log sum_j exp s_ij  and  L_id = log sum_j exp s_ijd  over blocks of rows i and
columns j; the backward pass computes every block again. O(b c d) time, O((b + c) d) memory and one
block.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from unweave_estimators.each_alone import EachAlone, slices

# torch's autograd.Function carries no annotations
# mypy: disable-error-code="no-untyped-call"

# Values of s_ijd in one block. On a CPU the three tensors of a block, 1 MB each in float32, should
# stay in the core's cache: 4 MB took 1.6 times as long. A GPU needs enough work per launch.
_BLOCK_CPU = 2**18
_BLOCK_GPU = 2**24
_COLUMNS = 256


def gaussian_log_sum_exp(
    z: Tensor,
    mean: Tensor,
    std: Tensor,
    *,
    absent: Tensor | None = None,
    diagonals: tuple[int, ...] = (),
    batch: int = 0,
    marginals: bool = True,
) -> tuple[Tensor, Tensor]:
    """Return the two sums L_i (b,) and L_id (b, d); without `marginals` the second is empty.

    Parameters
    ----------
    z : float tensor, shape (b, d)
    mean, std : float tensors, shape (c, d)
    absent : bool tensor, shape (c,)
        True for columns without a posterior.
    diagonals
        Differences j - i that the sums leave out, among the first `batch` columns: (0,) leaves out
        every code's own posterior. An empty sum is -inf.
    """
    joint, marginal = _Sums.apply(z, mean, std, absent, diagonals, batch, marginals)
    return joint, marginal


class _Sums(EachAlone):
    """Autograd function of L_i and L_id."""

    @staticmethod
    def forward(
        z: Tensor,
        mean: Tensor,
        std: Tensor,
        absent: Tensor | None,
        diagonals: tuple[int, ...],
        batch: int,
        marginals: bool,
    ) -> tuple[Tensor, Tensor]:
        """Return L_i and L_id, streamed over the blocks of columns."""
        grid = _Grid(z, mean, std, absent, diagonals, batch)
        joint, marginal = [], []
        for rows in grid.rows:
            sums: list[Tensor] = []
            for columns in grid.columns:
                _, s = grid.log_density(rows, columns)
                block = [s.sum(1).logsumexp(1), (s if marginals else s[:, :0]).logsumexp(2)]
                sums = list(map(torch.logaddexp, sums, block)) if sums else block
            joint.append(sums[0])
            marginal.append(sums[1])
        return torch.cat(joint), torch.cat(marginal)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        """Save inputs and outputs for the backward pass."""
        z, mean, std, absent, *ctx.options = inputs
        ctx.save_for_backward(z, mean, std, absent, *output)

    @staticmethod
    def backward(ctx: Any, grad_joint: Tensor, grad_marginal: Tensor) -> tuple[Any, ...]:
        """Return the gradients for z, mean and std."""
        gradients = _Gradients.apply(grad_joint, grad_marginal, *ctx.saved_tensors, *ctx.options)
        return *gradients, None, None, None, None


class _Gradients(EachAlone):
    """The gradients of L_i and L_id for z, mean and std, from blocks that are computed again.

    With G_ijd = g_i exp(s_ij - L_i) + g_id exp(s_ijd - L_id), t = (z - m) h and
    h = 1 / (sigma sqrt 2):

        dz_id = -sum_j 2 G t h,  dm_jd = sum_i 2 G t h,  dsigma_jd = sum_i G (2 t^2 - 1) / sigma
    """

    @staticmethod
    def forward(
        grad_joint: Tensor,
        grad_marginal: Tensor,
        z: Tensor,
        mean: Tensor,
        std: Tensor,
        absent: Tensor | None,
        joint: Tensor,
        marginal: Tensor,
        diagonals: tuple[int, ...],
        batch: int,
        marginals: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients for z, mean and std."""
        # an empty sum is a constant; with any finite L, exp(-inf - L) is zero
        joint, marginal = (_finite(x) for x in (joint, marginal))
        grad_z = torch.zeros_like(z)
        sum_gth, sum_gtt, sum_g = (torch.zeros_like(mean.mT) for _ in range(3))
        grid = _Grid(z, mean, std, absent, diagonals, batch)
        for rows in grid.rows:
            for columns in grid.columns:
                t, s = grid.log_density(rows, columns)
                weights = (s.sum(1) - joint[rows, None]).exp_().mul_(grad_joint[rows, None])
                if marginals:
                    s.sub_(marginal[rows, :, None]).exp_()
                    g = torch.addcmul(weights[:, None, :], s, grad_marginal[rows, :, None])
                else:
                    g = weights[:, None, :].expand_as(t)
                sum_g[:, columns] += g.sum(0)
                gt = g * t
                sum_gtt[:, columns] += t.mul_(gt).sum(0)
                gth = gt.mul_(grid.half_precision[:, columns])
                grad_z[rows] -= 2.0 * gth.sum(2)
                sum_gth[:, columns] += gth.sum(0)
        return grad_z, 2.0 * sum_gth.mT, (2.0 * sum_gtt - sum_g).mT / std

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        """Save nothing: there are no second derivatives."""

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> tuple[Any, ...]:
        """Refuse second derivatives."""
        raise NotImplementedError(
            "sums over Gaussian posteriors have no second derivatives; differentiate them once"
        )


class _Grid:
    """The blocks of s_ijd, laid out as (rows, d, columns) so that sums run over adjacent values."""

    def __init__(
        self,
        z: Tensor,
        mean: Tensor,
        std: Tensor,
        absent: Tensor | None,
        diagonals: tuple[int, ...],
        batch: int,
    ) -> None:
        self.z = z
        self.mean = mean.mT.contiguous()
        self.half_precision = (std * math.sqrt(2.0)).reciprocal().mT.contiguous()
        self.constant = (-std.log() - 0.5 * math.log(2.0 * math.pi)).mT.contiguous()
        if absent is not None:
            self.constant = self.constant.masked_fill(absent, -math.inf)
        self.diagonals, self.batch = diagonals, batch
        b, (d, c) = z.shape[0], self.mean.shape
        gpu = z.device.type != "cpu"
        width = c if gpu else min(c, _COLUMNS)
        height = max(1, (_BLOCK_GPU if gpu else _BLOCK_CPU) // (d * width))
        self.rows, self.columns = slices(b, height), slices(c, width)

    def log_density(self, rows: slice, columns: slice) -> tuple[Tensor, Tensor]:
        """Return t = (z - m) / (sigma sqrt 2) and s = -t^2 - log(sigma sqrt(2 pi)) of a block.

        The difference is taken before the division: z h - m h would lose all digits if |m| is much
        larger than sigma.
        """
        t = self.z[rows, :, None] - self.mean[:, columns]
        t.mul_(self.half_precision[:, columns])
        s = torch.addcmul(self.constant[:, columns], t, t, value=-1.0)
        within = s[:, :, : max(0, self.batch - columns.start)]
        for difference in self.diagonals:
            diagonal = difference + rows.start - columns.start
            if -within.shape[0] < diagonal < within.shape[2]:
                within.diagonal(diagonal, 0, 2).fill_(-math.inf)
        return t, s


def _finite(log_sum: Tensor) -> Tensor:
    """Replace minus infinity by 0, and keep NaN."""
    return log_sum.nan_to_num(math.nan, neginf=0.0)
