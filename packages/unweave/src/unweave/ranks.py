"""Several processes that train one model: each computes a part of every batch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch import distributed as dist

from unweave.errors import ConfigError
from unweave.launch import LostProcessError, in_job
from unweave.model import Autoencoder, apply_whole

JOB = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
"""Environment variables by which torchrun and other launchers describe a job to its processes."""


class Ranks:
    """The processes of one job, and the rank of this one.

    Every process holds the whole model and draws the whole batch, with the noise of a run in one
    process. Encoder and decoder compute only the rows of their process, and their outputs are
    gathered. So estimators, costs and critics get the whole batch in every process, and any
    objective is computed as in one process. Gradients are averaged before a player moves.

    Parameters
    ----------
    rank
        Rank of this process, from 0.
    size
        Number of processes.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size

    @classmethod
    def of_job(cls) -> Ranks:
        """Read the job and the rank of this process from the environment.

        Raises
        ------
        ConfigError
            If a launcher set only some of the variables.
        """
        there = [name for name in JOB if name in os.environ]
        if not in_job():
            return ALONE
        if len(there) < len(JOB):
            raise ConfigError(
                f"WORLD_SIZE is set and {', '.join(sorted(set(JOB) - set(there)))} is not; start "
                "the job with torchrun or with --devices"
            )
        return cls(int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"]))

    def device(self, name: str) -> str:
        """Name the device of this process: its own GPU if GPUs are requested."""
        cuda = name == "cuda" or (name == "auto" and torch.cuda.is_available())
        return f"cuda:{os.environ.get('LOCAL_RANK', '0')}" if self.size > 1 and cuda else name

    def check(self, batch: int, model: nn.Module, objective: nn.Module) -> None:
        """Raise unless the processes can share a batch.

        Raises
        ------
        ConfigError
            If a batch cannot be split evenly, or an estimator gathers posteriors itself.
        """
        if self.size == 1:
            return
        if batch % self.size:
            raise ConfigError(
                f"batch_size must be a multiple of the {self.size} processes, got {batch}"
            )
        if any(getattr(module, "gather", False) is True for module in objective.modules()):
            raise ConfigError(
                "estimators see the batches of all processes already; leave out gather=true"
            )

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """Be in a process group with the other processes while the block runs.

        A group that the caller has made is used and not ended.
        """
        if self.size == 1 or dist.is_initialized():
            yield
            return
        with _lost_process():
            if device.type == "cuda":
                torch.cuda.set_device(device)
            dist.init_process_group("cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo")
        try:
            yield
        finally:
            dist.destroy_process_group()

    @property
    def first(self) -> bool:
        """Whether this process logs and saves."""
        return self.rank == 0

    @property
    def own(self) -> tuple[int, ...]:
        """Part of the seed of dropout that differs between the processes."""
        return (self.rank,) if self.rank else ()

    @contextmanager
    def sharing(self, model: Autoencoder) -> Iterator[None]:
        """Let encoder and decoder compute only the rows of this process while the block runs."""
        if self.size == 1:
            yield
            return
        before, model.over_rows = model.over_rows, self.over_rows
        try:
            yield
        finally:
            model.over_rows = before

    def over_rows(self, module: nn.Module, rows: Tensor) -> Tensor:
        """Apply a module to the rows of this process; return the outputs of all, in order.

        If the rows cannot be split evenly, every process computes all.
        """
        count, rest = divmod(len(rows), self.size)
        if rest or not count:
            return apply_whole(module, rows)
        mine = module(rows[self.rank * count : (self.rank + 1) * count]).float()
        gathered: Tensor = _GatherRows.apply(mine)  # type: ignore[no-untyped-call]
        return gathered

    def mean(
        self, gradients: Sequence[tuple[Tensor | None, ...]]
    ) -> list[tuple[Tensor | None, ...]]:
        """Average gradients over the processes, in one message."""
        if self.size == 1:
            return list(gradients)
        there = [gradient for own in gradients for gradient in own if gradient is not None]
        flat = torch.cat([gradient.reshape(-1) for gradient in there])
        _sum(flat)
        parts = iter(torch.split(flat / self.size, [gradient.numel() for gradient in there]))
        return [
            tuple(None if g is None else next(parts).view(g.shape) for g in own)
            for own in gradients
        ]

    def any(self, flag: bool) -> bool:
        """Whether the flag is set in any process; the result is the same in all."""
        if self.size == 1:
            return flag
        total = torch.tensor([float(flag)])
        _sum(total)
        return bool(total.item())


ALONE = Ranks()


@contextmanager
def _lost_process() -> Iterator[None]:
    """Turn the loss of another process into one sentence."""
    try:
        yield
    except RuntimeError as error:
        raise LostProcessError(
            "another process of the job has ended or cannot be reached"
        ) from error


def _sum(tensor: Tensor) -> None:
    """Add up a tensor over the processes, in place."""
    with _lost_process():
        dist.all_reduce(tensor)


class _GatherRows(torch.autograd.Function):
    """Rows of all processes in the order of ranks; a row's gradient is the sum over processes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        """Return the rows of all processes, shape (ranks x b, ...)."""
        ctx.count = len(rows)
        parts = [torch.empty(rows.shape, device=rows.device) for _ in range(dist.get_world_size())]
        with _lost_process():
            dist.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        """Return the gradient of all processes' losses for the rows of this one."""
        total = gradient.contiguous().clone()
        _sum(total)  # gloo has no reduce_scatter
        first = dist.get_rank() * ctx.count
        return total[first : first + ctx.count]
