"""An autograd function that `torch.func.vmap` calls one problem after the other."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# torch's autograd.Function carries no annotations
# mypy: disable-error-code="no-untyped-call"


class EachAlone(torch.autograd.Function):
    """A function that writes to its blocks in place; `torch.func.vmap` calls it per problem.

    Its forward pass returns a tuple of tensors.
    """

    @classmethod
    def vmap(
        cls, info: Any, in_dims: tuple[Any, ...], *inputs: Any
    ) -> tuple[tuple[Tensor, ...], tuple[int, ...]]:
        """Return the results of all problems, stacked along a new first axis."""

        def inputs_of(k: int) -> list[Any]:
            pairs = zip(inputs, in_dims, strict=True)
            return [x.select(dim, k) if isinstance(dim, int) else x for x, dim in pairs]

        results = [cls.apply(*inputs_of(k)) for k in range(info.batch_size)]
        stacks = tuple(torch.stack(parts) for parts in zip(*results, strict=True))
        return stacks, (0,) * len(stacks)


def slices(length: int, step: int) -> list[slice]:
    """Return slices of at most `step` entries that cover 0 to `length`."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]
