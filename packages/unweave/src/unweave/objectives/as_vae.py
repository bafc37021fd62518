"""AS-VAE: an autoencoder whose two joint distributions of (x, z) are matched."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave.model import alternating, apart, statistics_kept
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
    draw. Decoder and critics see both of their batches in one pass, because batch normalisation
    must not tell them apart; its running statistics in the encoder are of images of the data.

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
        x, latent, model = batches.first.x, batches.first.latent, batches.model
        prior = batches.prior_sample()
        output, dream = model.decode_together(latent.z, prior)
        dreamt = pictures(self.cost, dream, batches.generator)
        with torch.no_grad():
            another, independent = batches.second.latent.z, batches.prior_sample()
        reconstruction = self.cost(x, output).mean()
        with statistics_kept(model.encoder):
            log_posterior = model.encode(dreamt).log_prob(prior).mean()
        first, other_first = _logits(self.critic_1, (x, latent.z), (dreamt.detach(), independent))
        second, other_second = _logits(self.critic_2, (dreamt, prior), (x, another))
        loss, terms = self.add_terms(
            reconstruction + first.mean() - log_posterior + second.mean(), latent, clock
        )
        losses = {
            "autoencoder": loss,
            "critic-1": logistic_loss(first, other_first),
            "critic-2": logistic_loss(second, other_second),
        }
        scalars = {
            "loss": loss, "reconstruction": reconstruction, "posterior": -log_posterior,
            "ratio_1": first.mean(), "ratio_2": second.mean(), **terms,
            "critic-1/loss": losses["critic-1"], "critic-2/loss": losses["critic-2"],
        }  # fmt: skip
        return losses, scalars


def _logits(
    critic: JointCritic, pairs: tuple[Tensor, Tensor], others: tuple[Tensor, Tensor]
) -> tuple[Tensor, ...]:
    """Return a critic's logits of two batches of (x, z).

    They are of one pass: batch normalisation must not tell the batches apart.
    """
    x, z = (alternating(*both) for both in zip(pairs, others, strict=True))
    return apart(critic(x, z), 2)
