"""InfoGAN: a generative adversarial network from whose images the codes can be predicted."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.errors import ConfigError
from unweave.method import Schedule, Weight
from unweave.objectives.discriminator import Discriminator, logistic_loss, pictures
from unweave.objectives.terms import WeightedTerms, WeightSchedule
from unweave.players import Batches, Parts, Player


class InfoGan(WeightedTerms):
    """Three players that move at once; no image of the data is encoded in training.

    z = (c, noise) ~ p(z), where c is the first `codes` dimensions. Q(z|x) is the model's encoder,
    so that `encode`, traversals and scores use it.

        bound          E[log Q(c|G(z))] + H(c) <= I(c; G(z))
        discriminator  -log D(x) - log(1 - D(G(z)))
        decoder        -log D(G(z)) - sum_d weight_d log Q(c_d|G(z))
        encoder        -log Q(z|G(z))

    The encoder also predicts the noise, so that images can be reconstructed; this does not train
    the decoder. Without batch normalisation in decoder and discriminator, training on MNIST
    collapsed within hundreds of steps, and every code gave the same image: use
    `architecture=wae64`.

    Parameters
    ----------
    parts
        Parts of the run.
    codes
        Number of dimensions of c, the first of z.
    discrete
        Number of one-hot dimensions, the first of c.
    weight
        Weight of the information of the other dimensions of c.
    discrete_weight
        Weight of the information of the one-hot dimensions.
    discriminator
        A registered architecture; its encoder is the discriminator.
    discriminator_player, generator_player
        Their optimizers, registered names with options; Q has that of the generator. Empty for that
        of the run.

    References
    ----------
    Chen, Duan, Houthooft, Schulman, Sutskever and Abbeel, "InfoGAN", NIPS 2016, equations 5 and 6.
    """

    def __init__(
        self,
        parts: Parts,
        *,
        codes: int = 12,
        discrete: int = 10,
        weight: Weight = 0.1,
        discrete_weight: Weight = 1.0,
        discriminator: str = "wae64",
        discriminator_player: str = "",
        generator_player: str = "",
    ) -> None:
        super().__init__(parts)
        if not 0 < codes <= parts.dim or not 0 <= discrete <= codes:
            raise ConfigError(
                f"infogan needs dim of at least codes={codes}, of which discrete={discrete} are "
                f"one-hot, got dim={parts.dim}"
            )
        if parts.estimators:
            raise ConfigError(
                f"infogan takes no terms of estimators, got {', '.join(parts.estimators)}: no "
                "image of the data is encoded; leave them out, or take the objective vae-gan"
            )
        self._codes, self._discrete = codes, discrete
        self.weight = WeightSchedule(Schedule.parse(weight))
        self.discrete_weight = WeightSchedule(Schedule.parse(discrete_weight))
        self.discriminator = Discriminator(parts, discriminator)
        model = parts.model
        self.rounds = (
            (
                Player("encoder", (model.encoder, model.family), generator_player),
                Player("decoder", (model.decoder, self.cost), generator_player),
                Player("discriminator", (self.discriminator,), discriminator_player),
            ),
        )

    def losses(
        self, number: int, batches: Batches, clock: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the three losses."""
        z = batches.prior_sample()
        imagined = pictures(self.cost, batches.model.decode(z))
        # One pass over real and imagined images: batch norm must not tell them apart.
        real, fake = self.discriminator(torch.cat([batches.first.x, imagined]))[0].chunk(2)
        missing = -_per_dim(batches.model.encode(imagined), z).mean(0)
        entropy = -_per_dim(batches.model.prior(), z).mean(0)
        discrete, rest = slice(self._discrete), slice(self._discrete, self._codes)
        code_losses = missing[: self._codes]
        bound = entropy[: self._codes].sum() - code_losses.sum()
        fooled = F.softplus(-fake).mean()
        gan = logistic_loss(real, fake)
        decoder = (
            fooled
            + self.discrete_weight(clock) * missing[discrete].sum()
            + self.weight(clock) * missing[rest].sum()
        )
        losses = {"encoder": missing.sum(), "decoder": decoder, "discriminator": gan}
        scalars = {
            "loss": decoder, "generator": fooled, "gan": gan, "information_bound": bound,
            "code_entropy": entropy[: self._codes].sum(),
            "real/probability": real.sigmoid().mean(), "fake/probability": fake.sigmoid().mean(),
        }  # fmt: skip
        return losses, scalars


def _per_dim(distribution: Any, z: Tensor) -> Tensor:
    """Return the logarithm of a density per dimension, shape (b, D).

    Raises
    ------
    ConfigError
        If it does not factorise.
    """
    per_dim = getattr(distribution, "log_prob_per_dim", None)
    if per_dim is not None:
        return cast(Tensor, per_dim(z))
    base = getattr(distribution, "base_dist", None)
    if base is None or base.batch_shape[-1:] != z.shape[1:]:
        raise ConfigError(
            "infogan needs a prior and a posterior that factorise over dimensions, such as prior "
            f"mixed and posterior mixed; {type(distribution).__name__} does not"
        )
    return cast(Tensor, base.log_prob(z))
