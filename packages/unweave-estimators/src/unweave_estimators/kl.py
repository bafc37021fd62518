"""KL divergence of each posterior from the prior, in closed form or from the codes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Distribution, Independent, kl_divergence

from unweave_estimators.checks import wide
from unweave_estimators.latent import Latent, factors, require_density

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def analytic_kl(
    posterior: Distribution,
    prior: Distribution,
    z: Tensor | None = None,
    *,
    per_dimension: bool = False,
) -> Tensor:
    """Return the mean KL(q(z|x_i) || p(z)) in nats, in closed form where torch has one.

    posterior : batch shape (b,), event shape (d,).
    prior : event shape (d,).
    z : codes, shape (b, d), for `sampled_kl` where torch knows no closed form.
    per_dimension : give the d parts, for which both must factorise.

    Returns a scalar tensor, or shape (d,).

    Raises
        ValueError: torch has no closed form and z is None, or something does not factorise.

    >>> import torch
    >>> from torch.distributions import Independent, Normal
    >>> q = Independent(Normal(torch.ones(4, 2), 1.0), 1)
    >>> p = Independent(Normal(torch.zeros(2), 1.0), 1)
    >>> analytic_kl(q, p, per_dimension=True)  # mean^2 / 2
    tensor([0.5000, 0.5000])
    """
    purpose = "a KL per dimension"
    q, p = posterior, prior
    if per_dimension:
        q, p = factors(posterior, "posterior", purpose), factors(prior, "prior", purpose)
    try:
        return kl_divergence(q, p).mean(0)
    except NotImplementedError:
        if z is not None:
            return sampled_kl(z, posterior, prior, per_dimension=per_dimension)
        raise ValueError(
            f"there is no closed form of the KL from {_named(q)} to {_named(p)}; give the codes z"
        ) from None


def _named(distribution: Distribution) -> str:
    inner = distribution.base_dist if isinstance(distribution, Independent) else distribution
    return type(inner).__name__


def sampled_kl(
    z: Tensor, posterior: Distribution, prior: Distribution, *, per_dimension: bool = False
) -> Tensor:
    """Estimate the mean KL(q(z|x_i) || p(z)) in nats from one code of each posterior.

    (1/b) sum_i [log q(z_i|x_i) - log p(z_i)], unbiased. Arguments as `analytic_kl`.

    Returns a scalar tensor, or shape (d,).

    Raises
        ValueError: parts per dimension are wanted of something that does not factorise.

    >>> import torch
    >>> from torch.distributions import Independent, Normal
    >>> q = Independent(Normal(torch.ones(4, 2), 1.0), 1)
    >>> p = Independent(Normal(torch.zeros(2), 1.0), 1)
    >>> sampled_kl(torch.ones(4, 2), q, p)
    tensor(1.)
    """
    (z,) = wide(z)
    q, p = posterior, prior
    if per_dimension:
        purpose = "a KL per dimension"
        q, p = factors(posterior, "posterior", purpose), factors(prior, "prior", purpose)
    return (q.log_prob(z) - p.log_prob(z)).mean(0)


class AnalyticKL(nn.Module):
    """Mean KL(q(z|x_i) || p(z)) in closed form where torch has one, else from the codes.

    dim : number d of code dimensions.
    free_bits : nats below which a dimension's mean KL costs nothing, sum_d max(free_bits, KL_d)
        (Kingma et al. 2016, equation 15); needs a factorised posterior and prior.
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
            ValueError: the posterior has no density, or free bits meet one that does not
                factorise.
        """
        require_density(latent.posterior, "kl")
        parts = self.divergence(latent, self.free_bits > 0)
        return {"kl": parts.clamp(min=self.free_bits).sum() if self.free_bits else parts}

    def divergence(self, latent: Latent, per_dimension: bool) -> Tensor:
        """Return the mean KL, or its d parts."""
        posterior = latent.posterior.distribution
        return analytic_kl(posterior, latent.prior(), latent.z, per_dimension=per_dimension)


class SampledKL(AnalyticKL):
    """Mean of log q(z_i|x_i) - log p(z_i) over the batch; options as `AnalyticKL`.

    It takes any posterior with a density, flows too, and any prior.
    """

    def divergence(self, latent: Latent, per_dimension: bool) -> Tensor:
        """Return the mean, or its d parts."""
        if per_dimension:
            posterior = latent.posterior.distribution
            return sampled_kl(latent.z, posterior, latent.prior(), per_dimension=True)
        (z,) = wide(latent.z)
        return (latent.posterior.log_prob(z) - latent.prior().log_prob(z)).mean()
