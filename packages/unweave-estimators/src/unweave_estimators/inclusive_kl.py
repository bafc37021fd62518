"""KL(p(z) || q(z)) of prior and aggregate posterior, which penalises holes in the posterior."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

from unweave_estimators.checks import (
    check_codes,
    check_finite,
    check_positive,
    check_same_shape,
    check_same_width,
    wide,
)
from unweave_estimators.latent import Latent, require_density, require_event, standard_normal
from unweave_estimators.posterior_sums import aggregate_log_density

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def inclusive_kl(
    mean: Tensor, std: Tensor, prior_codes: Tensor, prior: Distribution | None = None
) -> Tensor:
    """Estimate KL(p(z) || q(z)) of a Gaussian batch from samples of the prior, in nats.

    (1/n) sum_i [log p(z_i) - log (1/b) sum_j q(z_i|x_j)], z_i ~ p. The estimate is unbiased for the
    mixture of the batch, and too high for that of the data set, by most if posteriors are narrow.
    O(n b d) time, O((n + b) d) memory.

    Parameters
    ----------
    mean, std : float tensors, shape (b, d)
        Parameters of the posteriors.
    prior_codes : float tensor, shape (n, d)
        Samples of the prior. If they are reparametrised, a learned prior gets the gradient of the
        whole expression. If they are constants, it gets none, since the gradient of log p has
        mean 0 at samples of p.
    prior
        A Distribution with event shape (d,); the standard normal if None.

    Returns
    -------
    inclusive_kl : scalar tensor

    Raises
    ------
    ValueError
        If a shape or a value is invalid.

    References
    ----------
    Mathieu et al., Disentangling disentanglement in variational autoencoders, 2019,
    section 6.2.

    Examples
    --------
    >>> import torch
    >>> g = torch.Generator().manual_seed(0)
    >>> codes = torch.randn(5000, 1, generator=g)
    >>> f"{inclusive_kl(torch.ones(2, 1), torch.ones(2, 1), codes):.1f}"  # 1/2
    '0.5'
    """
    check_codes(mean, "mean")
    check_same_shape(mean, std=std)
    check_codes(prior_codes, "prior_codes", least=1)
    check_same_width(mean=mean, prior_codes=prior_codes)
    check_finite(mean=mean, std=std, prior_codes=prior_codes)
    check_positive(std=std)
    mean, std, z = wide(mean, std, prior_codes)
    posterior = Independent(Normal(mean, std, validate_args=False), 1)
    prior = prior or standard_normal(z)
    require_event(prior, z.shape[1])
    return _inclusive_kl(z, posterior, prior)


def _inclusive_kl(z: Tensor, posterior: Distribution, prior: Distribution) -> Tensor:
    log_prior: Tensor = prior.log_prob(z)
    if not z.requires_grad:
        log_prior = log_prior.detach()
    return (log_prior - aggregate_log_density(z, posterior)).mean()


class InclusiveKL(nn.Module):
    """KL(p(z) || q(z)) with the mixture of the batch as q, from as many prior samples as codes.

    The posterior's `log_prob` must take codes of shape (b, 1, d); that of a flow whose parameters
    depend on its input may not. A learned prior gets a gradient if its samples carry one. See
    `unweave_estimators.inclusive_kl`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    """

    terms = ("inclusive_kl",)
    needs_density = True

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `inclusive_kl` in nats.

        Raises
        ------
        ValueError
            If the posterior has no density, or the codes are not of shape (b, d).
        """
        check_codes(latent.z)
        require_density(latent.posterior, "inclusive_kl")
        (z,) = wide(latent.prior_sample())
        return {"inclusive_kl": _inclusive_kl(z, latent.posterior.distribution, latent.prior())}
