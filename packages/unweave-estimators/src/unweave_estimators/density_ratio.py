"""Total correlation and dimension-wise KL as log-ratios that a critic has learned.

The best classifier of two equally likely classes p_1, p_2 has the log-odds log p_1(z) / p_2(z),
whose mean over p_1 is KL(p_1 || p_2).

References
    Kim and Mnih, Disentangling by factorising, 2018.
    Gaujac, Feige, Barber, Learning disentangled representations with the Wasserstein autoencoder,
    2020, equation 11 (TCWAE-GAN).
"""

from __future__ import annotations

from functools import partial

from torch import Tensor, nn

from unweave_estimators.checks import check_codes, wide
from unweave_estimators.critics import (
    Critic,
    classification_loss,
    frozen_log_ratio,
    log_ratios,
    permute_dimensions,
    standardize,
)
from unweave_estimators.latent import Latent, learns

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


class DensityRatio(nn.Module):
    """Total correlation and dimension-wise KL from critics that are trained beside the encoder.

    total_correlation = (1/b) sum_i T(z_i), where the critic T separates codes z from codes z' whose
    dimensions are permuted over the batch; dimension_wise_kl = (1/b) sum_i S(z'_i), where the
    critic S separates z' from samples of the prior. Both are in nats, once the critics have
    converged. The gradient reaches the encoder through z and, by the permutation, through z'. A
    learned prior gets the exact gradient of KL(prod_d q_d || p), which is that of
    -(1/b) sum_i log p(z'_i) and needs no critic.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    dimension_wise
        Whether there is a second critic and the term `dimension_wise_kl`.
    standardized
        Whether the critic of the total correlation gets codes with mean 0 and variance 1, per
        dimension and batch. The total correlation does not depend on shift and scale of a
        dimension, but the gradient of a critic that has not converged does: it pushes all codes
        in one direction. If no strong term holds codes near the prior, as in TCWAE-GAN, they drift
        away. The papers do not standardize codes.
    logits
        Outputs per log-ratio, 1 or 2.
    shared
        Whether the critics are two heads of one network.
    width, layers
        Units per hidden layer, and number of hidden layers, of a network.
    lr, eps
        Learning rate and epsilon of the critics' Adam. For 3D chairs and CelebA, Gaujac et al. use
        lr 1e-5.
    """

    terms: tuple[str, ...] = ("total_correlation", "dimension_wise_kl")
    needs_density = False

    def __init__(
        self,
        dim: int,
        *,
        dimension_wise: bool = True,
        standardized: bool = False,
        logits: int = 2,
        shared: bool = False,
        width: int = 1000,
        layers: int = 6,
        lr: float = 1e-4,
        eps: float = 1e-8,
    ) -> None:
        super().__init__()
        self.dim, self.dimension_wise, self.standardized = dim, dimension_wise, standardized
        self.terms = DensityRatio.terms[: 2 if dimension_wise else 1]
        self.critic_optimizer = {"lr": lr, "betas": (0.5, 0.9), "eps": eps}
        heads = len(self.terms) if shared else 1
        networks = 1 if shared else len(self.terms)
        self.critics = nn.ModuleList(
            Critic(dim, heads=heads, width=width, layers=layers, logits=logits)
            for _ in range(networks)
        )

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return the estimates in nats, with a gradient to codes and prior, not to the critics.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, dim), or there is only one.
        """
        z = self._codes(latent)
        result = {"total_correlation": self._ratio(0, z, frozen=True).mean()}
        if self.dimension_wise:
            marginal_codes = permute_dimensions(z, latent.generator)
            log_ratio = self._ratio(1, marginal_codes, frozen=True)
            result["dimension_wise_kl"] = log_ratio.mean()
            if learns(latent.prior):
                log_prior = latent.prior().log_prob(marginal_codes.detach()).mean()
                result["dimension_wise_kl"] += log_prior.detach() - log_prior
        return result

    def critic_loss(self, latent: Latent, second_latent: Latent) -> Tensor:
        """Return the classification loss of the critics, with no gradient to encoder or prior.

        Codes come from one batch and permuted codes from a second, independent one, so that no
        value of a code is in both classes.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, dim), or there is only one.
        """
        z = self._codes(latent).detach()
        marginal_codes = permute_dimensions(self._codes(second_latent).detach(), latent.generator)
        loss = self._classification_loss(0, z, marginal_codes)
        if self.dimension_wise:
            (prior,) = wide(latent.prior_sample().detach())
            loss = loss + self._classification_loss(1, marginal_codes, prior)
        return loss

    def _classification_loss(self, term: int, first: Tensor, second: Tensor) -> Tensor:
        return classification_loss(*log_ratios(partial(self._ratio, term), first, second))

    def _codes(self, latent: Latent) -> Tensor:
        check_codes(latent.z)
        if latent.z.shape[1] != self.dim:
            raise ValueError(f"z must have {self.dim} columns, got {latent.z.shape[1]}")
        (z,) = wide(latent.z)
        return z

    def _ratio(self, term: int, z: Tensor, frozen: bool = False) -> Tensor:
        """Return the log-ratio of a term, shape (b,)."""
        critic = self.critics[min(term, len(self.critics) - 1)]
        assert isinstance(critic, Critic)
        if self.standardized and term == 0:
            z = standardize(z)
        ratio: Tensor = frozen_log_ratio(critic, z) if frozen else critic(z)
        return ratio[:, min(term, critic.heads - 1)]
