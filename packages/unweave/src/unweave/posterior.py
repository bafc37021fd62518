"""Posterior families q(z|x): what an encoder returns for a batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.distributions import Distribution, Independent
from torch.distributions import Normal as TorchNormal

from unweave.errors import unknown_name

SMALLEST_STD = 1e-6
"""Added by the softplus head, so that log std is finite for any output."""
VARIANCE_RANGE = (-20.0, 500.0)
"""Bounds for outputs in the head softplus-variance, as in the code of Gaujac, Feige and Barber."""

Head = Literal["log-variance", "softplus", "softplus-variance"]


@dataclass(frozen=True)
class GaussianPosterior:
    """Factorised Gaussian, q(z|x) = prod_d N(z_d; mean_d, std_d²).

    Attributes
    ----------
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
    """A point, z = mean(x), with std 0 and no density."""

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


class Family(nn.Module):
    """A posterior family: a module that turns an encoder's outputs into q(z|x).

    Parameters
    ----------
    dim
        Code dimensions D.
    """

    has_density = True
    outputs_per_dim = 1

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.outputs = self.outputs_per_dim * dim

    def check(self, parameters: Tensor) -> Tensor:
        """Return the outputs of an encoder after checking their shape, (b, outputs).

        Raises
        ------
        ValueError
            If their shape is different.
        """
        if parameters.ndim != 2 or parameters.shape[1] != self.outputs:
            raise ValueError(
                f"parameters must have shape (b, {self.outputs}), got {tuple(parameters.shape)}"
            )
        return parameters


class Gaussian(Family):
    """Family of factorised Gaussians whose mean and spread the encoder gives.

    Parameters
    ----------
    head
        How the second half of the encoder's outputs h becomes a spread. `log-variance`: std² =
        exp(h). `softplus`: std = log(1 + exp(h)) + 1e-6, which grows linearly where exp would
        explode. `softplus-variance`: std² = log(1 + exp(h')), h' = h clipped to [-20, 500]. At
        h = 0 the standard deviations are 1, 0.69 and 0.83.

    References
    ----------
    `log-variance`: Kingma and Welling, "Auto-encoding variational Bayes", 2014, appendix C.
    `softplus-variance`: the published code of Gaujac, Feige and Barber, "Learning disentangled
    representations with the Wasserstein autoencoder", arXiv 2010.03459.
    """

    outputs_per_dim = 2

    def __init__(self, dim: int, *, head: Head = "log-variance") -> None:
        super().__init__(dim)
        if head not in get_args(Head):
            raise unknown_name("head", head, get_args(Head))
        self.head = head

    def forward(self, parameters: Tensor) -> GaussianPosterior:
        """Return q(z|x) from outputs of shape (b, 2 D)."""
        mean, spread = self.check(parameters).chunk(2, dim=1)
        return GaussianPosterior(mean, self._std(spread))

    def _std(self, spread: Tensor) -> Tensor:
        if self.head == "softplus":
            return F.softplus(spread) + SMALLEST_STD
        if self.head == "softplus-variance":
            return F.softplus(spread.clamp(*VARIANCE_RANGE)).sqrt()
        return (0.5 * spread).exp()


class FixedNoise(Family):
    """Family of Gaussians with the constant standard deviation `noise`; the encoder gives means."""

    def __init__(self, dim: int, *, noise: float = 0.1) -> None:
        super().__init__(dim)
        if not (noise > 0 and math.isfinite(noise)):
            raise ValueError(f"noise must be a positive standard deviation, got {noise}")
        self.noise = noise

    def forward(self, parameters: Tensor) -> GaussianPosterior:
        """Return q(z|x) from outputs of shape (b, D)."""
        mean = self.check(parameters)
        return GaussianPosterior(mean, torch.full_like(mean, self.noise))


class Deterministic(Family):
    """Family of points: z is the encoder's output; there is no density."""

    has_density = False

    def forward(self, parameters: Tensor) -> DeterministicPosterior:
        """Return the points, from outputs of shape (b, D)."""
        return DeterministicPosterior(self.check(parameters))
