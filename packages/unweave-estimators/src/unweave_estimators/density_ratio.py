"""Total correlation and dimension-wise KL as log-ratios that a critic has learned.

A classifier of two equally likely classes p_1, p_2 has the best log-odds log p_1(z) / p_2(z), whose
mean over p_1 is KL(p_1 || p_2).

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

    total_correlation = (1/b) sum_i T(z_i), T a critic of codes against codes whose dimensions are
    permuted over the batch; dimension_wise_kl = (1/b) sum_i S(z'_i), S a critic of permuted codes
    z' against samples of the prior. Both in nats, once the critics have converged. The gradient
    reaches the encoder through z and, by the permutation, through z'. A prior that learns gets the
    exact one of KL(prod_d q_d || p), that of -(1/b) sum_i log p(z'_i), which needs no critic.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    dimension_wise
        Whether to have, and train, the second critic.
    standardized
        Whether the critic of the total correlation sees codes less their mean, over their standard
        deviation, per dimension and batch. The total correlation depends on neither, but the
        gradient of a critic that is still learning does: it pushes all codes one way. Where nothing
        strong holds codes near the prior, as in TCWAE-GAN, they drift off. Not so published.
    logits
        1 or 2 outputs for each critic.
    shared
        Whether the critics are two heads of one network.
    width, layers
        Size of a network.
    lr, eps
        Learning rate and epsilon of the critics' Adam. For 3D chairs and CelebA [TCWAE] take lr
        1e-5.
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
        """Return the estimates in nats, with a gradient for codes and prior, not the critics.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, dim), or there is only one.
        """
        z = self._codes(latent)
        result = {"total_correlation": self._ratio(0, z, frozen=True).mean()}
        if self.dimension_wise:
            permuted = permute_dimensions(z, latent.generator)
            log_ratio = self._ratio(1, permuted, frozen=True)
            result["dimension_wise_kl"] = log_ratio.mean()
            if learns(latent.prior):
                log_prior = latent.prior().log_prob(permuted.detach()).mean()
                result["dimension_wise_kl"] += log_prior.detach() - log_prior
        return result

    def critic_loss(self, latent: Latent, second_latent: Latent) -> Tensor:
        """Return the classification loss of the critics, with no gradient for encoder or prior.

        Codes come from one batch and permuted codes from a second, independent one, so that no
        code meets its own values in the other class.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, dim), or there is only one.
        """
        z = self._codes(latent).detach()
        permuted = permute_dimensions(self._codes(second_latent).detach(), latent.generator)
        loss = self._classification_loss(0, z, permuted)
        if self.dimension_wise:
            (prior,) = wide(latent.prior_sample().detach())
            loss = loss + self._classification_loss(1, permuted, prior)
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
        """Return the log-ratio that stands for a term, shape (b,)."""
        critic = self.critics[min(term, len(self.critics) - 1)]
        assert isinstance(critic, Critic)
        if self.standardized and term == 0:
            z = standardize(z)
        ratio: Tensor = frozen_log_ratio(critic, z) if frozen else critic(z)
        return ratio[:, min(term, critic.heads - 1)]
