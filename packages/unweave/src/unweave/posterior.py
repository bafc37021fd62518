"""Posterior families q(z|x): what an encoder returns for a batch."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as TorchNormal

from unweave.errors import unknown_name


@dataclass(frozen=True)
class GaussianPosterior:
    """Factorised Gaussian, q(z|x) = prod_d N(z_d; mean_d, std_d²).

    mean, std : float tensors, shape (b, D).
    """

    mean: Tensor
    std: Tensor
    has_density = True

    @property
    def distribution(self) -> Distribution:
        """`Independent(Normal(mean, std), 1)`, batch shape (b,)."""
        return Independent(TorchNormal(self.mean, self.std, validate_args=False), 1)

    def rsample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw z = mean + std e, e ~ N(0, 1); shape (b, D)."""
        return self.mean + self.std * _normal_like(self.mean, generator)

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        """Return log q(z_d|x), nats, with the shape of z broadcast against (b, D)."""
        standard = (z - self.mean) / self.std
        return -0.5 * standard.square() - self.std.log() - 0.5 * math.log(2 * math.pi)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log q(z|x) = sum_d log q(z_d|x), nats."""
        return self.log_prob_per_dim(z).sum(-1)


@dataclass(frozen=True)
class DeterministicPosterior:
    """A point, z = mean(x); it has no density and std 0."""

    mean: Tensor
    has_density = False

    @property
    def std(self) -> Tensor:
        """Zeros, shape (b, D)."""
        return torch.zeros_like(self.mean)

    @property
    def distribution(self) -> Distribution:
        """Raise: a point has no density."""
        raise ValueError("a deterministic posterior has no density; use posterior gaussian")

    def rsample(self, generator: torch.Generator | None = None) -> Tensor:
        """Return the point itself."""
        return self.mean

    def log_prob(self, z: Tensor) -> Tensor:
        """Raise: a point has no density."""
        raise ValueError("a deterministic posterior has no density; use posterior gaussian")


def _normal_like(mean: Tensor, generator: torch.Generator | None) -> Tensor:
    return torch.randn(mean.shape, generator=generator, dtype=mean.dtype, device=mean.device)


def _gaussian(parameters: Tensor, noise: float) -> GaussianPosterior:
    mean, log_variance = parameters.chunk(2, dim=1)
    return GaussianPosterior(mean, (0.5 * log_variance).exp())


def _fixed_noise(parameters: Tensor, noise: float) -> GaussianPosterior:
    return GaussianPosterior(parameters, torch.full_like(parameters, noise))


def _deterministic(parameters: Tensor, noise: float) -> DeterministicPosterior:
    return DeterministicPosterior(parameters)


@dataclass(frozen=True)
class Family:
    """A posterior family: how an encoder's outputs become a posterior.

    outputs : encoder outputs a code dimension.
    make : (parameters (b, outputs D), noise) -> posterior.
    has_density : whether q(z|x) has one.
    """

    outputs: int
    make: Callable[[Tensor, float], GaussianPosterior | DeterministicPosterior]
    has_density: bool


FAMILIES = {
    "gaussian": Family(2, _gaussian, True),
    "fixed-noise": Family(1, _fixed_noise, True),
    "deterministic": Family(1, _deterministic, False),
}


def family(name: str) -> Family:
    """Look up a posterior family.

    Raises
    ------
    UnknownNameError
        If there is no such family.
    """
    if name not in FAMILIES:
        raise unknown_name("posterior", name, FAMILIES)
    return FAMILIES[name]
