"""An autograd function that `torch.func.vmap` calls one problem after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# torch's autograd.Function carries no annotations
# mypy: disable-error-code="no-untyped-call"


class EachAlone(torch.autograd.Function):
    """A function whose blocks are written in place; `torch.func.vmap` calls it one by one.

    Its forward returns a tuple of tensors.
    """

    @classmethod
    def vmap(
        cls, info: Any, in_dims: tuple[Any, ...], *inputs: Any
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Return the stacked results of each problem."""

        def inputs_of(k: int) -> list[Any]:
            pairs = zip(inputs, in_dims, strict=True)
            return [x.select(dim, k) if isinstance(dim, int) else x for x, dim in pairs]

        results = [cls.apply(*inputs_of(k)) for k in range(info.batch_size)]
        stacked = tuple(torch.stack(parts) for parts in zip(*results, strict=True))
        return stacked, (0,) * len(stacked)


def slices(length: int, step: int) -> list[slice]:
    """Return the slices of at most `step` that make up 0 to `length`."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
