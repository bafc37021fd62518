"""Names and options become modules: what a configuration is made into."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from unweave.batches import derive_seed, to_float
from unweave.config import Spec, TrainConfig, build_method, check_rate
from unweave.directory import ImageFacts
from unweave.errors import (
    ConfigError,
    RunError,
    blaming,
    quote,
    unknown_name,
)
from unweave.method import Schedule, Term
from unweave.model import Autoencoder
from unweave.objectives.classifier import WithClassifier
from unweave.options import parse_spec, short_name
from unweave.owners import name_of, owner_of, remember
from unweave.players import Parts, Player, Weighing, players_of
from unweave.protocols import Dataset, Objective, PosteriorFamily, member
from unweave.registry import Registry

DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]+)?")
MOST_CLASSES = 10**9
"""Of a factor; a size above is a mistake."""

OptimizerOf = Callable[[Player], tuple[Optimizer, Schedule]]


@dataclass(frozen=True)
class Assembly:
    """What the trainer plays with.

    Attributes
    ----------
    objective
        A module; who descends what.
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


def build_dataset(names: Registry, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration.

    Raises
    ------
    ConfigError
        If it is not as a data set must be.
    """
    dataset = cast(Dataset, names.build("dataset", config.data))
    return check_dataset(str(names.lookup("dataset", config.data.name)), dataset)


def check_dataset(owner: str, dataset: Dataset) -> Dataset:
    """Return a data set whose members fit each other.

    Parameters
    ----------
    owner
        Names the data set in errors.

    Raises
    ------
    ConfigError
        Saying what does not fit.
    """
    with blaming(owner, "when it was opened"):
        size, shape = len(dataset), tuple(dataset.image_shape)
        if size < 1:
            raise ConfigError(f"{owner} has no images")
        if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
            raise ConfigError(f"{owner}: image_shape must be (h, w, c), got {quote(shape)}")
        if dataset.bits not in (1, 8, 32):
            raise ConfigError(f"{owner}: bits must be 1, 8 or 32, got {quote(dataset.bits)}")
        if dataset.factors is not None:
            _check_factors(owner, dataset, size)
    return dataset


def _check_factors(owner: str, dataset: Dataset, size: int) -> None:
    factors = np.asarray(dataset.factors)
    if factors.ndim != 2 or len(factors) != size or factors.dtype.kind not in "iub":
        raise ConfigError(
            f"{owner}: factors must be integers of shape ({size}, K), one row for each image, got "
            f"{factors.dtype} of shape {factors.shape}"
        )
    count = factors.shape[1]
    sizes = [int(n) for n in member(dataset, "factor_sizes")]
    if len(sizes) != count or len(member(dataset, "factor_names")) != count:
        raise ConfigError(f"{owner}: factor_names and factor_sizes must have {count} entries each")
    values = member(dataset, "factor_values")
    if values is not None and np.shape(values) != factors.shape:
        raise ConfigError(
            f"{owner}: factor_values must have the shape of factors, {factors.shape}, got "
            f"{np.shape(values)}"
        )
    low, high = factors.min(0), factors.max(0)
    for name, smallest, largest, number in zip(dataset.factor_names, low, high, sizes, strict=True):
        if smallest < 0 or largest >= number or number > MOST_CLASSES:
            raise ConfigError(
                f"{owner}: factor {quote(name)} of size {quote(number)} has classes from "
                f"{smallest} to {largest}; they must count from 0 and stay below the size, which "
                f"is at most {MOST_CLASSES:,}"
            )


def build_model(
    names: Registry,
    config: TrainConfig,
    facts: ImageFacts,
    dataset: Dataset | None = None,
    networks: tuple[nn.Module, nn.Module] | None = None,
) -> Autoencoder:
    """Build the autoencoder of a configuration with weights drawn from its seed.

    Parameters
    ----------
    dataset
        Where a prior that asks for images gets them; without one it gets noise, which is
        enough for a model whose weights are loaded afterwards.
    networks
        Encoder and decoder, copied, where they were given from Python.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        family = _build_module(names, "posterior", config.posterior, config.dim)
        _check_family(names, config.posterior, family)
        pair = copy.deepcopy(networks) or names.build(
            "architecture", config.architecture, facts.image_shape, config.dim, family.outputs
        )
        encoder, decoder = _pair_of_modules(pair, names, config.architecture)
        remember((encoder, decoder), str(names.lookup("architecture", config.architecture.name)))
        prior = _build_module(names, "prior", config.prior, config.dim)
    precision = getattr(torch, config.precision)
    model = Autoencoder(encoder, decoder, prior, family, precision=precision)
    _attach_prior(str(names.lookup("prior", config.prior.name)), model, facts, dataset, config.seed)
    return model


def _build_module(
    names: Registry, kind: str, spec: Any, *arguments: Any, home: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:  # fmt: skip
    """Build a registered thing that must be a torch module."""
    built = names.build(kind, spec, *arguments, home=home, options=options)
    if not isinstance(built, nn.Module):
        name = parse_spec(spec)[0] if isinstance(spec, str) else spec.name
        raise ConfigError(
            f"{names.lookup(kind, name, home)} must give a torch.nn.Module, "
            f"got {type(built).__name__}"
        )
    return built


def _check_family(names: Registry, spec: Spec, family: Any) -> None:
    if not isinstance(family.outputs, int) or family.outputs < 1:
        raise ConfigError(
            f"{names.lookup('posterior', spec.name)}: outputs must be how many numbers the encoder "
            f"gives for an image, got {quote(family.outputs)}"
        )


def _pair_of_modules(pair: Any, names: Registry, spec: Spec) -> tuple[nn.Module, nn.Module]:
    if (
        not isinstance(pair, tuple)
        or len(pair) != 2
        or not all(isinstance(part, nn.Module) for part in pair)
    ):
        entry = names.lookup("architecture", spec.name)
        raise ConfigError(
            f"{entry} must give an encoder and a decoder, two torch modules; "
            f"it gave {type(pair).__name__}"
        )
    return pair


def _attach_prior(
    owner: str, model: Autoencoder, facts: ImageFacts, dataset: Dataset | None, seed: int
) -> None:
    """Give a prior that asks for it the encoder and some images."""
    wanted = int(member(model.prior, "images_wanted"))
    if not wanted:
        return
    if dataset is None:
        height, width, colours = facts.image_shape
        noise = torch.Generator().manual_seed(0)
        images = torch.rand(wanted, colours, height, width, generator=noise)
    else:
        rng = np.random.default_rng(derive_seed(seed, "prior"))
        index = rng.choice(len(dataset), wanted, replace=wanted > len(dataset))
        images = to_float(torch.from_numpy(np.ascontiguousarray(dataset.images(np.sort(index)))))
    with blaming(owner, "when it was given images"):
        member(model.prior, "attach")(model.encode_distribution, images)


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
        Encoder and decoder, where they were given from Python.

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
        cost = _build_module(names, "cost", method.cost, home=home)
        family = cast(PosteriorFamily, model.family)
        estimators, weighings = build_estimators(
            names, method.terms, home, config.dim, family, config.posterior.name
        )
        parts = Parts(
            model, cost, estimators, weighings, facts.image_shape, config.dim, labels, build
        )
        objective: Any = _build_module(
            names, "objective", method.objective, parts, home=home,
            options=method.objective_options,
        )  # fmt: skip
        remember(dataset, str(names.lookup("dataset", config.data.name)))
        _check_players(objective)
        _check_ownership(objective, model)
        if config.classifier.mode != "none":
            objective = WithClassifier(objective, parts, config.classifier)
    optimizer_of = functools.partial(_optimizer_of, names, config, home)
    return Assembly(model, objective, parts, optimizer_of)


def build_estimators(
    names: Registry,
    terms: tuple[Term, ...],
    home: str,
    dim: int,
    family: PosteriorFamily,
    posterior: str = "without a density",
) -> tuple[dict[str, nn.Module], dict[tuple[str, str], Weighing]]:
    """Build the estimators of a method, by label, and how their terms enter the loss.

    Parameters
    ----------
    posterior
        The name under which the family is registered, for error messages.

    Raises
    ------
    ConfigError
        If an estimator needs a density that the posterior does not have, or has no such term.
    """
    estimators: dict[str, nn.Module] = {}
    weighings: dict[tuple[str, str], Weighing] = {}
    for term in terms:
        entry = names.lookup("estimator", parse_spec(term.estimator)[0], home)
        estimator: Any = _build_module(
            names, "estimator", term.estimator, dim, home=home, options=term.options
        )
        _check_terms(str(entry), estimator)
        if member(estimator, "needs_density") and not family.has_density:
            raise ConfigError(
                f"{entry} needs log q(z|x), and posterior {short_name(posterior)} has no "
                "density; use posterior gaussian"
            )
        label = _free_label(entry.name, estimators)
        found = _weighings(term, entry.name, tuple(estimator.terms))
        weighings |= {(label, name): weighing for name, weighing in found.items()}
        estimators[label] = estimator
    return estimators, weighings


def _check_terms(owner: str, estimator: Any) -> None:
    terms = estimator.terms
    if not isinstance(terms, tuple | list) or not all(isinstance(name, str) for name in terms):
        raise ConfigError(f"{owner}: terms must be a tuple of names, got {quote(terms)}")
    for name in terms:
        if name == "step" or not (0 < len(name) <= 80 and name.isprintable()):
            raise ConfigError(
                f"{owner}: a term must have a name of 1 to 80 characters other than 'step', "
                f"got {quote(name)}"
            )
    if len(set(terms)) < len(terms) or not terms:
        raise ConfigError(f"{owner}: terms must be different names, got {quote(terms)}")


def _weighings(term: Term, estimator: str, known: tuple[str, ...]) -> dict[str, Weighing]:
    weights = term.weights
    if not isinstance(weights, Mapping):
        weights = dict.fromkeys(known, weights)
    for name in (*weights, *term.targets):
        if name not in known:
            raise unknown_name(f"term of estimator {estimator}", name, known)
    targets = {name: Schedule.parse(target) for name, target in term.targets.items()}
    return {
        name: Weighing(Schedule.parse(weight), targets.get(name))
        for name, weight in weights.items()
    }


def _free_label(name: str, taken: Mapping[str, nn.Module]) -> str:
    """Tell two uses of one estimator apart: `mmd`, `mmd-2`; give a name that torch takes."""
    name = label = name.replace(".", "_")
    number = 1
    while label in taken or hasattr(nn.ModuleDict, label):
        number += 1
        label = f"{name}-{number}"
    return label


def build_cost(names: Registry, config: TrainConfig) -> nn.Module:
    """Build the reconstruction cost of a configuration's method."""
    home = names.lookup("method", config.method).distribution
    return _build_module(names, "cost", build_method(names, config).cost, home=home)


def _check_players(objective: Objective) -> None:
    """Raise unless players have names of their own and, within a round, parameters of their own."""
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


def _check_ownership(objective: Objective, model: Autoencoder) -> None:
    """Raise where the objective holds the model, or no player trains a parameter."""
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
        If there are none.
    """
    found = (p for module in player.modules for p in module.parameters())
    parameters = list(dict.fromkeys(p for p in found if p.requires_grad))
    if not parameters:
        raise ConfigError(f"player {player.name} has nothing to train; leave it out")
    return parameters


def _optimizer_of(
    names: Registry, config: TrainConfig, home: str, player: Player
) -> tuple[Optimizer, Schedule]:
    """Build a player's optimizer; its rate is the run's unless its own text says one."""
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
    config: TrainConfig, who: str, home: str, given: Any
) -> tuple[Spec, float | str, str]:
    """Read what a player says of its optimizer: name and options, rate, and where it is at home."""
    if not given:
        return config.optimizer, config.learning_rate, home
    if isinstance(given, str):
        name, options = parse_spec(given)
    elif isinstance(given, Mapping):
        options = {str(key): value for key, value in given.items()}
        name = str(options.pop("name", "unweave:adam"))
    else:
        raise ConfigError(
            f"{who}: its optimizer must be a text such as adam:lr=1e-4 or a mapping such as "
            f"{{'lr': 1e-4}}, got {quote(given)}"
        )
    rate = options.pop("lr", config.learning_rate)
    return Spec(name=name, options=options), rate, home


def describe_player(player: Any) -> str:
    """Name a player, and what it trains where that is one registered thing."""
    modules = tuple(player.modules)
    owner = owner_of(modules[0]) if len(modules) == 1 else ""
    return f"player {player.name!r}" + (f" of {owner}" if owner else "")


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device.

    Raises
    ------
    RunError
        If there is no such device.
    """
    check_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty((), device=device)
    except (RuntimeError, AssertionError) as error:
        raise _no_device(name) from error
    return device


def check_device(name: str) -> None:
    """Raise unless a name is one of a device, whether it is here or on the machine of a worker."""
    if not DEVICE.fullmatch(name):
        raise _no_device(name)


def _no_device(name: str) -> RunError:
    return RunError(f"device {quote(name)} does not exist here; use auto, cpu, cuda or cuda:N")
