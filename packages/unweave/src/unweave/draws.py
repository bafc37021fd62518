"""Noise and data of each member of an ensemble inside a batched step.

Inside `torch.func.vmap` one tensor stands for those of all members. Two operations reach the
members: `each` calls a function for every member and stacks the results, and `jointly` passes the
values of all members to a function at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

# torch's autograd.Function carries no annotations
# mypy: disable-error-code="no-untyped-call"


class Draws(TorchFunctionMode):
    """While active, draws from a generator are made for each member from its own generator.

    Parameters
    ----------
    number
        Number of the member, a tensor that `vmap` batches.
    generators
        Generators of the members; the first one stands for all in the code that is called.
    trained
        Ids of the tensors that stand for trained parameters: a batched tensor does not say that
        it requires a gradient, and some code asks.
    """

    def __init__(
        self, number: Tensor, generators: Sequence[torch.Generator], trained: set[int]
    ) -> None:
        super().__init__()
        self._number, self._generators, self._trained = number, generators, trained

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        """Draw for each member; answer for parameters; leave everything else alone."""
        kwargs = kwargs or {}
        if kwargs.get("generator") is self._generators[0]:
            return self._draw(function, args, kwargs)
        if function is _REQUIRES_GRAD and id(args[0]) in self._trained:
            return True
        return function(*args, **kwargs)

    def _draw(self, function: Any, args: Any, kwargs: dict[str, Any]) -> Tensor:
        tensors = [a for a in args if isinstance(a, Tensor)]

        def draw(member: int, *own: Tensor) -> Any:
            values = iter(own)
            # An operation in place must not write to what it was given for the other members.
            filled = (next(values).clone() if isinstance(a, Tensor) else a for a in args)
            return function(*filled, **kwargs | {"generator": self._generators[member]})

        return each(draw, self._number, *tensors)


_REQUIRES_GRAD = Tensor.requires_grad.__get__  # type: ignore[attr-defined]


def each(function: Callable[..., Tensor], number: Tensor, *tensors: Tensor) -> Tensor:
    """Stack `function(k, *tensors of member k)` over the members; no gradient passes.

    Parameters
    ----------
    number
        Number of the member, a tensor that `vmap` batches.
    """
    result: Tensor = _Each.apply(function, number, *tensors)
    return result


def jointly(function: Callable[..., None], number: Tensor, *tensors: Tensor) -> None:
    """Call a function with the stacked tensors of all members; gradients pass."""
    _Jointly.apply(function, number, *tensors)


class _Behind(torch.autograd.Function):
    """A function that is only ever called with batched tensors."""

    @staticmethod
    def forward(*_: Any) -> Tensor:
        """Refuse."""
        raise AssertionError("nothing is batched")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        """Keep nothing."""


class _Each(_Behind):
    @staticmethod
    def vmap(
        info: Any, in_dims: Any, function: Any, number: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, int]:
        places = in_dims[2:]
        with torch.no_grad():
            outputs = [
                function(k, *(_of(t, place, k) for t, place in zip(tensors, places, strict=True)))
                for k in range(info.batch_size)
            ]
        return torch.stack(outputs), 0


class _Jointly(_Behind):
    @staticmethod
    def vmap(
        info: Any, in_dims: Any, function: Any, number: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, int]:
        function(
            *(
                t.expand(info.batch_size, *t.shape) if place is None else t.movedim(place, 0)
                for t, place in zip(tensors, in_dims[2:], strict=True)
            )
        )
        return number, 0


def _of(tensor: Tensor, place: int | None, member: int) -> Tensor:
    return tensor if place is None else tensor.select(place, member)
