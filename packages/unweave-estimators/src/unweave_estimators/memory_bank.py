"""A memory of the last posteriors of training, for the inner sums of small batches."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unweave_estimators.checks import check_at_least_one
from unweave_estimators.posterior_sums import Pool

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def parameters_of(factors: Distribution, purpose: str) -> dict[str, Tensor]:
    """Return the parameters of a batch of posteriors, each of shape (b, d).

    Raises
    ------
    ValueError
        If the family does not list its parameters.
    """
    if not factors.arg_constraints:
        raise ValueError(
            f"{purpose} needs posteriors of a family that lists its parameters, such as Normal, "
            f"Laplace or StudentT, got {type(factors).__name__}"
        )
    shape = factors.batch_shape
    return {name: getattr(factors, name).expand(shape) for name in factors.arg_constraints}


def rebuild(family: type[Distribution], parameters: dict[str, Tensor]) -> Distribution:
    """Return the distribution of a family with these parameters."""
    return family(**parameters, validate_args=False)  # type: ignore[arg-type]


class MemoryBank(nn.Module):
    """The detached parameters of the last `size` posteriors, newest first.

    Its buffers have fixed shapes from the first use on. Rows without a posterior yet are absent.
    """

    filled: Tensor

    def __init__(self, size: int) -> None:
        super().__init__()
        check_at_least_one(size=size)
        self.size = size
        self.register_buffer("filled", torch.zeros((), dtype=torch.long))

    def extend(self, pool: Pool) -> Pool:
        """Return the pool, followed by the posteriors of the bank."""
        batch = parameters_of(pool.factors, "a memory bank")
        if not self._names():
            self._allocate(batch)
        # a copy, for push() overwrites the buffers before the backward pass has read them
        memory = {name: getattr(self, f"_{name}").clone() for name in batch}
        factors = rebuild(
            type(pool.factors),
            {name: torch.cat([batch[name], memory[name].to(batch[name])]) for name in batch},
        )
        place = torch.arange(pool.batch + self.size, device=self.filled.device)
        return pool._replace(
            factors=factors,
            absent=place >= pool.batch + self.filled,
            present=pool.batch + self.filled,
        )

    @torch.no_grad()
    def push(self, factors: Distribution) -> None:
        """Prepend a batch of posteriors and drop the oldest."""
        batch = parameters_of(factors, "a memory bank")
        for name, parameter in batch.items():
            buffer: Tensor = getattr(self, f"_{name}")
            buffer.copy_(torch.cat([parameter.to(buffer), buffer])[: self.size])
        self.filled.copy_((self.filled + factors.batch_shape[0]).clamp(max=self.size))

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *args: Any, **kwargs: Any
    ) -> None:
        # the family of the posteriors, and so the names of the buffers, comes with the first batch
        for key, value in state_dict.items():
            name = key.removeprefix(prefix)
            if key.startswith(f"{prefix}_") and name not in self._buffers:
                self.register_buffer(name, torch.empty_like(value, device=self.filled.device))
        super()._load_from_state_dict(state_dict, prefix, *args, **kwargs)

    def _names(self) -> list[str]:
        return [name for name in self._buffers if name != "filled"]

    def _allocate(self, batch: dict[str, Tensor]) -> None:
        for name, parameter in batch.items():
            # an absent row repeats the first posterior: any valid one would do
            row = parameter.detach()[:1].expand(self.size, -1).clone()
            self.register_buffer(f"_{name}", row)
        self.filled = self.filled.to(row.device)
