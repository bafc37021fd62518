"""AS-VAE: an autoencoder whose two joint distributions of (x, z) are matched."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave.objectives.batch_norm import statistics_kept
from unweave.objectives.discriminator import JointCritic, logistic_loss, pictures
from unweave.objectives.terms import WeightedTerms
from unweave.players import Batches, Parts, Player


class AsVae(WeightedTerms):
    """The symmetric objective of two critics of pairs (x, z), all players at once.

        f1(x, z) -> log q(x, z) - log p(x) p(z)   learned from (x, z ~ q(z|x)) against
                                                  (x' ~ p(x), an independent z ~ p(z))
        f2(x, z) -> log p(x, z) - log q(z) q(x)   learned from (x ~ p(x|z), z ~ p(z)) against
                                                  (x, z ~ q(z|x'), x' another image)

        autoencoder  E_q[cost(x, decode(z)) + f1(x, z)] - E_p[log q(z|x) - f2(x, z)] + terms

    p(x) is the distribution of decoded samples z ~ p(z). The gradient of f1 reaches the encoder
    through z, that of f2 the decoder through x. If the cost can draw from its likelihood, x is a
    draw. Running statistics of batch normalisation are those of images of the data and their codes.

    Parameters
    ----------
    parts
        Parts of the run.
    critic
        A registered architecture; its encoder computes the critics' features of x.
    width
        Width of the critics' features and hidden layer.
    players
        Optimizer of the critics, a registered name with options; empty for that of the run.

    References
    ----------
    Pu, Wang, Henao, Chen, Gan, Li and Carin, "Adversarial symmetric variational autoencoder",
    NIPS 2017, equations 9 to 13.
    """

    def __init__(
        self, parts: Parts, *, critic: str = "wae64:width=0.5", width: int = 256, players: str = ""
    ) -> None:
        super().__init__(parts)
        self.critic_1 = JointCritic(parts, critic, width)
        self.critic_2 = JointCritic(parts, critic, width)
        self.rounds = (
            (
                Player("autoencoder", (parts.model, self.cost, *self.estimators.values())),
                Player("critic-1", (self.critic_1,), players),
                Player("critic-2", (self.critic_2,), players),
            ),
        )

    def losses(
        self, number: int, batches: Batches, clock: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the loss of the autoencoder and those of the critics."""
        x, z = batches.first.x, batches.first.latent.z
        prior = batches.prior_sample()
        with statistics_kept(batches.model):
            dreamt = pictures(self.cost, batches.model.decode(prior), batches.generator)
        with torch.no_grad():
            another, independent = batches.second.latent.z, batches.prior_sample()
        reconstruction = self.cost(x, batches.first.output).mean()
        with statistics_kept(batches.model):
            log_posterior = batches.model.encode(dreamt).log_prob(prior).mean()
        first, second = self.critic_1(x, z), self.critic_2(dreamt, prior)
        loss, terms = self.add_terms(
            reconstruction + first.mean() - log_posterior + second.mean(),
            batches.first.latent,
            clock,
        )
        fixed = dreamt.detach()
        losses = {
            "autoencoder": loss,
            "critic-1": logistic_loss(
                self.critic_1(x, z.detach()), self.critic_1(fixed, independent)
            ),
            "critic-2": logistic_loss(
                self.critic_2(fixed, prior.detach()), self.critic_2(x, another)
            ),
        }
        scalars = {
            "loss": loss, "reconstruction": reconstruction, "posterior": -log_posterior,
            "ratio_1": first.mean(), "ratio_2": second.mean(), **terms,
            "critic-1/loss": losses["critic-1"], "critic-2/loss": losses["critic-2"],
        }  # fmt: skip
        return losses, scalars
