"""The state of a trainer that a resumed run needs: flat tensors, read and restored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from unweave.errors import RunError
from unweave.running_means import RunningMeans
from unweave.seats import Seat, like_parameter


@dataclass(frozen=True)
class TrainerState:
    """Weights of modules, moments of their optimizers, and running means, under flat names."""

    modules: Mapping[str, nn.Module]
    seats: Mapping[str, Seat]
    means: RunningMeans

    def tensors(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs, flat."""
        tensors = self._weights()
        for prefix, parameter, state in self.moments():
            for key, value in state.items():
                if value.shape == parameter.shape and value.stride() != parameter.stride():
                    raise AssertionError(
                        f"{prefix}{key} is not laid out in memory as its parameter"
                    )
                tensors[f"{prefix}{key}"] = value
        tensors["log.sums"] = self.means.sums
        tensors["log.step"] = torch.tensor(self.means.step)
        return tensors

    def load(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Continue from the state at a step.

        If the state is of a version that logged other terms, the running means begin anew.

        Raises
        ------
        RunError
            If the state is not one of this configuration.
        """
        weights = self._weights()
        moments = tuple(prefix for prefix, _, _ in self.moments())
        names = {*weights, "log.sums", "log.step"}
        unknown = {name for name in tensors if name not in names and not name.startswith(moments)}
        if unknown:
            raise _unfit(f"it has {min(unknown)!r}, which the run does not have")
        for name, tensor in weights.items():
            tensor.detach().copy_(_matching(tensors, name, tensor))
        for prefix, parameter, state in self.moments():
            own = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            state.clear()
            for key, value in own.items():
                if value.dim() and value.shape != parameter.shape:
                    raise _unfit(f"{prefix}{key} has shape {tuple(value.shape)}")
                state[key] = like_parameter(value, parameter).clone()
        self.means.step = int(_matching(tensors, "log.step", torch.tensor(0)))
        if "log.sums" in tensors and tensors["log.sums"].shape != self.means.sums.shape:
            self.means.sums.zero_()
            self.means.step = step
        else:
            self.means.sums.copy_(_matching(tensors, "log.sums", self.means.sums))

    def moments(self) -> Iterator[tuple[str, nn.Parameter, dict[str, Any]]]:
        """Yield for every parameter the prefix of its names, the parameter, and its state."""
        for player, seat in self.seats.items():
            for number, parameter in enumerate(seat.parameters):
                yield f"optimizer.{player}.{number}.", parameter, seat.optimizer.state[parameter]

    def _weights(self) -> dict[str, Tensor]:
        return {
            f"{prefix}.{name}": tensor
            for prefix, module in self.modules.items()
            for name, tensor in module.state_dict().items()
        }


def _matching(tensors: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    if name not in tensors:
        raise _unfit(f"it lacks {name!r}")
    if tensors[name].shape != like.shape:
        raise _unfit(f"{name!r} has shape {tuple(tensors[name].shape)} for {tuple(like.shape)}")
    if tensors[name].dtype != like.dtype:
        raise _unfit(f"{name!r} holds {tensors[name].dtype} for {like.dtype}")
    return tensors[name]


def _unfit(what: str) -> RunError:
    return RunError(f"the checkpoint does not fit the run's configuration: {what}")
