"""Batch estimates over all ranks of a distributed group, with the gradients of one large batch."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist


class GatherRows(torch.autograd.Function):
    """Rows of all ranks in order of rank; the gradient of a row is the sum over ranks.

    Each rank must have the same number of rows.
    """

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        """Return the rows of all ranks, shape (ranks * b, ...)."""
        ctx.count = rows.shape[0]
        parts = [torch.empty_like(rows) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Return the gradient of all ranks' results to this rank's rows."""
        # not reduce_scatter, which gloo does not have
        total = grad.contiguous().clone()
        dist.all_reduce(total)
        first = rank() * ctx.count
        return total[first : first + ctx.count]


class MeanOverRanks(torch.autograd.Function):
    """The mean of a value over ranks, with the gradient of this rank's own value.

    With `GatherRows`, and with gradients averaged over ranks as in DistributedDataParallel, a
    training step equals that of one rank with the whole batch.
    """

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        """Return the mean over ranks."""
        total = value.clone()
        dist.all_reduce(total)
        return total / dist.get_world_size()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        """Return the gradient unchanged."""
        return grad


def several_ranks() -> bool:
    """Tell whether there is a distributed group of more than one rank."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def rank() -> int:
    """Return this process's rank in the group."""
    return dist.get_rank()


def gather_rows(rows: Tensor) -> Tensor:
    """Return the rows of all ranks, differentiably; without a group, those of this process."""
    if not several_ranks():
        return rows
    all_rows: Tensor = GatherRows.apply(rows)  # type: ignore[no-untyped-call]
    return all_rows


def mean_over_ranks(value: Tensor) -> Tensor:
    """Return the mean over all ranks, with this rank's own gradient."""
    if not several_ranks():
        return value
    mean: Tensor = MeanOverRanks.apply(value)  # type: ignore[no-untyped-call]
    return mean
