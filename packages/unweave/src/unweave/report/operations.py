"""The operations of PyTorch's core that a page can run, and what they become there."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unweave.report.program import Program, Register, UnsupportedOperation

aten = torch.ops.aten


def _constant(value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor):
        raise UnsupportedOperation(f"{what} that depend on the code")
    return value


def _addmm(p: Program, bias: Any, x: Any, weight: Any, beta: Any = 1, alpha: Any = 1) -> Register:
    weight = alpha * _constant(weight, "weights of a linear layer")
    return _linear(p, x, weight.t(), beta * _constant(bias, "biases of a linear layer"))


def _mm(p: Program, x: Any, weight: Any) -> Register:
    return _linear(p, x, _constant(weight, "weights of a linear layer").t(), None)


def _linear(p: Program, x: Any, weight: Tensor, bias: Tensor | None) -> Register:
    if not isinstance(x, Register):
        raise UnsupportedOperation("a product of weights with the code from the left")
    outputs, inputs = weight.shape
    if bias is not None:
        bias = bias.expand(outputs)
    shape = (*x.shape[:-1], outputs)
    return p.add("linear", [x], shape, [weight, bias], columns=inputs, rows=outputs)


def _convolution(
    p: Program, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, output_padding: Any, groups: int,
) -> Register:  # fmt: skip
    if not isinstance(x, Register) or len(stride) != 2:
        raise UnsupportedOperation("a convolution that is not of images")
    weight = _constant(weight, "weights of a convolution")
    kernel = weight.shape[2:]
    reach = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
    sides = [
        (n - 1) * s - 2 * p_ + r + o + 1 if transposed else (n + 2 * p_ - r - 1) // s + 1
        for n, s, p_, r, o in zip(x.shape[2:], stride, padding, reach, output_padding, strict=True)
    ]
    shape = (1, weight.shape[1] * groups if transposed else weight.shape[0], *sides)
    return p.add(
        "deconv" if transposed else "conv", [x], shape, [weight, bias],
        x=list(x.shape[1:]), y=list(shape[1:]), kernel=list(kernel),
        stride=list(stride), padding=list(padding), dilation=list(dilation), groups=groups,
    )  # fmt: skip


def _scale_channels(p: Program, x: Register, scale: Tensor, shift: Tensor) -> Register:
    inner = math.prod(x.shape[2:])
    return p.add("affine", [x], x.shape, [scale, shift], inner=inner, period=len(scale))


def _batch_norm(
    p: Program, x: Register, weight: Any, bias: Any, mean: Any, variance: Any, *rest: Any
) -> tuple[Any, ...]:
    training, eps = (False, rest[1]) if len(rest) == 2 else (rest[0], rest[2])
    channels = x.shape[1]
    one, zero = torch.ones(channels), torch.zeros(channels)
    weight, bias = one if weight is None else weight, zero if bias is None else bias
    if training:  # over a batch of one: every channel by its own mean and variance
        y = p.add("normalize", [x], x.shape, block=math.prod(x.shape[2:]), eps=eps)
        return _scale_channels(p, y, weight, bias), None, None
    scale = weight / torch.sqrt(variance + eps)
    return _scale_channels(p, x, scale, bias - mean * scale), None, None


def _group_norm(
    p: Program, x: Register, weight: Any, bias: Any, n: int, c: int, hw: int, groups: int,
    eps: float,
) -> tuple[Any, ...]:  # fmt: skip
    y = p.add("normalize", [x], x.shape, block=x.size // groups, eps=eps)
    one, zero = torch.ones(c), torch.zeros(c)
    scale, shift = one if weight is None else weight, zero if bias is None else bias
    return _scale_channels(p, y, scale, shift), None, None


def _layer_norm(
    p: Program, x: Register, shape: Any, weight: Any, bias: Any, eps: float
) -> tuple[Any, ...]:
    block = math.prod(shape)
    y = p.add("normalize", [x], x.shape, block=block, eps=eps)
    scale = torch.ones(block) if weight is None else weight.reshape(-1)
    shift = torch.zeros(block) if bias is None else bias.reshape(-1)
    return p.add("affine", [y], x.shape, [scale, shift], inner=1, period=block), None, None


def _activation(kind: str, *defaults: float) -> Any:
    def handler(p: Program, x: Register, *args: float) -> Register:
        given = [*args, *defaults[len(args) :]]
        return p.add("activation", [x], x.shape, kind=kind, values=[float(v) for v in given])

    return handler


def _gelu(p: Program, x: Register, approximate: str = "none") -> Register:
    kind = "gelu" if approximate == "none" else "gelu-tanh"
    return p.add("activation", [x], x.shape, kind=kind, values=[])


def _clamp(p: Program, x: Register, low: Any = None, high: Any = None) -> Register:
    # JSON has no infinity; float32's largest number bounds as well.
    most = torch.finfo(torch.float32).max
    values = [-most if low is None else float(low), most if high is None else float(high)]
    return p.add("activation", [x], x.shape, kind="clamp", values=values)


def _prelu(p: Program, x: Register, slope: Any) -> Register:
    slope = _constant(slope, "slopes").reshape(-1)
    inner = x.size if len(slope) == 1 else math.prod(x.shape[2:])
    return p.add("prelu", [x], x.shape, [slope], inner=inner, period=len(slope))


def _binary(op: str) -> Any:
    def handler(p: Program, a: Any, b: Any, alpha: float = 1) -> Register:
        shapes = [v.shape for v in (a, b) if isinstance(v, Register | Tensor)]
        shape = torch.broadcast_shapes(*shapes)  # type: ignore[no-untyped-call]
        left, right = (_spread(p, v, shape) for v in (a, b))
        registers = [v for v in (left, right) if isinstance(v, Register)]
        if len(registers) == 2:
            return p.add("binary", registers, shape, kind=op, alpha=float(alpha))
        constant = right if registers[0] is left else left
        return p.add(
            "constant", registers, shape, [constant],
            kind=op, alpha=float(alpha), first=registers[0] is left,
        )  # fmt: skip

    return handler


def _spread(p: Program, value: Any, shape: Sequence[int]) -> Any:
    """Broadcast one side of an operation to its result's shape; a number stays one element."""
    if isinstance(value, Register):
        return _view(aten.expand.default)(p, value, list(shape))
    tensor = torch.as_tensor(value, dtype=torch.float32)
    return tensor.reshape(1) if tensor.numel() == 1 else tensor.expand(*shape)


