"""Any objective, with a linear classifier of a factor that is trained with it."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.errors import ConfigError
from unweave.method import Schedule
from unweave.objectives.terms import WeightSchedule
from unweave.players import Batches, Parts, Player
from unweave.protocols import Objective
from unweave.train_config import Classifier


class WithClassifier(nn.Module):
    """An objective and a linear layer from codes z ~ q(z|x) to the classes of one factor.

        cross_entropy = -(1/b) sum_i log softmax(W z_i + c)[label_i], nats

    The classifier is a separate player in the first round. With `joint`, weight x cross_entropy is
    also added to the loss of the player that owns the encoder; with `own`, the classifier gets
    detached codes and does not affect the other players.

    Parameters
    ----------
    objective
        The inner objective.
    parts
        Parts of the run.
    settings
        Settings of the classifier.

    Raises
    ------
    ConfigError
        If the data set has no such factor, or no player of the first round owns the encoder.
    """

    def __init__(self, objective: Objective, parts: Parts, settings: Classifier) -> None:
        super().__init__()
        if settings.factor >= len(parts.labels):
            raise ConfigError(
                f"classifier needs factor {settings.factor}, and the data set has "
                f"{len(parts.labels)} factors"
            )
        self.inner: Any = objective
        self.linear = nn.Linear(parts.dim, parts.labels[settings.factor])
        self._factor, self._joint = settings.factor, settings.mode == "joint"
        self.weight = WeightSchedule(Schedule.parse(settings.weight))
        player = Player("classifier", (self.linear,), f"unweave:adam:lr={settings.learning_rate}")
        self.rounds = ((*objective.rounds[0], player), *objective.rounds[1:])
        encoder = {id(p) for p in parts.model.encoder.parameters()}
        owners = [
            other.name
            for other in objective.rounds[0]
            if encoder & {id(p) for m in other.modules for p in m.parameters()}
        ]
        if self._joint and not owners:
            raise ConfigError(
                "classifier=joint needs a method whose first round trains the encoder; "
                "take classifier=own"
            )
        self._owner = owners[0] if owners else ""

    def losses(
        self, number: int, batches: Batches, clock: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Return the inner losses, and in round 0 the classifier's."""
        losses, terms = self.inner.losses(number, batches, clock)
        if number > 0:
            return dict(losses), dict(terms)
        z = batches.first.latent.z
        labels = batches.first.labels[:, self._factor]
        logits = self.linear(z if self._joint else z.detach())
        loss = F.cross_entropy(logits, labels)
        with torch.no_grad():
            accuracy = (logits.argmax(1) == labels).float().mean()
        own = {**losses, "classifier": loss}
        if self._joint:
            own[self._owner] = losses[self._owner] + self.weight(clock) * loss
        scalars = {"classifier/cross_entropy": loss, "classifier/accuracy": accuracy}
        return own, {**terms, **scalars}
