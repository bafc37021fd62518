"""KL divergence of each posterior from the prior, in closed form or from the codes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Distribution, Independent, kl_divergence

from unweave_estimators.checks import check_codes, check_finite, wide
from unweave_estimators.latent import Latent, factors, require_density, require_event

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def analytic_kl(
    posterior: Distribution,
    prior: Distribution,
    z: Tensor | None = None,
    *,
    per_dimension: bool = False,
) -> Tensor:
    """Return the mean KL(q(z|x_i) || p(z)) in nats, in closed form if torch has one.

    Parameters
    ----------
    posterior
        Batch shape (b,), event shape (d,).
    prior
        Event shape (d,).
    z
        Codes, shape (b, d). If torch has no closed form, the result is their `sampled_kl`.
    per_dimension
        Whether to return the d parts; posterior and prior must then factorise.

    Returns
    -------
    kl : scalar tensor, or shape (d,) with `per_dimension`

    Raises
    ------
    ValueError
        If a shape is invalid, torch has no closed form and z is None, or `per_dimension` is True
        and a distribution does not factorise.

    Examples
    --------
    >>> import torch
    >>> from torch.distributions import Independent, Normal
    >>> q = Independent(Normal(torch.ones(4, 2), 1.0), 1)
    >>> p = Independent(Normal(torch.zeros(2), 1.0), 1)
    >>> analytic_kl(q, p, per_dimension=True)  # mean^2 / 2
    tensor([0.5000, 0.5000])
    """
    _check(posterior, prior, z)
    return _analytic_kl(posterior, prior, z, per_dimension)


def _analytic_kl(
    posterior: Distribution, prior: Distribution, z: Tensor | None, per_dimension: bool
) -> Tensor:
    q, p = _pair(posterior, prior, per_dimension)
    try:
        return kl_divergence(q, p).mean(0)
    except NotImplementedError:
        if z is not None:
            return _sampled_kl(z, posterior, prior, per_dimension)
        raise ValueError(
            f"the KL has no closed form from {_name_of(q)} to {_name_of(p)}; pass the codes z"
        ) from None


def _check(posterior: Distribution, prior: Distribution, z: Tensor | None) -> None:
    if not isinstance(posterior, Distribution) or len(posterior.batch_shape) != 1:
        shape = getattr(posterior, "batch_shape", type(posterior).__name__)
        raise ValueError(f"posterior must be a Distribution of batch shape (b,), got {shape}")
    require_event(prior, *posterior.event_shape)
    if z is not None:
        check_codes(z, least=1)
        expected = posterior.batch_shape + posterior.event_shape
        if z.shape != expected:
            raise ValueError(f"z must have shape {tuple(expected)}, got {tuple(z.shape)}")
        check_finite(z=z)


def _pair(
    posterior: Distribution, prior: Distribution, per_dimension: bool
) -> tuple[Distribution, Distribution]:
    """Return q and p, or their marginals."""
    if not per_dimension:
        return posterior, prior
    purpose = "a KL per dimension"
    return factors(posterior, "posterior", purpose), factors(prior, "prior", purpose)


def _name_of(distribution: Distribution) -> str:
    inner = distribution.base_dist if isinstance(distribution, Independent) else distribution
    return type(inner).__name__


def sampled_kl(
    z: Tensor, posterior: Distribution, prior: Distribution, *, per_dimension: bool = False
) -> Tensor:
    """Estimate the mean KL(q(z|x_i) || p(z)) in nats from one code of each posterior.

    (1/b) sum_i [log q(z_i|x_i) - log p(z_i)], unbiased. Arguments are those of `analytic_kl`.

    Returns
    -------
    kl : scalar tensor, or shape (d,) with `per_dimension`

    Raises
    ------
    ValueError
        If a shape is invalid, z is not finite, or `per_dimension` is True and a distribution does
        not factorise.

    Examples
    --------
    >>> import torch
    >>> from torch.distributions import Independent, Normal
    >>> q = Independent(Normal(torch.ones(4, 2), 1.0), 1)
    >>> p = Independent(Normal(torch.zeros(2), 1.0), 1)
    >>> sampled_kl(torch.ones(4, 2), q, p)
    tensor(1.)
    """
    _check(posterior, prior, z)
    return _sampled_kl(z, posterior, prior, per_dimension)


def _sampled_kl(
    z: Tensor, posterior: Distribution, prior: Distribution, per_dimension: bool
) -> Tensor:
    (z,) = wide(z)
    q, p = _pair(posterior, prior, per_dimension)
    return (q.log_prob(z) - p.log_prob(z)).mean(0)


class AnalyticKL(nn.Module):
    """Mean KL(q(z|x_i) || p(z)), in closed form if torch has one, otherwise from the codes.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    free_bits
        Nats below which a dimension's mean KL has no gradient: kl = sum_d max(free_bits, KL_d)
        (Kingma et al. 2016, equation 15). If it is positive, posterior and prior must factorise.
    """

    terms = ("kl",)
    needs_density = True

    def __init__(self, dim: int, *, free_bits: float = 0.0) -> None:
        super().__init__()
        if free_bits < 0:
            raise ValueError(f"free_bits must not be negative, got {free_bits}")
        self.dim, self.free_bits = dim, free_bits

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `kl` in nats.

        Raises
        ------
        ValueError
            If the posterior has no density, or `free_bits` is positive and posterior or prior do
            not factorise.
        """
        require_density(latent.posterior, "kl")
        parts = self.divergence(latent, self.free_bits > 0)
        return {"kl": parts.clamp(min=self.free_bits).sum() if self.free_bits else parts}

    def divergence(self, latent: Latent, per_dimension: bool) -> Tensor:
        """Return the mean KL, or its d parts."""
        posterior = latent.posterior.distribution
        return _analytic_kl(posterior, latent.prior(), latent.z, per_dimension)


class SampledKL(AnalyticKL):
    """Mean of log q(z_i|x_i) - log p(z_i) over the batch; options are those of `AnalyticKL`.

    It takes any posterior with a density, such as a flow, and any prior.
    """

    def divergence(self, latent: Latent, per_dimension: bool) -> Tensor:
        """Return the mean, or its d parts."""
        if per_dimension:
            posterior = latent.posterior.distribution
            return _sampled_kl(latent.z, posterior, latent.prior(), True)
        (z,) = wide(latent.z)
        return (latent.posterior.log_prob(z) - latent.prior().log_prob(z)).mean()
