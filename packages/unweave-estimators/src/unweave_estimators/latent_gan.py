"""Jensen-Shannon divergence between codes and prior, from a critic.

References
    Tolstikhin et al., Wasserstein auto-encoders, 2018, algorithm 1 (WAE-GAN).
    Goodfellow et al., Generative adversarial nets, 2014, section 4.1.
"""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor, nn
from torch.nn import functional

from unweave_estimators.checks import check_codes, wide
from unweave_estimators.critics import (
    Critic,
    classification_loss,
    frozen_log_ratio,
    log_ratios,
)
from unweave_estimators.latent import Latent


class LatentGAN(nn.Module):
    """JS(q(z), p(z)) from a critic that separates prior samples from codes, in nats.

    js = log 2 - L(T), where L is the mean cross-entropy of the critic T, is a lower bound of the
    divergence, which the best critic reaches; the divergence lies between 0 and log 2. The term has
    this value. Its gradient to the encoder is by default that of (1/b) sum_i -log sigmoid(T(z_i)),
    as in Tolstikhin et al.: unlike the gradient of the bound, it does not vanish if the critic is
    certain. A learned prior whose samples y_i carry a gradient gets that of
    (1/b) sum_i -log sigmoid(-T(y_i)), with the roles exchanged.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    saturating
        Whether the gradient is that of the bound itself.
    logits, width, layers, lr, eps
        As in `DensityRatio`.
    """

    terms = ("js",)
    needs_density = False

    def __init__(
        self,
        dim: int,
        *,
        saturating: bool = False,
        logits: int = 1,
        width: int = 1000,
        layers: int = 6,
        lr: float = 1e-4,
        eps: float = 1e-8,
    ) -> None:
        super().__init__()
        self.dim, self.saturating = dim, saturating
        self.critic = Critic(dim, width=width, layers=layers, logits=logits)
        self.critic_optimizer = {"lr": lr, "betas": (0.5, 0.9), "eps": eps}

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `js` in nats, with a gradient to codes and prior samples and none to the critic.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or there is only one.
        """
        check_codes(latent.z)
        z, prior = wide(latent.z, latent.prior_sample())
        real, fake = log_ratios(partial(frozen_log_ratio, self.critic), prior, z)
        js = math.log(2.0) - classification_loss(real, fake)
        if self.saturating:
            return {"js": js}
        loss = functional.softplus(-fake).mean() + functional.softplus(real).mean()
        return {"js": loss + (js - loss).detach()}

    def critic_loss(self, latent: Latent, second_latent: Latent) -> Tensor:
        """Return the critic's loss, with no gradient to encoder or prior.

        The two classes are fresh prior samples and codes of the second, independent batch.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or there is only one.
        """
        check_codes(second_latent.z)
        z, prior = wide(second_latent.z.detach(), second_latent.prior_sample().detach())
        return classification_loss(*log_ratios(self.critic, prior, z))
