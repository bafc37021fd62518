"""The core operations of PyTorch that a page can run, and their translations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from unweave.report.elementwise_operations import ELEMENTWISE
from unweave.report.layer_operations import LAYERS
from unweave.report.reordering_operations import REORDERINGS
from unweave.report.resampling_operations import RESAMPLINGS

aten = torch.ops.aten

HANDLERS: dict[Any, Callable[..., Any]] = {**LAYERS, **ELEMENTWISE, **REORDERINGS, **RESAMPLINGS}
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