def _view(target: Any) -> Any:
    """Handle an operation that only looks at its input in another order."""

    def handler(p: Program, x: Register, *args: Any, **options: Any) -> Register:
        seen = target(torch.empty(x.shape), *args, **options)
        if seen.is_contiguous() and seen.numel() == x.size:
            return p.alias(x, seen.shape)
        return _strided(p, x, seen.shape, list(seen.shape), list(seen.stride()), _offset(seen))

    return handler


def _offset(seen: Tensor) -> int:
    return int(seen.storage_offset())


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


def _nearest(p: Program, x: Register, size: Any, *scales: Any) -> Register:
    places = [(torch.arange(m) * r).floor().long() for m, r in _ratios(x, size, scales)]
    lows = [low.clamp(max=n - 1) for low, n in zip(places, x.shape[2:], strict=True)]
    return _resample(p, x, size, [(low, low, torch.zeros(len(low))) for low in lows])


def _bilinear(p: Program, x: Register, size: Any, align_corners: bool, *scales: Any) -> Register:
    ratios = _ratios(x, size, scales)
    axes = [
        _line_places(n, m, ratio, align_corners)
        for n, (m, ratio) in zip(x.shape[2:], ratios, strict=True)
    ]
    return _resample(p, x, size, axes)


def _ratios(x: Register, size: Any, scales: Sequence[Any]) -> list[tuple[int, float]]:
    """Give each axis' new length, and old pixels per new one: what the caller said, if he did."""
    said = scales if len(scales) == 2 else (None, None)
    return [
        (m, n / m if scale is None else 1 / scale)
        for n, m, scale in zip(x.shape[2:], size, said, strict=True)
    ]


def _resample(p: Program, x: Register, size: Any, axes: Sequence[Any]) -> Register:
    rows, columns = (
        {"low": low.tolist(), "high": high.tolist(), "share": share.tolist()}
        for low, high, share in axes
    )
    shape = (*x.shape[:2], *size)
    return p.add("resample", [x], shape, x=list(x.shape[1:]), rows=rows, columns=columns)


