"""Operations of layers: products with weights, convolutions and normalisations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from unweave.report.program import Program, Register, UnsupportedOperation, constant_tensor

aten = torch.ops.aten


def _addmm(p: Program, bias: Any, x: Any, weight: Any, beta: Any = 1, alpha: Any = 1) -> Register:
    weight = alpha * constant_tensor(weight, "weights of a linear layer")
    return _linear(p, x, weight.t(), beta * constant_tensor(bias, "biases of a linear layer"))


def _mm(p: Program, x: Any, weight: Any) -> Register:
    return _linear(p, x, constant_tensor(weight, "weights of a linear layer").t(), None)


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
    weight = constant_tensor(weight, "weights of a convolution")
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
    if training:  # the batch is one image: mean and variance of each channel are those of the image
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


LAYERS: dict[Any, Callable[..., Any]] = {
    aten.addmm.default: _addmm,
    aten.mm.default: _mm,
    aten.convolution.default: _convolution,
    aten.native_batch_norm.default: _batch_norm,
    aten._native_batch_norm_legit_no_training.default: _batch_norm,
    aten.native_group_norm.default: _group_norm,
    aten.native_layer_norm.default: _layer_norm,
}
