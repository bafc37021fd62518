"""The parameters and the optimizer of every player of an objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast

import torch
from torch import nn
from torch.optim import Optimizer

from unweave.config import check_rate
from unweave.errors import ConfigError, blaming, quote
from unweave.method import Schedule
from unweave.model import Autoencoder
from unweave.options import parse_spec
from unweave.owners import name_of, owner_of
from unweave.players import Player, players_of
from unweave.protocols import Objective
from unweave.registry import Registry
from unweave.train_config import Spec, TrainConfig

OptimizerOf = Callable[[Player], tuple[Optimizer, Schedule]]


def check_players(objective: Objective) -> None:
    """Raise if two players share a name, or two players of a round share a parameter."""
    owner = name_of(objective)
    with blaming(owner, "when asked for its rounds of players"):
        try:
            players = players_of(objective.rounds)
        except ConfigError as error:
            raise ConfigError(f"{owner}: {error}") from None
        if not players:
            raise ConfigError(f"{owner} has no players; rounds must hold at least one")
        for number, together in enumerate(objective.rounds):
            owned = [id(p) for player in together for p in trained_parameters(player)]
            if len(set(owned)) < len(owned):
                raise ConfigError(
                    f"{owner}: two players of round {number} own one parameter; let them own "
                    "different modules"
                )


def check_ownership(objective: Objective, model: Autoencoder) -> None:
    """Raise if the objective holds the model, or if no player trains some parameter."""
    owner = name_of(objective)
    held = {id(p) for p in model.parameters()}
    module = cast(nn.Module, objective)
    for name, parameter in module.named_parameters():
        if id(parameter) in held:
            raise ConfigError(
                f"{owner} holds {name} of the model, which is saved already; keep modules of "
                "parts.model in a tuple, as players do"
            )
    players = players_of(objective.rounds).values()
    owned = {id(p) for player in players for p in trained_parameters(player)}
    for prefix, part in (("model", model), ("objective", module)):
        for name, parameter in part.named_parameters():
            if parameter.requires_grad and id(parameter) not in owned:
                raise ConfigError(
                    f"{owner}: no player trains {prefix}.{name}; give its module to a player, or "
                    "freeze it with requires_grad_(False)"
                )


def trained_parameters(player: Any) -> list[nn.Parameter]:
    """List the parameters that a player trains, each once.

    Raises
    ------
    ConfigError
        If it has none.
    """
    candidates = (p for module in player.modules for p in module.parameters())
    parameters = list(dict.fromkeys(p for p in candidates if p.requires_grad))
    if not parameters:
        raise ConfigError(f"player {player.name} has nothing to train; leave it out")
    return parameters


def build_optimizer(
    names: Registry, config: TrainConfig, home: str, player: Player
) -> tuple[Optimizer, Schedule]:
    """Build a player's optimizer; the learning rate is the run's unless the player sets one."""
    who = describe_player(player)
    spec, rate, home = _optimizer_spec(config, who, home, player.optimizer)
    schedule = check_rate(f"lr of {who}", rate)
    parameters = trained_parameters(player)
    lr = torch.tensor(schedule.start, device=parameters[0].device)
    try:
        optimizer = names.build("optimizer", spec, parameters, lr, home=home)
    except ConfigError as error:
        raise ConfigError(f"{who}: {error}") from error
    entry = str(names.lookup("optimizer", spec.name, home))
    if not isinstance(optimizer, Optimizer):
        raise ConfigError(
            f"{entry} must give a torch.optim.Optimizer, got {type(optimizer).__name__}"
        )
    return optimizer, schedule


def _optimizer_spec(
    config: TrainConfig, who: str, home: str, optimizer: Any
) -> tuple[Spec, float | str, str]:
    """Read the optimizer of a player: name and options, learning rate, and home distribution."""
    if not optimizer:
        return config.optimizer, config.learning_rate, home
    if isinstance(optimizer, str):
        name, options = parse_spec(optimizer)
    elif isinstance(optimizer, Mapping):
        options = {str(key): value for key, value in optimizer.items()}
        name = str(options.pop("name", "unweave:adam"))
    else:
        raise ConfigError(
            f"{who}: its optimizer must be a text such as adam:lr=1e-4 or a mapping such as "
            f"{{'lr': 1e-4}}, got {quote(optimizer)}"
        )
    rate = options.pop("lr", config.learning_rate)
    return Spec(name=name, options=options), rate, home


def describe_player(player: Any) -> str:
    """Name a player, and also what it trains if that is one registered object."""
    modules = tuple(player.modules)
    owner = owner_of(modules[0]) if len(modules) == 1 else ""
    return f"player {player.name!r}" + (f" of {owner}" if owner else "")
