"""The parameters of a player, with their optimizer and learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unweave.assemble import Assembly
from unweave.method import Schedule
from unweave.objectives.terms import WeightSchedule
from unweave.player_optimizers import trained_parameters

Gradients = tuple[Tensor | None, ...]
"""Gradients of a player's parameters, in order; None for one that the loss does not depend on."""


@dataclass
class Seat:
    """The parameters of a player, with their optimizer and learning rate."""

    parameters: list[nn.Parameter]
    optimizer: Optimizer
    schedule: Schedule
    rate: WeightSchedule


def take_seat(assembly: Assembly, player: Any, device: torch.device) -> Seat:
    """Give a player its optimizer, on a device."""
    optimizer, schedule = assembly.optimizer_of(player)
    return Seat(
        trained_parameters(player), optimizer, schedule, WeightSchedule(schedule).to(device)
    )


def gradients_of(losses: Sequence[Tensor], own: Sequence[Sequence[Tensor]]) -> list[Gradients]:
    """Return the gradient of each loss for its own parameters."""
    last = len(losses) - 1
    return [
        torch.autograd.grad(loss, parameters, retain_graph=number < last, allow_unused=True)
        for number, (loss, parameters) in enumerate(zip(losses, own, strict=True))
    ]


def set_rates(optimizer: Optimizer, seat: Seat, clock: Tensor, step: int) -> None:
    """Set the learning rate of an optimizer, a tensor if the optimizer takes one."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].copy_(seat.rate(clock))
        else:
            group["lr"] = seat.schedule.at(step)


def like_parameter(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return a tensor in the memory layout of its parameter, on its device.

    torch's fused optimizers read a parameter, its gradient and its moments in memory order: a
    contiguous moment would be matched with the wrong weights of a channels-last parameter.
    """
    if tensor.shape != parameter.shape:
        return tensor.clone().to(parameter.device)
    if tensor.stride() == parameter.stride() and tensor.device == parameter.device:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)
