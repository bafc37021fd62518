"""VAE/GAN: a variational autoencoder with the likelihood of a discriminator's features."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.method import Schedule, Weight
from unweave.objectives.batch_norm import statistics_kept
from unweave.objectives.discriminator import Discriminator, logistic_loss, pictures
from unweave.objectives.terms import WeightedTerms, WeightSchedule
from unweave.players import Batches, Parts, Player


class VaeGan(WeightedTerms):
    """Three players that move at once.

        features = (1/2b) sum_i ||D_l(x_i) - D_l(x~_i)||², x~ = decode(z), z ~ q(z|x)
        gan      = -log D(x) - log(1 - D(x~)) - log(1 - D(x_p)), means, x_p = decode(z), z ~ p(z)

        encoder        terms of the method + features
        decoder        weight features - gan_weight gan
        discriminator  gan

    D_l(x) are the features of layer l, whose squared error is the negative logarithm of a Gaussian
    with variance one, up to a constant. No gradient of `gan` reaches the encoder, and none of
    `features` the discriminator.

    Parameters
    ----------
    parts
        Parts of the run.
    weight
        Weight of the features in the decoder's loss, gamma of [Larsen].
    gan_weight
        Weight of the adversarial loss in the decoder's loss.
    discriminator
        A registered architecture; its encoder is the discriminator.
    layer
        Number l of modules of that encoder before the features; 0 for its last convolution.
    generator
        `minimax`: the decoder ascends the loss that the discriminator descends, as in [Larsen]; or
        `non-saturating`: it descends -log D(x~) - log D(x_p), which has gradients even if D is
        certain.
    balance
        The discriminator rests while its mean probability for real images is more than this above
        one half; 0: never.
    players
        Optimizer of every player, a registered name with options; empty for that of the run.

    References
    ----------
    [Larsen] Larsen, Sønderby, Larochelle and Winther, "Autoencoding beyond pixels using a learned
    similarity metric", ICML 2016, algorithm 1.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        weight: Weight = 1.0,
        gan_weight: Weight = 1.0,
        discriminator: str = "wae64",
        layer: int = 0,
        generator: Literal["minimax", "non-saturating"] = "minimax",
        balance: float = 0.0,
        players: str = "",
    ) -> None:
        super().__init__(parts)
        if not 0 <= balance < 0.5:
            raise ValueError(f"balance must be in [0, .5), got {balance}")
        self.discriminator = Discriminator(parts, discriminator, layer)
        self.weight = WeightSchedule(Schedule.parse(weight))
        self.gan_weight = WeightSchedule(Schedule.parse(gan_weight))
        self._generator, self._balance = generator, balance
        model = parts.model
        encoder = (model.encoder, model.family, model.prior, *self.estimators.values())
        self.rounds = (
            (
                Player("encoder", encoder, players),
                Player("decoder", (model.decoder, self.cost), players),
                Player("discriminator", (self.discriminator,), players),
            ),
        )

    def losses(
        self, number: int, batches: Batches, clock: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the three losses."""
        x, latent = batches.first.x, batches.first.latent
        rebuilt = pictures(self.cost, batches.first.output)
        with statistics_kept(batches.model):
            imagined = pictures(self.cost, batches.model.decode(batches.prior_sample()))
        real, features = self.discriminator(x)
        fake, fake_features = self.discriminator(rebuilt)
        dreamt, _ = self.discriminator(imagined)
        distance = 0.5 * (features.detach() - fake_features).square().sum(1).mean()
        encoder, terms = self.add_terms(distance, latent, clock)
        gan = logistic_loss(real, fake) + F.softplus(dreamt).mean()
        adversarial = -gan
        if self._generator == "non-saturating":
            adversarial = F.softplus(-fake).mean() + F.softplus(-dreamt).mean()
        decoder = self.weight(clock) * distance + self.gan_weight(clock) * adversarial
        with torch.no_grad():
            right = real.sigmoid().mean()
            error = self.cost(x, batches.first.output).mean()
        losses = {
            "encoder": encoder, "decoder": decoder, "discriminator": gan * self._rest(right),
        }  # fmt: skip
        scalars = {
            "loss": encoder, "reconstruction": error, "features": distance, **terms, "gan": gan,
            "real/probability": right, "fake/probability": fake.sigmoid().mean(),
        }  # fmt: skip
        return losses, scalars

    def _rest(self, right: Tensor) -> Tensor | float:
        """Return 0 while the discriminator rests, else 1."""
        return (right < 0.5 + self._balance).float() if self._balance else 1.0
