"""Names and options become modules: what a configuration is made into."""

from __future__ import annotations

import contextlib
import copy
import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from torch import nn
from torch.optim import Optimizer

from unweave.batches import derive_seed, to_float
from unweave.config import Spec, TrainConfig, build_method, check_rate
from unweave.directory import ImageFacts
from unweave.errors import ConfigError, RunError, UnweaveError, describe, unknown_name
from unweave.method import Schedule, Term
from unweave.model import Autoencoder
from unweave.objectives.classifier import WithClassifier
from unweave.options import parse_spec
from unweave.players import Parts, Player, Weighing
from unweave.protocols import Dataset, Objective, PosteriorFamily, member
from unweave.registry import Registry

OptimizerOf = Callable[[Player], tuple[Optimizer, Schedule]]


@dataclass(frozen=True)
class Assembly:
    """What the trainer plays with.

    objective : a module; who descends what.
    owners : id of a module -> the registered thing that it is, for error messages.
    optimizer_of : player -> its optimizer and learning rate.
    term_names : names of the logged terms, found by the rehearsal.
    """

    model: Autoencoder
    objective: Objective
    owners: Mapping[int, str]
    optimizer_of: OptimizerOf
    term_names: tuple[str, ...] = ()


def build_dataset(names: Registry, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration."""
    return cast(Dataset, names.build("dataset", config.data))


def build_model(
    names: Registry,
    config: TrainConfig,
    facts: ImageFacts,
    dataset: Dataset | None = None,
    networks: tuple[nn.Module, nn.Module] | None = None,
) -> Autoencoder:
    """Build the autoencoder of a configuration with weights drawn from its seed.

    dataset : where a prior that asks for images gets them; without one it gets dark ones, which is
        enough for a model whose weights are loaded afterwards.
    networks : encoder and decoder, copied, where they were given from Python.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        family = names.build("posterior", config.posterior, config.dim)
        pair = copy.deepcopy(networks) or names.build(
            "architecture", config.architecture, facts.image_shape, config.dim, family.outputs
        )
        encoder, decoder = _pair_of_modules(pair, names, config.architecture)
        prior = names.build("prior", config.prior, config.dim)
    precision = getattr(torch, config.precision)
    model = Autoencoder(encoder, decoder, prior, family, precision=precision)
    _attach_prior(model, facts, dataset, config.seed)
    return model


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
    model: Autoencoder, facts: ImageFacts, dataset: Dataset | None, seed: int
) -> None:
    """Give a prior that asks for it the encoder and some images."""
    wanted = int(member(model.prior, "images_wanted"))
    if not wanted:
        return
    if dataset is None:
        height, width, colours = facts.image_shape
        images = torch.zeros(wanted, colours, height, width)
    else:
        rng = np.random.default_rng(derive_seed(seed, "prior"))
        index = rng.choice(len(dataset), wanted, replace=wanted > len(dataset))
        images = to_float(torch.from_numpy(np.ascontiguousarray(dataset.images(np.sort(index)))))
    member(model.prior, "attach")(model.encode_distribution, images)


def assemble(
    names: Registry,
    config: TrainConfig,
    dataset: Dataset,
    networks: tuple[nn.Module, nn.Module] | None = None,
) -> Assembly:
    """Build the networks and the objective of a configuration.

    networks : encoder and decoder, where they were given from Python.

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
        cost = build("cost", method.cost)
        family = cast(PosteriorFamily, model.family)
        estimators, weighings = build_estimators(names, method.terms, home, config.dim, family)
        parts = Parts(
            model, cost, estimators, weighings, facts.image_shape, config.dim, labels, build
        )
        objective = build("objective", method.objective, parts, options=method.objective_options)
        owners = _owners(names, config, parts, objective)
        if config.classifier.mode != "none":
            objective = WithClassifier(objective, parts, config.classifier)
    _check_players(objective)
    optimizer_of = functools.partial(_optimizer_of, names, config, home)
    return Assembly(model, objective, owners, optimizer_of)


def build_estimators(
    names: Registry, terms: tuple[Term, ...], home: str, dim: int, family: PosteriorFamily
) -> tuple[dict[str, nn.Module], dict[tuple[str, str], Weighing]]:
    """Build the estimators of a method, by label, and how their terms enter the loss.

    Raises
    ------
    ConfigError
        If an estimator needs a density that the posterior does not have, or has no such term.
    """
    estimators: dict[str, nn.Module] = {}
    weighings: dict[tuple[str, str], Weighing] = {}
    for term in terms:
        entry = names.lookup("estimator", parse_spec(term.estimator)[0], home)
        estimator = names.build("estimator", term.estimator, dim, home=home, options=term.options)
        if member(estimator, "needs_density") and not family.has_density:
            raise ConfigError(
                f"estimator {entry.name} needs log q(z|x), and posterior "
                f"{type(family).__name__.lower()} has no density; use posterior gaussian"
            )
        label = _free_label(entry.name, estimators)
        found = _weighings(term, entry.name, tuple(estimator.terms))
        weighings |= {(label, name): weighing for name, weighing in found.items()}
        estimators[label] = estimator
    return estimators, weighings


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
    """Tell two uses of one estimator apart: `mmd`, `mmd-2`."""
    label, number = name, 1
    while label in taken:
        number += 1
        label = f"{name}-{number}"
    return label


def build_cost(names: Registry, config: TrainConfig) -> nn.Module:
    """Build the reconstruction cost of a configuration's method."""
    home = names.lookup("method", config.method).distribution
    return cast(nn.Module, names.build("cost", build_method(names, config).cost, home=home))