def _line_places(
    n: int, m: int, ratio: float, align_corners: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Give the two neighbours of each of m places on n, and the second one's share."""
    if align_corners:
        place = torch.arange(m) * ((n - 1) / max(1, m - 1))
    else:
        place = ((torch.arange(m) + 0.5) * ratio - 0.5).clamp(min=0)
    low = place.floor().long().clamp(max=n - 1)
    return low, (low + 1).clamp(max=n - 1), place - low


def _pad(p: Program, x: Register, padding: Any, value: float = 0.0) -> Register:
    if len(padding) != 4 or min(padding) < 0:
        raise UnsupportedOperation("constant_pad_nd of other axes than height and width")
    left, right, top, bottom = padding
    n, c, h, w = x.shape
    shape = (n, c, h + top + bottom, w + left + right)
    return p.add(
        "pad", [x], shape, x=[c, h, w], y=list(shape[1:]), top=top, left=left, value=float(value)
    )


HANDLERS: dict[Any, Callable[..., Any]] = {
    aten.addmm.default: _addmm,
    aten.mm.default: _mm,
    aten.convolution.default: _convolution,
    aten.native_batch_norm.default: _batch_norm,
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
    aten.native_group_norm.default: _group_norm,
    aten.native_layer_norm.default: _layer_norm,
    aten.relu.default: _activation("relu"),
    aten.leaky_relu.default: _activation("leaky-relu", 0.01),
    aten.elu.default: _activation("elu", 1.0, 1.0, 1.0),
    aten.sigmoid.default: _activation("sigmoid"),
    aten.tanh.default: _activation("tanh"),
    aten.silu.default: _activation("silu"),
    aten.mish.default: _activation("mish"),
    aten.hardswish.default: _activation("hardswish"),
    aten.hardsigmoid.default: _activation("hardsigmoid"),
    aten.softplus.default: _activation("softplus", 1.0, 20.0),
    aten.exp.default: _activation("exp"),
    aten.abs.default: _activation("abs"),
    aten.neg.default: _activation("neg"),
    aten.sin.default: _activation("sin"),
    aten.cos.default: _activation("cos"),
    aten.gelu.default: _gelu,
    aten.hardtanh.default: lambda p, x, low=-1.0, high=1.0: _clamp(p, x, low, high),
    aten.clamp.default: _clamp,
    aten.clamp_min.default: _clamp,
    aten._prelu_kernel.default: _prelu,
    aten.add.Tensor: _binary("add"),
    aten.sub.Tensor: _binary("sub"),
    aten.mul.Tensor: _binary("mul"),
    aten.div.Tensor: _binary("div"),
    aten.view.default: _reshape,
    aten._unsafe_view.default: _reshape,
    aten.clone.default: _same,
    aten.alias.default: _same,
    aten.detach.default: _same,
    aten._to_copy.default: _same,
    aten.pixel_shuffle.default: _pixel_shuffle,
    aten.cat.default: _concatenate,
    aten.upsample_nearest2d.default: _nearest,
    aten.upsample_bilinear2d.default: _bilinear,
    aten.constant_pad_nd.default: _pad,
}
HANDLERS |= {
    target: _view(target)
    for target in (
        aten.permute.default, aten.transpose.int, aten.t.default, aten.expand.default,
        aten.slice.Tensor, aten.select.int, aten.unsqueeze.default, aten.squeeze.dim,
        aten.squeeze.dims, aten.squeeze.default,
    )
}  # fmt: skip
IN_PLACE = {
    aten.relu_.default: aten.relu.default,
    aten.leaky_relu_.default: aten.leaky_relu.default,
    aten.elu_.default: aten.elu.default,
    aten.silu_.default: aten.silu.default,
    aten.hardtanh_.default: aten.hardtanh.default,
    aten.hardswish_.default: aten.hardswish.default,
    aten.sigmoid_.default: aten.sigmoid.default,
    aten.tanh_.default: aten.tanh.default,
    aten.clamp_.default: aten.clamp.default,
    aten.add_.Tensor: aten.add.Tensor,
    aten.sub_.Tensor: aten.sub.Tensor,
    aten.mul_.Tensor: aten.mul.Tensor,
    aten.div_.Tensor: aten.div.Tensor,
}
