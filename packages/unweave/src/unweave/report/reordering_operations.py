"""Operations that only change shape or order of elements, or concatenate tensors."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch

from unweave.report.program import Program, Register, UnsupportedOperation

aten = torch.ops.aten


def view(target: Any) -> Any:
    """Handle an operation that only looks at its input in another order."""

    def handler(p: Program, x: Register, *args: Any, **options: Any) -> Register:
        example = target(torch.empty(x.shape), *args, **options)
        if example.is_contiguous() and example.numel() == x.size:
            return p.alias(x, example.shape)
        start = int(example.storage_offset())
        return _strided(p, x, example.shape, list(example.shape), list(example.stride()), start)

    return handler


def _strided(
    p: Program, x: Register, shape: Sequence[int], sizes: list[int], strides: list[int], start: int
) -> Register:
    return p.add("strided", [x], shape, sizes=sizes, strides=strides, start=start)


def _pixel_shuffle(p: Program, x: Register, factor: int) -> Register:
    _, channels, height, width = x.shape
    plane, colours = height * width, channels // factor**2
    return _strided(
        p, x, (1, colours, height * factor, width * factor),
        [colours, height, factor, width, factor],
        [factor * factor * plane, width, factor * plane, 1, plane], 0,
    )  # fmt: skip


def _reshape(p: Program, x: Register, shape: Any, **_: Any) -> Register:
    return p.alias(x, torch.empty(x.shape).reshape(shape).shape)


def _same(p: Program, x: Register, *_: Any, **__: Any) -> Register:
    return p.alias(x, x.shape)


def _concatenate(p: Program, parts: Any, axis: int = 0) -> Register:
    shapes = [part.shape for part in parts]
    axis %= len(shapes[0])
    shape = [*shapes[0]]
    shape[axis] = sum(s[axis] for s in shapes)
    if not all(isinstance(part, Register) for part in parts):
        raise UnsupportedOperation("a constant beside the code in one tensor")
    blocks = [math.prod(s[axis:]) for s in shapes]
    return p.add("concatenate", list(parts), shape, blocks=blocks)


REORDERINGS: dict[Any, Callable[..., Any]] = {
    aten.view.default: _reshape,
    aten._unsafe_view.default: _reshape,
    aten.clone.default: _same,
    aten.alias.default: _same,
    aten.detach.default: _same,
    aten._to_copy.default: _same,
    aten.pixel_shuffle.default: _pixel_shuffle,
    aten.cat.default: _concatenate,
}
REORDERINGS |= {
    target: view(target)
    for target in (
        aten.permute.default, aten.transpose.int, aten.t.default, aten.expand.default,
        aten.slice.Tensor, aten.select.int, aten.unsqueeze.default, aten.squeeze.dim,
        aten.squeeze.dims, aten.squeeze.default,
    )
}  # fmt: skip