def _owners(names: Registry, config: TrainConfig, parts: Parts, objective: Any) -> dict[int, str]:
    """Say of every module that somebody registered what it is."""
    method = build_method(names, config)
    home = names.lookup("method", config.method).distribution
    model = parts.model
    architecture = str(names.lookup("architecture", config.architecture.name))
    owners = {
        id(model.prior): str(names.lookup("prior", config.prior.name)),
        id(model.family): str(names.lookup("posterior", config.posterior.name)),
        id(model.encoder): architecture,
        id(model.decoder): architecture,
        id(parts.cost): str(names.lookup("cost", parse_spec(method.cost)[0], home)),
        id(objective): str(names.lookup("objective", parse_spec(method.objective)[0], home)),
    }
    for estimator, term in zip(parts.estimators.values(), method.terms, strict=True):
        entry = names.lookup("estimator", parse_spec(term.estimator)[0], home)
        owners[id(estimator)] = str(entry)
    return owners


def _check_players(objective: Objective) -> None:
    """Raise unless players have names of their own and, within a round, parameters of their own."""
    players = [player for players in objective.rounds for player in players]
    names = [player.name for player in players]
    if not players or len(set(names)) < len(names):
        raise ConfigError(f"an objective needs players with different names, got {names}")
    for number, together in enumerate(objective.rounds):
        owned = [id(p) for player in together for p in trained_parameters(player)]
        if len(set(owned)) < len(owned):
            raise ConfigError(
                f"two players of round {number} own one parameter; let them own different modules"
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
    spec: Any = player.optimizer
    if not spec:
        spec, rate = config.optimizer, config.learning_rate
    else:
        if isinstance(spec, str):
            name, options = parse_spec(spec)
        else:
            options = dict(spec)
            name = str(options.pop("name", "adam"))
        rate = options.pop("lr", config.learning_rate)
        spec = Spec(name=name, options=options)
        home = home if spec.name != "adam" else "unweave"
    schedule = check_rate(f"lr of player {player.name}", rate)
    parameters = trained_parameters(player)
    lr = torch.tensor(schedule.start, device=parameters[0].device)
    try:
        return names.build("optimizer", spec, parameters, lr, home=home), schedule
    except ConfigError as error:
        raise ConfigError(f"player {player.name}: {error}") from error


@contextlib.contextmanager
def explaining(owners: Mapping[int, str], when: str) -> Iterator[None]:
    """Raise a sentence that names the registered module in which an error arose.

    when : ends the sentence, as in "at step 7".

    Raises
    ------
    ConfigError
        In place of an error that arose in a method of a registered module.
    """
    try:
        yield
    except UnweaveError:
        raise
    except Exception as error:
        owner, trace = "", error.__traceback__
        while trace is not None:
            owner = owners.get(id(trace.tb_frame.f_locals.get("self")), owner)
            trace = trace.tb_next
        if not owner:
            raise
        raise ConfigError(f"{owner} raised {describe(error)} {when}") from error


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device.

    Raises
    ------
    RunError
        If there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.partition(":")[0] not in ("cpu", "cuda"):
        raise RunError(f"device {name!r} is not there; use auto, cpu, cuda or cuda:N")
    try:
        device = torch.device(name)
        torch.empty((), device=device)
    except (RuntimeError, AssertionError) as error:
        raise RunError(f"device {name!r} is not there; use auto, cpu, cuda or cuda:N") from error
    return device
