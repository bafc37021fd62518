"""Base of all priors: a module that returns a Distribution over codes."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, MixtureSameFamily

Encode = Callable[[Tensor], Distribution]
"""Maps images (n, c, h, w) to q(z|x), a Distribution with batch shape (n,), event shape (dim,)."""


class Prior(torch.nn.Module, abc.ABC):
    """Density p(z) over codes z of `dim` dimensions, as a module.

    A call returns a `torch.distributions.Distribution` with event shape (dim,). Constants of the
    density are buffers, and learned values are parameters, so that `to`, `state_dict` and
    optimizers work as for any other module.

    Two members of a prior are optional. `rsample(n, generator)` draws the codes of `sample` with
    gradients to all learned parameters; a prior that cannot do so has no `rsample`. A prior that
    needs the encoder and images has the number of images in `images_wanted`. Call its
    `attach(encode, images)` once, before an optimizer is built.

    Parameters
    ----------
    dim : int, at least 1
        Number of code dimensions.

    Attributes
    ----------
    images_wanted : int
        Number of training images that `attach` needs; 0 if there is nothing to attach.

    Raises
    ------
    ValueError
        If `dim` is not a positive integer.
    """

    images_wanted: int = 0

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
            Source of all randomness, by default torch's global generator.

        Returns
        -------
        z : float tensor, shape (n, dim)

        Raises
        ------
        ValueError
            If n is not a non-negative integer.
        """
        _check_number(n)
        return self._draw(n, generator)

    def attach(self, encode: Encode, images: Tensor) -> None:
        """Attach the encoder and images to the prior; most priors need neither.

        Parameters
        ----------
        encode : callable
            Maps images (n, c, h, w) to a Distribution q(z|x), batch shape (n,), event shape
            (dim,). Pass a method of the model that holds the prior, not a lambda: a copy of the
            model then uses its own encoder, and not the original's.
        images : float tensor, shape (images_wanted, c, h, w)
            Training images with values in [0, 1].
        """

    def extra_repr(self) -> str:
        """Return the number of dimensions, for the module's repr."""
        return f"{self.dim}"

    def _load_from_state_dict(
        self, state_dict: dict[str, Any], prefix: str, *arguments: Any
    ) -> None:
        """Load a state; first register the tensors that `attach` would register."""
        for tensors in (self._parameters, self._buffers):
            for name in [name for name, value in tensors.items() if value is None]:
                if prefix + name in state_dict:
                    value = torch.empty_like(state_dict[prefix + name])
                    register(self, name, value, learned=tensors is self._parameters)
        super()._load_from_state_dict(state_dict, prefix, *arguments)


class Reparametrised(Prior):
    """Prior whose draws are a differentiable function of its parameters and of fixed noise."""

    def rsample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw the codes (n, dim) of `sample`, with gradients to the parameters."""
        _check_number(n)
        return self._draw(n, generator)


def _check_number(n: int) -> None:
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise ValueError(f"n must be a non-negative integer, got {n!r}")


def check_codes(z: Tensor, dim: int) -> None:
    """Refuse codes whose last dimension is not `dim`; torch would silently broadcast (n, 1)."""
    if z.ndim == 0 or z.shape[-1] != dim:
        raise ValueError(f"z must have last dimension {dim}, got shape {tuple(z.shape)}")


if TYPE_CHECKING:
    _Independent = Independent[Distribution]
else:
    _Independent = Independent  # takes no type parameter in torch 2.6


class Factorised(_Independent):
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

    Values are not validated, since that would copy a flag from the device to the host at each call.
    """
    return Factorised(base, 1, validate_args=False)


def vector(name: str, value: float | Sequence[float] | Tensor, dim: int) -> Tensor:
    """Return `value` as a finite float tensor of shape (dim,); a single number is repeated."""
    tensor = torch.as_tensor(value, dtype=torch.get_default_dtype())
    if tensor.ndim > 1 or (tensor.ndim == 1 and len(tensor) != dim):
        raise ValueError(
            f"{name} must be one number or {dim} numbers, got shape {tuple(tensor.shape)}"
        )
    if not bool(tensor.isfinite().all()):
        raise ValueError(f"{name} must be finite, got {tensor.tolist()}")
    return tensor.expand(dim).clone()


def positive(name: str, value: float | Sequence[float] | Tensor, dim: int) -> Tensor:
    """Return `value` as a positive float tensor of shape (dim,)."""
    tensor = vector(name, value, dim)
    if not bool((tensor > 0).all()):
        raise ValueError(f"{name} must be positive, got {tensor.tolist()}")
    return tensor


def register(module: torch.nn.Module, name: str, value: Tensor | None, *, learned: bool) -> None:
    """Register `value` as a parameter of the module if it is learned, otherwise as a buffer.

    None stands for a tensor that `attach` registers later.
    """
    if learned:
        module.register_parameter(name, None if value is None else torch.nn.Parameter(value))
    else:
        module.register_buffer(name, value)
