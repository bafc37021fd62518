"""What all priors share: a module that returns a Distribution over codes."""

from __future__ import annotations

import abc
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MixtureSameFamily


class Prior(torch.nn.Module, abc.ABC):
    """Density p(z) over codes z of `dim` dimensions, as a module.

    Calling it returns a `torch.distributions.Distribution` with event shape (dim,). Constants of
    the density are buffers and learned ones are parameters, so that `to`, `state_dict` and
    optimizers treat a prior like any other module.

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
        if isinstance(dim, bool) or not isinstance(dim, int) or dim < 1:
            raise ValueError(f"dim must be a positive integer, got {dim!r}")
        self.dim = dim

    @abc.abstractmethod
    def forward(self) -> Distribution:
        """Return p(z), a distribution with event shape (dim,)."""

    @abc.abstractmethod
    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        """Draw (n, dim) codes with all randomness from `generator`."""

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes without gradients, in the dtype and on the device of the module.

        Parameters
        ----------
        n : int, at least 0
            Number of codes.
        generator : torch.Generator on the module's device, optional
            Source of all randomness; torch's global one where it is not given.

        Returns
        -------
        z : float tensor, shape (n, dim)

        Raises
        ------
        ValueError
            If n is not a non-negative integer.
        """
        if isinstance(n, bool) or not isinstance(n, int) or n < 0:
            raise ValueError(f"n must be a non-negative integer, got {n!r}")
        return self._draw(n, generator)

    def extra_repr(self) -> str:
        """Name the number of dimensions in the module's repr."""
        return f"{self.dim}"


def check_codes(z: Tensor, dim: int) -> None:
    """Refuse codes whose last dimension is not `dim`; torch would broadcast (n, 1) silently."""
    if z.ndim == 0 or z.shape[-1] != dim:
        raise ValueError(f"z must have last dimension {dim}, got shape {tuple(z.shape)}")


class Factorised(Independent[Distribution]):
    """Product over code dimensions that refuses codes of another dimension.

    The marginals are `base_dist`, a distribution with batch shape (dim,).
    """

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density in nats; (..., dim) -> (...)."""
        check_codes(value, self.event_shape[0])
        density: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return density


class Mixture(MixtureSameFamily):
    """Mixture over whole codes that refuses codes of another dimension; it does not factorise."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density in nats; (..., dim) -> (...)."""
        check_codes(value, self.event_shape[0])
        density: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return density


def product(base: Distribution) -> Factorised:
    """Return the product of the marginals in `base`, which has batch shape (dim,).

    Values are not validated: that would copy a flag from the device to the host at every call.
    """
    return Factorised(base, 1, validate_args=False)


def vector(name: str, value: float | Sequence[float] | Tensor, dim: int) -> Tensor:
    """Return `value` as a finite float tensor of shape (dim,), repeating a single number."""
    tensor = torch.as_tensor(value, dtype=torch.get_default_dtype())
    if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) != dim):
        raise ValueError(
            f"{name} must be one number or {dim} numbers, got shape {tuple(tensor.shape)}"
        )
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"{name} must be finite, got {tensor.tolist()}")
    return tensor.expand(dim).clone()


def positive(name: str, value: float | Sequence[float] | Tensor, dim: int) -> Tensor:
    """Return `value` as a tensor of shape (dim,) after checking that it is positive."""
    tensor = vector(name, value, dim)
    if not bool((tensor > 0).all()):
        raise ValueError(f"{name} must be positive, got {tensor.tolist()}")
    return tensor


def register(module: torch.nn.Module, name: str, value: Tensor, *, learned: bool) -> None:
    """Keep `value` as a parameter of the module where it is learned, else as a buffer."""
    if learned:
        module.register_parameter(name, torch.nn.Parameter(value))
    else:
        module.register_buffer(name, value)
