"""The argument of estimators, and checks of its distributions."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


class Posterior(Protocol):
    """The distributions q(z|x_i) of a batch of b inputs over d code dimensions."""

    @property
    def mean(self) -> Tensor:
        """The means, shape (b, d)."""

    @property
    def std(self) -> Tensor:
        """The standard deviations, shape (b, d)."""

    @property
    def has_density(self) -> bool:
        """Whether `distribution` and `log_prob` exist."""

    @property
    def distribution(self) -> Distribution:
        """The distribution, batch shape (b,), event shape (d,)."""

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log q(z_i|x_i) in nats, shape (b,)."""


class Latent(Protocol):
    """A batch of codes with posteriors, prior, decoder, data set size and generator."""

    @property
    def z(self) -> Tensor:
        """Codes z_i ~ q(z|x_i), shape (b, d)."""

    @property
    def posterior(self) -> Posterior:
        """The posteriors of the batch."""

    @property
    def dataset_size(self) -> int:
        """The number N of samples in the data set."""

    @property
    def generator(self) -> torch.Generator | None:
        """The source of all randomness."""

    @property
    def decoder(self) -> nn.Module:
        """The module that maps codes (b, d) to outputs; only penalties on the decoder use it."""

    def prior(self) -> Distribution:
        """Return the prior p(z), event shape (d,)."""

    def prior_sample(self) -> Tensor:
        """Return fresh draws from the prior, shape (b, d).

        If they are reparametrised, they carry a gradient to learned parameters of the prior.
        """


def learns(prior: object) -> bool:
    """Tell whether a prior is a module with parameters that require a gradient."""
    return isinstance(prior, nn.Module) and any(p.requires_grad for p in prior.parameters())


def decoder_of(latent: Latent, purpose: str) -> nn.Module:
    """Return the decoder of a latent.

    Raises
    ------
    ValueError
        If it has none.
    """
    decoder = getattr(latent, "decoder", None)
    if not isinstance(decoder, nn.Module):
        raise ValueError(
            f"{purpose} needs latent.decoder, the torch module that maps codes to outputs, "
            f"got {type(decoder).__name__}"
        )
    return decoder


def factors(distribution: Distribution, name: str, purpose: str) -> Distribution:
    """Return the marginals of a distribution that factorises, as one distribution.

    Raises
    ------
    ValueError
        If it is not `Independent(base, 1)`, whose base holds the marginals.
    """
    if isinstance(distribution, Independent) and distribution.reinterpreted_batch_ndims == 1:
        base: Distribution = distribution.base_dist
        return base
    raise ValueError(
        f"{purpose} needs a {name} that factorises over dimensions, Independent(base, 1), "
        f"got {type(distribution).__name__}"
    )


def posterior_factors(posterior: Posterior, purpose: str) -> Distribution:
    """Return the marginals of a batch of posteriors, as one distribution.

    Raises
    ------
    ValueError
        If the posterior has no density, or does not factorise.
    """
    require_density(posterior, purpose)
    return factors(posterior.distribution, "posterior", purpose)


def require_density(posterior: Posterior, purpose: str) -> None:
    """Require that the posterior has a density.

    Raises
    ------
    ValueError
        If it has none.
    """
    if not posterior.has_density:
        raise ValueError(
            f"{purpose} needs a posterior with a density, got {type(posterior).__name__}; "
            "use a posterior with noise, or an estimator that needs codes alone"
        )


def require_event(distribution: Distribution, dim: int, name: str = "prior") -> None:
    """Require a distribution of vectors of d dimensions.

    Raises
    ------
    ValueError
        If its event shape is another one.
    TypeError
        If it is not a distribution.
    """
    if not isinstance(distribution, Distribution):
        raise TypeError(f"{name} must be a torch Distribution, got {type(distribution).__name__}")
    if distribution.event_shape != (dim,):
        raise ValueError(
            f"{name} must have event shape ({dim},), got {tuple(distribution.event_shape)}"
        )


def standard_normal(like: Tensor) -> Distribution:
    """Return the standard normal over as many dimensions as the last axis of `like` has."""
    zero = torch.zeros(like.shape[-1], dtype=like.dtype, device=like.device)
    return Independent(Normal(zero, torch.ones_like(zero), validate_args=False), 1)
