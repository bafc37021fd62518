"""The objective's terms on held-out images."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn

from unweave.batches import Feed, derive_seed
from unweave.players import Labels, make_batches
from unweave.trainer import Trainer

ROWS = 10_000
"""Most held-out images that are used; the first ones are taken."""


def validation_terms(
    trainer: Trainer, feed: Feed, size: int, labels: Labels = lambda: None
) -> dict[str, float]:
    """Average the terms of the first round over held-out images, in evaluation mode.

    Noise is the same at every call, so that only the model differs between two steps. The state of
    the trainer does not change.

    Parameters
    ----------
    feed
        Indices -> held-out float images on the device.
    size
        Number of held-out images.
    labels
        Returns the classes of their factors, int64, shape (size, K), on the device.
    """
    batch = min(trainer.config.batch_size, size)
    starts = range(0, min(size, ROWS) - batch + 1, batch)
    objective = cast(nn.Module, trainer.objective)
    trainer.model.eval()
    objective.eval()
    sums: dict[str, float] = {}
    with torch.random.fork_rng(trainer.forked):
        for number, start in enumerate(starts):
            for name, value in _terms(trainer, feed, labels, number, start, batch).items():
                sums[name] = sums.get(name, 0.0) + float(value) / len(starts)
    trainer.model.train()
    objective.train()
    return {f"validation/{name}": value for name, value in sums.items()}


def _terms(
    trainer: Trainer, feed: Feed, labels: Labels, number: int, start: int, batch: int
) -> dict[str, torch.Tensor]:
    seed = derive_seed(trainer.config.seed, "validation", number)
    torch.manual_seed(seed)
    device = trainer.clock.device
    generator = torch.Generator(device).manual_seed(seed)
    rows = torch.arange(start, start + batch, device=device)
    batches = make_batches(
        trainer.model, feed, labels, trainer.size, generator, (lambda: rows, lambda: rows), batch
    )
    _, terms = trainer.objective.losses(0, batches, trainer.clock)
    return {name: term.detach() for name, term in terms.items()}
