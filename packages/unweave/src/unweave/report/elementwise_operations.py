"""Elementwise operations: activations and arithmetic."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from unweave.report.program import Program, Register, constant_tensor
from unweave.report.reordering_operations import view

aten = torch.ops.aten


def _activation(kind: str, *defaults: float) -> Any:
    def handler(p: Program, x: Register, *args: float) -> Register:
        values = [*args, *defaults[len(args) :]]
        return p.add("activation", [x], x.shape, kind=kind, values=[float(v) for v in values])

    return handler


def _gelu(p: Program, x: Register, approximate: str = "none") -> Register:
    kind = "gelu" if approximate == "none" else "gelu-tanh"
    return p.add("activation", [x], x.shape, kind=kind, values=[])


def _clamp(p: Program, x: Register, low: Any = None, high: Any = None) -> Register:
    # JSON has no infinity; the largest float32 number is an equivalent bound.
    most = torch.finfo(torch.float32).max
    values = [-most if low is None else float(low), most if high is None else float(high)]
    return p.add("activation", [x], x.shape, kind="clamp", values=values)


def _prelu(p: Program, x: Register, slope: Any) -> Register:
    slope = constant_tensor(slope, "slopes").reshape(-1)
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
    """Broadcast one operand to the shape of the result; a number stays a single element."""
    if isinstance(value, Register):
        return view(aten.expand.default)(p, value, list(shape))
    tensor = torch.as_tensor(value, dtype=torch.float32)
    return tensor.reshape(1) if tensor.numel() == 1 else tensor.expand(*shape)


ELEMENTWISE: dict[Any, Callable[..., Any]] = {
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
}
