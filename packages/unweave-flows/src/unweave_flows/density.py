"""Base of all densities: a module that can be fitted to codes and returns a Distribution."""

from __future__ import annotations

import abc
from collections.abc import Callable
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Distribution

Progress = Callable[[int, int], None]


class Density(torch.nn.Module, abc.ABC):
    """Density over codes of `dim` dimensions that can be fitted to samples.

    A call returns a `torch.distributions.Distribution` with event shape (dim,).

    Parameters
    ----------
    dim : int, at least 1
        Number of code dimensions.

    Raises
    ------
    ValueError
        If `dim` is not a positive integer.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        check_count("dim", dim)
        self.dim = dim

    @abc.abstractmethod
    def forward(self) -> Distribution:
        """Return the density, a distribution with event shape (dim,)."""

    @abc.abstractmethod
    def fit(
        self,
        codes: Tensor,
        *,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Fit the density to codes (n, dim) and return it."""

    @abc.abstractmethod
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes (n, dim), with all randomness from `generator`."""

    def log_prob(self, codes: Tensor) -> Tensor:
        """Compute the log density in nats; (..., dim) -> (...)."""
        density: Tensor = self().log_prob(codes)
        return density


def check_count(name: str, value: Any) -> None:
    """Refuse anything but a positive integer."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError(f"{name} must be a positive integer, got {value!r}")


def check_codes(codes: Any, like: Tensor, *, at_least: int) -> Tensor:
    """Return codes (n, dim) in the dtype and on the device of `like` (dim,).

    Raises
    ------
    ValueError
        If the shape is not (n, dim), there are fewer than `at_least` codes, or one is not finite.
    """
    tensor = torch.as_tensor(codes, dtype=like.dtype, device=like.device).detach()
    dim = like.shape[-1]
    if tensor.ndim != 2 or tensor.shape[1] != dim:
        raise ValueError(f"codes must have shape (n, {dim}), got {tuple(tensor.shape)}")
    if len(tensor) < at_least:
        raise ValueError(f"codes must hold at least {at_least} rows, got {len(tensor)}")
    if not bool(tensor.isfinite().all()):
        rows = int((~tensor.isfinite()).any(dim=1).sum())
        raise ValueError(f"codes must be finite, got {rows} rows with NaN or infinity")
    return tensor


def check_dim(codes: Tensor, dim: int) -> None:
    """Refuse codes whose last dimension is not `dim`; torch would silently broadcast (n, 1)."""
    if codes.ndim == 0 or codes.shape[-1] != dim:
        raise ValueError(f"codes must have last dimension {dim}, got shape {tuple(codes.shape)}")
