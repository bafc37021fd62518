"""One optimizer for the same player of all members of an ensemble."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim import SGD, Adam, AdamW, RMSprop

from unweave.seats import Gradients, Seat, like_parameter, set_rates
from unweave.trainer import Trainer

ELEMENTWISE = (Adam, AdamW, RMSprop, SGD)
"""Elementwise optimizers: each number moves by its own gradient and moments alone, so that all
members can be moved as one tensor."""


class JointOptimizer:
    """Moves a player of all members at once, as each member's own optimizer would.

    Its state is one tensor for all members; the states of the members' own optimizers are views of
    it, so their checkpoints are those of a run alone.

    Parameters
    ----------
    whole
        Parameters of all members, stacked.
    seats
        Seats of the members, whose parameters are views of the stacked ones.
    """

    def __init__(self, whole: Sequence[Tensor], seats: Sequence[Seat]) -> None:
        self._whole, self._seats = list(whole), seats
        own = seats[0].optimizer
        self._optimizer = type(own)(self._whole, **_options(seats[0]))
        for number, parameter in enumerate(self._whole):
            states = [seat.optimizer.state[seat.parameters[number]] for seat in seats]
            if states[0]:
                self._optimizer.state[parameter] = {
                    name: torch.stack([state[name] for state in states]) if value.dim() else value
                    for name, value in states[0].items()
                }
        self._shared = False

    @staticmethod
    def fits(members: Sequence[Trainer], player: str) -> bool:
        """Whether one optimizer can move all members: same class, same step, same rate."""
        first = members[0].seats[player]
        if type(first.optimizer) not in ELEMENTWISE or len({m.step for m in members}) > 1:
            return False
        if any(member.config.clip_norm for member in members):
            return False
        options = {name: value for name, value in _options(first).items() if name != "lr"}
        return all(
            type(seat.optimizer) is type(first.optimizer)
            and seat.schedule == first.schedule
            and {name: _options(seat)[name] for name in options} == options
            for seat in (member.seats[player] for member in members)
        )

    def move(self, gradients: Gradients, clock: Tensor, step: int) -> None:
        """Let the player of every member descend.

        Parameters
        ----------
        gradients
            Gradients of the stacked parameters.
        clock, step
            Step of all members.
        """
        for parameter, gradient in zip(self._whole, gradients, strict=True):
            parameter.grad = None if gradient is None else like_parameter(gradient, parameter)
        set_rates(self._optimizer, self._seats[0], clock, step)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if not self._shared:
            self._share()

    def _share(self) -> None:
        """Make the states of the members' own optimizers views of the joint state."""
        for number, parameter in enumerate(self._whole):
            for k, seat in enumerate(self._seats):
                seat.optimizer.state[seat.parameters[number]] = {
                    name: value[k] if value.dim() else value
                    for name, value in self._optimizer.state[parameter].items()
                    if isinstance(value, Tensor)
                }
        self._shared = True


def _options(seat: Seat) -> dict[str, Any]:
    """Return the options of an optimizer with one group, with a copy of its rate."""
    group = seat.optimizer.param_groups[0]
    options = {name: group[name] for name in seat.optimizer.defaults}
    rate = options["lr"]
    return options | {"lr": rate.clone() if isinstance(rate, Tensor) else rate}
