"""A decoder as a list of plain operations, which a page can run without PyTorch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor


class UnsupportedOperation(Exception):
    """An operation of a decoder that the page cannot run; the text names it."""


@dataclass(frozen=True)
class Register:
    """A value that depends on the code: its number, and its shape with a leading 1."""

    number: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """The count of its elements."""
        return math.prod(self.shape)


@dataclass
class Program:
    """Operations in order; operation i writes register i + 1, and register 0 is the code.

    Attributes
    ----------
    operations
        Each a dict with `op`, `in` (registers), `size` of its result, `weights` (numbers of
        tensors) and the operation's own settings.
    weights
        Float32 tensors.
    result
        The register that holds the picture, (c, h, w).
    shape
        (c, h, w).
    """

    shape: tuple[int, ...] = ()
    operations: list[dict[str, Any]] = field(default_factory=list)
    weights: list[Tensor] = field(default_factory=list)
    result: int = 0

    def add(
        self,
        op: str,
        inputs: Sequence[Register],
        shape: Sequence[int],
        weights: Sequence[Tensor | None] = (),
        **settings: Any,
    ) -> Register:
        """Append an operation and return the register of its result."""
        numbers = [None if w is None else self._keep(w) for w in weights]
        result = Register(len(self.operations) + 1, tuple(shape))
        self.operations.append(
            {"op": op, "in": [x.number for x in inputs], "size": result.size, "weights": numbers}
            | settings
        )
        return result

    def alias(self, x: Register, shape: Sequence[int]) -> Register:
        """Give a register another shape; nothing is computed."""
        return Register(x.number, tuple(shape))

    def _keep(self, weight: Tensor) -> int:
        self.weights.append(weight.detach().float().contiguous().cpu())
        return len(self.weights) - 1


def constant_tensor(value: Any, what: str) -> Tensor:
    """Return a tensor that does not depend on the code; one that does is not supported."""
    if not isinstance(value, Tensor):
        raise UnsupportedOperation(f"{what} that depend on the code")
    return value
