"""The usual objective: the autoencoder descends a sum, then every critic its own loss."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave.objectives.terms import WeightedTerms
from unweave.players import Batches, Parts, Player
from unweave.protocols import member


class Sum(WeightedTerms):
    """Cost + sum of weight x term.

    The player `autoencoder` descends the sum. Then every estimator with a critic, in a separate
    round, descends its `critic_loss` of the first batch and a second, independent one.

    Parameters
    ----------
    parts
        Parts of the run.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__(parts)
        critics = {n: e for n, e in self.estimators.items() if member(e, "critic_loss")}
        others = [e for name, e in self.estimators.items() if name not in critics]
        autoencoder = Player("autoencoder", (parts.model, self.cost, *others))
        players = [Player(n, (e,), member(e, "critic_optimizer")) for n, e in critics.items()]
        self.rounds = tuple((player,) for player in (autoencoder, *players))

    def losses(
        self, number: int, batches: Batches, clock: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the sum in round 0, then the loss of one critic per round."""
        name = self.rounds[number][0].name
        if number == 0:
            batch = batches.first
            # Codes, then pictures, then terms: the order in which noise is drawn.
            latent, output = batch.latent, batch.output
            reconstruction = self.cost(batch.x, output).mean()
            loss, terms = self.add_terms(reconstruction, latent, clock)
            return {name: loss}, {"loss": loss, "reconstruction": reconstruction, **terms}
        with torch.no_grad():
            second = batches.second.latent
        loss = member(self.estimators[name], "critic_loss")(batches.first.latent, second)
        return {name: loss}, {f"{name}/critic_loss": loss}
