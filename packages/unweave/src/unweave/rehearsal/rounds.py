"""Checks of the rounds of an objective: losses, terms, and which parameters they train."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from unweave.assemble import Assembly
from unweave.errors import ConfigError, quote
from unweave.owners import name_of
from unweave.player_optimizers import describe_player, trained_parameters
from unweave.rehearsal.tensors import check_tensor


def check_round(assembly: Assembly, number: int, losses: object, terms: object) -> None:
    """Raise unless a round gives a loss for each player, and terms with unique names."""
    owner = objective_name(assembly)
    for what, value in (("losses", losses), ("terms", terms)):
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"{owner} must give a mapping of {what} in round {number}, "
                f"got {type(value).__name__}"
            )
    assert isinstance(losses, Mapping)
    assert isinstance(terms, Mapping)
    players = {str(player.name): player for player in assembly.objective.rounds[number]}
    if set(losses) != set(players):
        raise ConfigError(
            f"{owner} must give a loss for each player of round {number}, "
            f"{', '.join(players)}; it gave {', '.join(map(str, losses)) or 'none'}"
        )
    for name, player in players.items():
        what = f"the loss of {describe_player(player)}"
        check_tensor(owner, f"{what} in round {number}", losses[name], ())
        if not losses[name].requires_grad:
            raise ConfigError(f"{owner}: {what} has no gradient")
    for name, value in terms.items():
        if not isinstance(name, str) or name == "step":
            raise ConfigError(f"{owner} must log under names other than 'step', got {quote(name)}")
        check_tensor(owner, f"{name!r} in round {number}", value, ())


def trained_by(
    assembly: Assembly, player: Any, losses: Mapping[str, Tensor], *, last: bool
) -> set[int]:
    """Return the ids of the parameters that a player's loss reaches."""
    parameters = trained_parameters(player)
    gradients = torch.autograd.grad(
        losses[player.name], parameters, retain_graph=not last, allow_unused=True
    )
    ids = {id(p) for p, g in zip(parameters, gradients, strict=True) if g is not None}
    if not ids:
        raise ConfigError(
            f"{objective_name(assembly)}: the loss of {describe_player(player)} "
            "reaches none of its parameters"
        )
    return ids


def check_learned_prior(assembly: Assembly, learned: set[int]) -> None:
    """Raise if a parameter of the prior is learned and no loss reaches it."""
    prior = assembly.model.prior
    weights = {name: p for name, p in prior.named_parameters() if p.requires_grad}
    still = [name for name, p in weights.items() if id(p) not in learned]
    if still:
        what = "it" if len(still) == len(weights) else f"its parameter {still[0]!r}"
        raise ConfigError(
            f"{name_of(prior)} is learned, and no term of the method trains {what}; "
            "choose a method with a kl or dimension_wise_kl term, or a prior that is not learned"
        )


def objective_name(assembly: Assembly) -> str:
    """Return the objective's name for errors: the inner one, if a classifier is trained with it."""
    return name_of(getattr(assembly.objective, "inner", assembly.objective))
