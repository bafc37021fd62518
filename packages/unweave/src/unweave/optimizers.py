"""Optimizers that a player may have: torch's own, under their options.

`lr` is a tensor that the trainer fills at every step, or a number where torch takes no tensor.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer, RMSprop

Parameters = Iterable[nn.Parameter]
Betas = tuple[float, float]


def adam(
    parameters: Parameters,
    lr: float | Tensor,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    amsgrad: bool = False,
) -> Optimizer:
    """Adam, of Kingma and Ba 2015; `amsgrad` of Reddi, Kale and Kumar 2018."""
    return Adam(parameters, lr=lr, betas=_betas(betas), eps=eps, amsgrad=amsgrad, fused=True)


def adamw(
    parameters: Parameters,
    lr: float | Tensor,
    *,
    betas: Betas = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
    amsgrad: bool = False,
) -> Optimizer:
    """Adam with decoupled weight decay, of Loshchilov and Hutter 2019."""
    return AdamW(
        parameters, lr=lr, betas=_betas(betas), eps=eps, weight_decay=weight_decay,
        amsgrad=amsgrad, fused=True,
    )  # fmt: skip


def rmsprop(
    parameters: Parameters,
    lr: float | Tensor,
    *,
    alpha: float = 0.99,
    eps: float = 1e-8,
    momentum: float = 0.0,
    centered: bool = False,
) -> Optimizer:
    """RMSProp, of Tieleman and Hinton 2012."""
    return RMSprop(
        parameters, lr=float(lr), alpha=alpha, eps=eps, momentum=momentum, centered=centered
    )


def sgd(
    parameters: Parameters,
    lr: float | Tensor,
    *,
    momentum: float = 0.0,
    nesterov: bool = False,
    weight_decay: float = 0.0,
) -> Optimizer:
    """Stochastic gradient descent, with momentum if it is above 0."""
    return SGD(
        parameters, lr=float(lr), momentum=momentum, nesterov=nesterov, weight_decay=weight_decay
    )


def _betas(betas: Any) -> Betas:
    first, second = betas
    if not (0 <= first < 1 and 0 <= second < 1):
        raise ValueError(f"betas must be two numbers in [0, 1), got {tuple(betas)}")
    return float(first), float(second)
