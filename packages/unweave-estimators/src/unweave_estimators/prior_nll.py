"""Negative log-likelihood of codes under the prior, with which a prior learns their density."""

from __future__ import annotations

from torch import Tensor, nn
from torch.distributions import Distribution

from unweave_estimators.checks import check_codes, check_finite, wide
from unweave_estimators.latent import Latent, require_event

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def prior_nll(z: Tensor, prior: Distribution, *, detach: bool = True) -> Tensor:
    """Return the mean negative log-likelihood of codes, -(1/b) sum_i log p(z_i), in nats.

    It estimates the cross-entropy of the codes' distribution and the prior.

    Parameters
    ----------
    z : float tensor, shape (b, d)
        Codes.
    prior
        A Distribution with event shape (d,).
    detach
        Whether the codes are constants, so that only parameters of the prior get a gradient. If
        not, the encoder also moves its codes to where the prior is dense, and both may shrink
        to a point.

    Returns
    -------
    prior_nll : scalar tensor

    Raises
    ------
    ValueError
        If a shape is invalid, or z is not finite.

    References
    ----------
    Xiao, Yan, Amit, Generative latent flow, 2019: a flow fitted to the codes, detached.

    Examples
    --------
    >>> import torch
    >>> from torch.distributions import Independent, Normal
    >>> prior = Independent(Normal(torch.zeros(2), torch.ones(2)), 1)
    >>> prior_nll(torch.zeros(4, 2), prior)  # log(2 pi)
    tensor(1.8379)
    """
    check_codes(z, least=1)
    check_finite(z=z)
    return _prior_nll(z, prior, detach)


def _prior_nll(z: Tensor, prior: Distribution, detach: bool) -> Tensor:
    require_event(prior, z.shape[1])
    (z,) = wide(z.detach() if detach else z)
    log_prob: Tensor = prior.log_prob(z)
    return -log_prob.mean()


class PriorNLL(nn.Module):
    """The mean negative log-likelihood of the codes under the prior, `prior_nll`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    detach
        Whether only the prior gets a gradient.
    """

    terms = ("prior_nll",)
    needs_density = False

    def __init__(self, dim: int, *, detach: bool = True) -> None:
        super().__init__()
        self.dim, self.detach = dim, detach

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `prior_nll` in nats.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or the prior has another width.
        """
        check_codes(latent.z, least=1)
        return {"prior_nll": _prior_nll(latent.z, latent.prior(), self.detach)}
