"""Make a trainer from a configuration: networks rehearsed, data on the device."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn

from unweave.assemble import Assembly, assemble
from unweave.batches import Feed, open_feed
from unweave.data_set import build_dataset
from unweave.errors import ConfigError, blaming
from unweave.owners import name_of
from unweave.players import Labels
from unweave.progress import Progress, Silent
from unweave.protocols import Dataset, member
from unweave.ranks import ALONE, Ranks
from unweave.registry import Registry
from unweave.rehearsal import rehearse
from unweave.rehearsal.images import check_feed
from unweave.replay import recorder_for
from unweave.train_config import TrainConfig
from unweave.trainer import Trainer

Networks = tuple[nn.Module, nn.Module]


def fit_batch(config: TrainConfig, size: int, progress: Progress) -> TrainConfig:
    """Lower the batch size to the number of images if there are fewer, and say so."""
    if config.batch_size <= size or size < 2:
        return config
    progress.say(f"batch_size is lowered from {config.batch_size} to {size}, the number of images")
    return config.model_copy(update={"batch_size": size})


def prepare(
    names: Registry, config: TrainConfig, dataset: Dataset, networks: Networks | None
) -> Assembly:
    """Build the networks and rehearse, which finds mistakes before a file is written."""
    assembly = assemble(names, config, dataset, networks)
    terms = rehearse(assembly, dataset)
    if config.keep_best and config.keep_best.removeprefix("validation/") not in terms:
        raise ConfigError(
            f"setting keep_best must be a logged term, {', '.join(terms)}, or validation/ and one "
            f"of these, got {config.keep_best!r}"
        )
    if config.keep_best.startswith("validation/") and not config.holdout:
        raise ConfigError(f"keep_best={config.keep_best} needs held-out images: set holdout=N")
    return dataclasses.replace(assembly, term_names=terms)


def make_trainer(
    names: Registry,
    config: TrainConfig,
    device: torch.device,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Trainer:
    """Build the trainer of a configuration, without a run directory; `say` as `build_trainer`."""
    dataset = dataset or build_dataset(names, config.data)
    assembly = prepare(names, config, dataset, None)
    feed = load_data(assembly, dataset, device, progress or Silent())
    return build_trainer(assembly, feed, dataset, config, device, say=say)


def build_trainer(
    assembly: Assembly,
    feed: Feed,
    dataset: Dataset,
    config: TrainConfig,
    device: torch.device,
    ranks: Ranks = ALONE,
    say: Callable[[str], None] | None = None,
) -> Trainer:
    """Build the trainer of a prepared run.

    Parameters
    ----------
    say
        Shows a line. If it is given, the step is recorded and replayed if the device can.

    Raises
    ------
    ConfigError
        If the processes cannot share a batch of this size.
    """
    ranks.check(config.batch_size, assembly.model, cast(nn.Module, assembly.objective))
    labels = labels_on(dataset, device)
    recorder = None if say is None else recorder_for(device)
    return Trainer(
        assembly, feed, len(dataset), config, device, labels, ranks, recorder, say or print
    )


def load_data(
    assembly: Assembly, dataset: Dataset, device: torch.device, progress: Progress
) -> Feed:
    """Move the data to the device, which may take long."""
    if note := member(dataset, "note"):
        progress.say(str(note))
    owner = name_of(dataset)
    with blaming(owner, "in stored()"):
        feed = open_feed(dataset, device, progress.loading)
    check_feed(owner, feed, dataset, device)
    return feed


def labels_on(dataset: Dataset, device: torch.device) -> Labels:
    """Return a function that gives the classes of all factors, moved to a device once."""

    @functools.cache
    def labels() -> Tensor | None:
        if dataset.factors is None:
            return None
        return torch.as_tensor(dataset.factors).to(device, torch.int64)

    return labels
