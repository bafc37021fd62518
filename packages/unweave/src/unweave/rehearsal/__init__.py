"""The rehearsal: one step on two images, which finds mistakes before a file is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from unweave.assemble import Assembly
from unweave.errors import ConfigError
from unweave.owners import explaining, name_of
from unweave.players import Batches, make_batches, players_of
from unweave.protocols import Dataset
from unweave.rehearsal.images import take_images
from unweave.rehearsal.parts import (
    check_cost,
    check_cost_of_vectors,
    check_estimators,
    check_networks,
    check_optimizer,
    check_prior,
)
from unweave.rehearsal.rounds import check_learned_prior, check_round, objective_name, trained_by

IMAGES = 2


def rehearse(assembly: Assembly, dataset: Dataset) -> tuple[str, ...]:
    """Compute one step on two images without updates; return the names of the logged terms.

    In evaluation mode, so that no state changes.

    Raises
    ------
    ConfigError
        If an object does not do what its hook asks for. The message names kind, registered name
        and distribution, what was expected, and what came.
    """
    modules: list[Any] = [assembly.model, assembly.objective]
    training = [module.training for module in modules]
    for module in modules:
        module.eval()
    try:
        with torch.random.fork_rng([]), explaining("in a rehearsal of one step"):
            torch.manual_seed(0)
            return _play(assembly, dataset)
    finally:
        for module, was in zip(modules, training, strict=True):
            module.train(was)


def _play(assembly: Assembly, dataset: Dataset) -> tuple[str, ...]:
    batches = _two_batches(assembly, dataset)
    cost = assembly.parts.cost
    if dataset.bits == 32:
        check_cost_of_vectors(cost, dataset)
    check_prior(assembly, batches.generator)
    check_networks(assembly, batches)
    check_cost(assembly, cost, batches, continuous=dataset.bits == 32)
    check_estimators(assembly, batches.first.latent)
    for player in players_of(assembly.objective.rounds).values():
        check_optimizer(assembly, player)
    clock = torch.zeros((), dtype=torch.int64)
    names: list[str] = []
    learned: set[int] = set()
    for number, players in enumerate(assembly.objective.rounds):
        losses, terms = assembly.objective.losses(number, batches, clock)
        check_round(assembly, number, losses, terms)
        for player in players:
            learned |= trained_by(assembly, player, losses, last=player is players[-1])
        names += terms
    check_learned_prior(assembly, learned)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        owner = objective_name(assembly)
        raise ConfigError(f"{owner} logs {twice!r} in two rounds; rename one")
    return tuple(names)


def _two_batches(assembly: Assembly, dataset: Dataset) -> Batches:
    index = np.arange(min(IMAGES, len(dataset)))
    x = take_images(name_of(dataset), dataset, index)
    labels = None if dataset.factors is None else torch.from_numpy(
        np.ascontiguousarray(dataset.factors[index]).astype(np.int64)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(len(x))
    return make_batches(
        assembly.model, lambda i, _: x[i], lambda: labels, len(dataset), generator,
        (lambda: rows, lambda: rows.flip(0)), len(x),
    )  # fmt: skip
