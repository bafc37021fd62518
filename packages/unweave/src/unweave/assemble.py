"""Build modules from the names and options of a configuration."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn

from unweave.batches import derive_seed
from unweave.config import build_method
from unweave.directory import ImageFacts
from unweave.method_terms import build_estimators
from unweave.model import Autoencoder
from unweave.networks import build_model, build_module
from unweave.objectives.classifier import WithClassifier
from unweave.owners import remember
from unweave.player_optimizers import OptimizerOf, build_optimizer, check_ownership, check_players
from unweave.players import Parts
from unweave.protocols import Dataset, Objective, PosteriorFamily
from unweave.registry import Registry
from unweave.train_config import TrainConfig


@dataclass(frozen=True)
class Assembly:
    """The modules of a run, built.

    Attributes
    ----------
    objective
        A module: which player descends which loss.
    parts
        What the objective was built from.
    optimizer_of
        Player -> its optimizer and learning rate.
    term_names
        Names of the logged terms, found by the rehearsal.
    """

    model: Autoencoder
    objective: Objective
    parts: Parts
    optimizer_of: OptimizerOf
    term_names: tuple[str, ...] = ()


def assemble(
    names: Registry,
    config: TrainConfig,
    dataset: Dataset,
    networks: tuple[nn.Module, nn.Module] | None = None,
) -> Assembly:
    """Build the networks and the objective of a configuration.

    Parameters
    ----------
    networks
        Encoder and decoder, if they were given from Python.

    Raises
    ------
    ConfigError
        If a name or an option is unknown, or two things do not fit together.
    """
    facts = ImageFacts.of(dataset)
    model = build_model(names, config, facts, dataset, networks)
    method = build_method(names, config)
    home = names.lookup("method", config.method).distribution
    build = functools.partial(names.build, home=home)
    labels = tuple(dataset.factor_sizes) if dataset.factors is not None else ()
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "estimators"))
        cost = build_module(names, "cost", method.cost, home=home)
        family = cast(PosteriorFamily, model.family)
        estimators, weighings = build_estimators(
            names, method.terms, home, config.dim, family, config.posterior.name
        )
        parts = Parts(
            model, cost, estimators, weighings, facts.image_shape, config.dim, labels, build
        )
        objective: Any = build_module(
            names, "objective", method.objective, parts, home=home,
            options=method.objective_options,
        )  # fmt: skip
        remember(dataset, str(names.lookup("dataset", config.data.name)))
        check_players(objective)
        check_ownership(objective, model)
        if config.classifier.mode != "none":
            objective = WithClassifier(objective, parts, config.classifier)
    optimizer_of = functools.partial(build_optimizer, names, config, home)
    return Assembly(model, objective, parts, optimizer_of)
