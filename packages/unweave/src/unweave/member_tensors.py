"""The tensors of one run among many: copied, put back, and made parts of joined ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor, nn

from unweave.errors import ConfigError
from unweave.running_means import RunningMeans
from unweave.trainer import Trainer


class NotTogetherError(ConfigError):
    """Runs that cannot be batched; trained one by one they can."""


class Stage(nn.Module):
    """All modules of a member; calls a function while other tensors are in their place."""

    def __init__(self, member: Trainer) -> None:
        super().__init__()
        self.model, self.objective = member.model, cast(nn.Module, member.objective)

    def forward(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call the function."""
        return function(*arguments)

    def tensors(self) -> dict[str, Tensor]:
        """Return parameters and buffers by name, each once."""
        return {**dict(self.named_parameters()), **dict(self.named_buffers())}


def copy_buffers(member: Trainer) -> dict[str, Tensor]:
    """Return copies of every buffer of a member."""
    return {name: buffer.clone() for name, buffer in Stage(member).named_buffers()}


def copy_tensors(member: Trainer) -> dict[str, Tensor]:
    """Return copies of every parameter and buffer of a member."""
    return {name: t.detach().clone() for name, t in Stage(member).tensors().items()}


def restore(member: Trainer, tensors: dict[str, Tensor]) -> None:
    """Put copies back."""
    with torch.no_grad():
        for name, tensor in Stage(member).tensors().items():
            tensor.copy_(tensors[name])


def join_named(members: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Join tensors of one name into one; each becomes a part of it."""
    first = members[0]
    for other in members[1:]:
        unlike = [n for n, t in first.items() if n not in other or other[n].shape != t.shape]
        if unlike or other.keys() != first.keys():
            raise NotTogetherError(f"their {(unlike or ['tensors'])[0]} differ in shape")
    return {
        name: join([member[name] for member in members]).requires_grad_(tensor.requires_grad)
        for name, tensor in first.items()
    }


def join(tensors: Sequence[Tensor]) -> Tensor:
    """Join the tensors of all members into one; each becomes a part of it."""
    whole = torch.stack([tensor.detach() for tensor in tensors])
    for tensor, part in zip(tensors, whole, strict=True):
        tensor.data = part
    return whole


def join_means(means: Sequence[RunningMeans]) -> RunningMeans:
    """Join the running means of all members, of the same terms; each becomes a part."""
    whole = RunningMeans(means[0].names, means[0].sums.device)
    whole.sums = join([own.sums for own in means])
    whole.first_bad = join([own.first_bad for own in means])
    return whole
