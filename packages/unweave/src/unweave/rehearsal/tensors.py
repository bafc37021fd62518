"""Checks of one tensor: shape, type, values and gradient."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from unweave.errors import ConfigError


def depends_on(scalar: Tensor, parameters: Iterable[nn.Parameter]) -> bool:
    """Whether a scalar depends differentiably on a parameter."""
    weights = [p for p in parameters if p.requires_grad]
    if not (scalar.requires_grad and weights):
        return False
    gradients = torch.autograd.grad(scalar, weights, retain_graph=True, allow_unused=True)
    return any(g is not None for g in gradients)


def check_tensor(
    owner: str, what: str, value: object, shape: tuple[int, ...], finite: bool = True
) -> None:
    """Raise unless a value is a tensor of floats of this shape, and finite if required."""
    if not isinstance(value, Tensor):
        raise ConfigError(f"{owner}: {what} must be a tensor, got {type(value).__name__}")
    if tuple(value.shape) != shape:
        raise ConfigError(f"{owner}: {what} must have shape {shape}, got {tuple(value.shape)}")
    if not value.is_floating_point():
        raise ConfigError(f"{owner}: {what} must be floats, got {value.dtype}")
    if finite and not bool(value.isfinite().all()):
        raise ConfigError(f"{owner}: {what} is not finite before the first step")
