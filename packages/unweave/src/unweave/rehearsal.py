"""The rehearsal: one step on two images that finds what does not fit before a file is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unweave.assemble import Assembly, explaining, trained_parameters
from unweave.batches import to_float
from unweave.errors import ConfigError, UnweaveError, describe
from unweave.latent import Latent
from unweave.players import Batches, make_batches
from unweave.protocols import Dataset, member

IMAGES = 2


def rehearse(assembly: Assembly, dataset: Dataset) -> tuple[str, ...]:
    """Play one step on two images without a move; return the names of the logged terms.

    In evaluation mode, so that nothing is remembered of it.

    Raises
    ------
    ConfigError
        Naming what does not do as the hooks say: kind, registered name and distribution, what was
        expected and what came.
    """
    modules: list[Any] = [assembly.model, assembly.objective]
    training = [module.training for module in modules]
    for module in modules:
        module.eval()
    try:
        with torch.random.fork_rng([]), explaining(assembly.owners, "in a rehearsal of one step"):
            torch.manual_seed(0)
            return _play(assembly, dataset)
    finally:
        for module, was in zip(modules, training, strict=True):
            module.train(was)


def _play(assembly: Assembly, dataset: Dataset) -> tuple[str, ...]:
    batches = _two_batches(assembly, dataset)
    cost = getattr(assembly.objective, "cost", None)
    if dataset.bits == 32 and cost is not None:
        _check_cost_of_vectors(cost, dataset)
    _check_prior(assembly)
    _check_posterior(assembly, batches)
    if cost is not None:
        _check_cost(assembly, cost, batches)
    _check_estimators(assembly, batches.first.latent)
    for players in assembly.objective.rounds:
        for player in players:
            assembly.optimizer_of(player)
    clock = torch.zeros((), dtype=torch.int64)
    names: list[str] = []
    for number, players in enumerate(assembly.objective.rounds):
        losses, terms = assembly.objective.losses(number, batches, clock)
        _check_round(assembly, number, losses, terms)
        _check_gradients(assembly, players, losses)
        names += terms
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        owner = _of_objective(assembly)
        raise ConfigError(f"{owner} logs {twice!r} in two rounds; name them apart")
    return tuple(names)


def _two_batches(assembly: Assembly, dataset: Dataset) -> Batches:
    index = np.arange(min(IMAGES, len(dataset)))
    try:
        images = np.ascontiguousarray(dataset.images(index))
    except UnweaveError:
        raise
    except Exception as error:
        raise ConfigError(f"data set {dataset.name} raised {describe(error)}") from error
    x = to_float(torch.from_numpy(images))
    labels = None if dataset.factors is None else torch.from_numpy(
        np.ascontiguousarray(dataset.factors[index]).astype(np.int64)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(len(x))
    return make_batches(
        assembly.model, lambda i, _: x[i], lambda: labels, len(dataset), generator,
        (lambda: rows, lambda: rows.flip(0)), len(x),
    )  # fmt: skip


def _check_prior(assembly: Assembly) -> None:
    prior, owner = assembly.model.prior, _owner(assembly, assembly.model.prior)
    distribution = prior()
    if not isinstance(distribution, Distribution):
        raise ConfigError(
            f"{owner} must give a torch Distribution when called, got {type(distribution).__name__}"
        )
    if distribution.batch_shape or len(distribution.event_shape) != 1:
        raise ConfigError(
            f"{owner} must give a Distribution with batch shape () and event shape (D,), got "
            f"{tuple(distribution.batch_shape)} and {tuple(distribution.event_shape)}; wrap a "
            "factorised one in torch.distributions.Independent(base, 1)"
        )


def _check_posterior(assembly: Assembly, batches: Batches) -> None:
    latent = batches.first.latent
    owner, shape = _owner(assembly, assembly.model.family), tuple(latent.z.shape)
    posterior = latent.posterior
    wanted = (len(batches.first.x), *assembly.model.prior().event_shape)
    values = {"rsample()": latent.z, "mean": posterior.mean, "std": posterior.std}
    for name, value in values.items():
        _check_tensor(owner, name, value, wanted)
    if posterior.has_density:
        _check_tensor(owner, "log_prob(z)", posterior.log_prob(latent.z), shape[:1])


def _check_cost_of_vectors(cost: nn.Module, dataset: Dataset) -> None:
    if member(cost, "unit_interval") or member(cost, "expected") is None:
        raise ConfigError(
            f"{dataset.name} has vectors of any size, and the cost takes images in [0, 1]; "
            "choose cost=gaussian or cost=l2sq"
        )


def _check_cost(assembly: Assembly, cost: nn.Module, batches: Batches) -> None:
    x = batches.first.x
    value = cost(x, batches.first.output)
    _check_tensor(_owner(assembly, cost), "the cost of each image", value, (len(x),))


def _check_estimators(assembly: Assembly, latent: Latent) -> None:
    for estimator in getattr(assembly.objective, "estimators", nn.ModuleDict()).values():
        owner, terms = _owner(assembly, estimator), estimator(latent)
        if not isinstance(terms, Mapping):
            raise ConfigError(
                f"{owner} must give a mapping from term to scalar tensor, "
                f"got {type(terms).__name__}"
            )
        known: tuple[str, ...] = tuple(estimator.terms)
        if missing := [name for name in known if name not in terms]:
            raise ConfigError(
                f"{owner} declares the term {missing[0]!r} and gives {', '.join(map(str, terms))}"
            )
        for name in known:
            _check_tensor(owner, f"term {name!r}", terms[name], (), finite=False)
            if not bool(terms[name].isfinite()):
                model = assembly.model
                raise ConfigError(
                    f"{name} is {terms[name].item()} before the first step: posterior "
                    f"{type(model.family).__name__} and prior {type(model.prior).__name__} do not "
                    f"fit {owner}; choose another of them"
                )
            if not terms[name].requires_grad:
                raise ConfigError(
                    f"{owner} gives the term {name!r} without a gradient; compute it from "
                    "latent.z or latent.posterior without detaching them"
                )


def _check_tensor(
    owner: str, what: str, value: object, shape: tuple[int, ...], finite: bool = True
) -> None:
    if not isinstance(value, Tensor):
        raise ConfigError(f"{owner}: {what} must be a tensor, got {type(value).__name__}")
    if tuple(value.shape) != shape:
        raise ConfigError(f"{owner}: {what} must have shape {shape}, got {tuple(value.shape)}")
    if not value.is_floating_point():
        raise ConfigError(f"{owner}: {what} must be floats, got {value.dtype}")
    if finite and not bool(value.isfinite().all()):
        raise ConfigError(f"{owner}: {what} is not finite before the first step")


def _check_round(assembly: Assembly, number: int, losses: object, terms: object) -> None:
    owner = _of_objective(assembly)
    for what, value in (("losses", losses), ("terms", terms)):
        if not isinstance(value, Mapping):
            raise ConfigError(
                f"{owner} must give a mapping of {what} in round {number}, "
                f"got {type(value).__name__}"
            )
    assert isinstance(losses, Mapping)
    assert isinstance(terms, Mapping)
    players = [player.name for player in assembly.objective.rounds[number]]
    if sorted(losses) != sorted(players):
        raise ConfigError(
            f"{owner} must give a loss for each player of round {number}, "
            f"{', '.join(players)}; it gave {', '.join(map(str, losses)) or 'none'}"
        )
    for name, value in {**losses, **terms}.items():
        _check_tensor(owner, f"{name!r} in round {number}", value, ())
        if name in losses and not losses[name].requires_grad:
            raise ConfigError(f"{owner}: the loss of player {name!r} has no gradient")


def _check_gradients(
    assembly: Assembly, players: tuple[Any, ...], losses: Mapping[str, Tensor]
) -> None:
    """Find players that learn nothing, and learned priors of which a parameter learns nothing."""
    model = assembly.model
    learned = {id(p): n for n, p in model.prior.named_parameters() if p.requires_grad}
    for player in players:
        parameters = trained_parameters(player)
        retain = player is not players[-1]
        gradients = torch.autograd.grad(
            losses[player.name], parameters, retain_graph=retain, allow_unused=True
        )
        if all(g is None for g in gradients):
            raise ConfigError(
                f"{_of_objective(assembly)}: the loss of player {player.name!r} reaches none of "
                "its parameters"
            )
        still = [
            learned[id(p)]
            for p, g in zip(parameters, gradients, strict=True)
            if g is None and id(p) in learned
        ]
        if still:
            what = "" if len(still) == len(learned) else f" to its parameter {still[0]}"
            raise ConfigError(
                f"prior {type(model.prior).__name__} is learned, and no term of the method teaches "
                f"it{what}; take a method with a kl or dimension_wise_kl term, or a prior that is "
                "given"
            )


def _owner(assembly: Assembly, module: object) -> str:
    return assembly.owners.get(id(module), type(module).__name__)


def _of_objective(assembly: Assembly) -> str:
    inner = getattr(assembly.objective, "inner", assembly.objective)
    return _owner(assembly, inner)
