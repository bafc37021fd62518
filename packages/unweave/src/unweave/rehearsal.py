"""The rehearsal: one step on two images, which finds mistakes before a file is written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unweave.assemble import Assembly
from unweave.batches import Feed, is_view, to_float
from unweave.errors import ConfigError, blaming, quote
from unweave.latent import Latent, sample_prior
from unweave.owners import explaining, name_of, remember_class
from unweave.player_optimizers import describe_player, trained_parameters
from unweave.players import Batches, Player, make_batches, players_of
from unweave.protocols import Dataset, Posterior, member

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


def check_feed(owner: str, feed: Feed, dataset: Dataset, device: torch.device) -> None:
    """Raise unless the images kept in memory are those of the data set.

    Parameters
    ----------
    owner
        Names the data set in errors.

    Raises
    ------
    ConfigError
        If the first or the last image differs from that of `images`.
    """
    rows = np.array([0, len(dataset) - 1])
    with blaming(owner, "when images were taken from what its stored() gave"):
        kept = feed(torch.from_numpy(rows).to(device)).cpu()
    images = _images(owner, dataset, rows)
    # What a view draws on the device is not rounded to a byte.
    tolerance = 1 / 255 if is_view(dataset) else 1e-6
    if kept.shape != images.shape or not torch.allclose(kept, images, rtol=0, atol=tolerance):
        raise ConfigError(
            f"{owner}: stored() must hold the images that images() gives, with the same type and "
            "order, and images() the same ones each time; they differ"
        )


def _play(assembly: Assembly, dataset: Dataset) -> tuple[str, ...]:
    batches = _two_batches(assembly, dataset)
    cost = assembly.parts.cost
    if dataset.bits == 32:
        _check_cost_of_vectors(cost, dataset)
    _check_prior(assembly, batches.generator)
    _check_networks(assembly, batches)
    _check_cost(assembly, cost, batches, continuous=dataset.bits == 32)
    _check_estimators(assembly, batches.first.latent)
    for player in players_of(assembly.objective.rounds).values():
        _check_optimizer(assembly, player)
    clock = torch.zeros((), dtype=torch.int64)
    names: list[str] = []
    learned: set[int] = set()
    for number, players in enumerate(assembly.objective.rounds):
        losses, terms = assembly.objective.losses(number, batches, clock)
        _check_round(assembly, number, losses, terms)
        for player in players:
            learned |= _trained_by(assembly, player, losses, last=player is players[-1])
        names += terms
    _check_learned_prior(assembly, learned)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        owner = _of_objective(assembly)
        raise ConfigError(f"{owner} logs {twice!r} in two rounds; rename one")
    return tuple(names)


def _two_batches(assembly: Assembly, dataset: Dataset) -> Batches:
    index = np.arange(min(IMAGES, len(dataset)))
    x = _images(name_of(dataset), dataset, index)
    labels = None if dataset.factors is None else torch.from_numpy(
        np.ascontiguousarray(dataset.factors[index]).astype(np.int64)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    rows = torch.arange(len(x))
    return make_batches(
        assembly.model, lambda i, _: x[i], lambda: labels, len(dataset), generator,
        (lambda: rows, lambda: rows.flip(0)), len(x),
    )  # fmt: skip


def _images(owner: str, dataset: Dataset, index: np.ndarray[Any, Any]) -> Tensor:
    """Return images as floats after checking their type and shape."""
    with blaming(owner, "when asked for images"):
        images = np.asarray(dataset.images(index))
    wanted = np.dtype(np.float32 if dataset.bits == 32 else np.uint8)
    shape = (len(index), *dataset.image_shape)
    if images.dtype != wanted or images.shape != shape:
        raise ConfigError(
            f"{owner}: images(index) must be {wanted} with shape {shape}, got {images.dtype} with "
            f"shape {images.shape}"
        )
    return to_float(torch.from_numpy(np.ascontiguousarray(images)))


def _check_prior(assembly: Assembly, generator: torch.Generator) -> None:
    prior, owner = assembly.model.prior, name_of(assembly.model.prior)
    dim = assembly.parts.dim
    distribution = prior()
    if not isinstance(distribution, Distribution):
        raise ConfigError(
            f"{owner} must give a torch Distribution when called, got {type(distribution).__name__}"
        )
    if distribution.batch_shape or tuple(distribution.event_shape) != (dim,):
        raise ConfigError(
            f"{owner} must give a Distribution with batch shape () and event shape ({dim},), got "
            f"{tuple(distribution.batch_shape)} and {tuple(distribution.event_shape)}; wrap a "
            "factorised one in torch.distributions.Independent(base, 1)"
        )
    remember_class(distribution, prior)
    with blaming(owner, "when asked for samples"):
        drawn = sample_prior(prior, 3, generator)
    _check_tensor(owner, "a sample of 3 codes", drawn, (3, dim))


def _check_networks(assembly: Assembly, batches: Batches) -> None:
    model, dim = assembly.model, assembly.parts.dim
    x, architecture = batches.first.x, name_of(model.encoder)
    outputs = int(cast(Any, model.family).outputs)
    _check_tensor(architecture, "what the encoder gives", model.encoder(x), (len(x), outputs))
    owner = name_of(model.family)
    posterior = model.encode(x)
    remember_class(posterior, model.family)
    _check_posterior(owner, posterior, (len(x), dim), batches.generator)
    if bool(posterior.has_density) != bool(cast(Any, model.family).has_density):
        raise ConfigError(
            f"{owner}: has_density must be the same for the family and its posteriors, "
            f"got {cast(Any, model.family).has_density} and {posterior.has_density}"
        )
    _check_tensor(architecture, "what the decoder gives", batches.first.output, tuple(x.shape))


def _check_posterior(
    owner: str, posterior: Posterior, shape: tuple[int, int], generator: torch.Generator
) -> None:
    for name in ("mean", "std", "rsample", "has_density"):
        with blaming(owner, f"when its posterior was asked for {name!r}"):
            if not hasattr(posterior, name):
                raise ConfigError(
                    f"{owner} gives a posterior without {name!r}, which every posterior has"
                )
    with blaming(owner, "when its posterior was asked for codes"):
        z = posterior.rsample(generator)
    for what, value in {"rsample()": z, "mean": posterior.mean, "std": posterior.std}.items():
        _check_tensor(owner, what, value, shape)
    if not posterior.has_density:
        return
    with blaming(owner, "when its posterior was asked for its density"):
        density, distribution = posterior.log_prob(z), posterior.distribution
    _check_tensor(owner, "log_prob(z)", density, shape[:1])
    batch, event = shape[:1], shape[1:]
    if (tuple(distribution.batch_shape), tuple(distribution.event_shape)) != (batch, event):
        raise ConfigError(
            f"{owner}: distribution must have batch shape {batch} and event shape {event}, got "
            f"{tuple(distribution.batch_shape)} and {tuple(distribution.event_shape)}"
        )


def _check_cost_of_vectors(cost: nn.Module, dataset: Dataset) -> None:
    if member(cost, "unit_interval") or member(cost, "expected") is None:
        raise ConfigError(
            f"{dataset.name} has unbounded vectors, and the cost takes images in [0, 1]; "
            "choose cost=gaussian or cost=l2sq"
        )


def _check_cost(assembly: Assembly, cost: nn.Module, batches: Batches, *, continuous: bool) -> None:
    x, output, owner = batches.first.x, batches.first.output, name_of(cost)
    value = cost(x, output)
    _check_tensor(owner, "the cost of each image", value, (len(x),))
    if output.requires_grad and not value.requires_grad:
        raise ConfigError(f"{owner} gives a cost without a gradient to the decoder's output")
    if not isinstance(cost.units, str):
        raise ConfigError(f"{owner}: units must be a text, got {quote(cost.units)}")
    name = "expected" if continuous else "image"
    picture = cast(Any, getattr(cost, name))(output.detach())
    _check_tensor(owner, f"{name}(output)", picture, tuple(x.shape))
    if not continuous and not bool(((picture >= 0) & (picture <= 1)).all()):
        raise ConfigError(
            f"{owner}: image(output) must be in [0, 1], got values from {picture.min():.3g} to "
            f"{picture.max():.3g}"
        )


def _check_estimators(assembly: Assembly, latent: Latent) -> None:
    for estimator in assembly.parts.estimators.values():
        owner, terms = name_of(estimator), estimator(latent)
        if not isinstance(terms, Mapping):
            raise ConfigError(
                f"{owner} must give a mapping from term to scalar tensor, "
                f"got {type(terms).__name__}"
            )
        known = tuple(cast(Any, estimator).terms)
        if set(terms) != set(known):
            raise ConfigError(
                f"{owner} must give the terms that it declares, {', '.join(known)}; "
                f"it gives {', '.join(map(str, terms)) or 'none'}"
            )
        for name in known:
            _check_tensor(owner, f"term {name!r}", terms[name], (), finite=False)
            _check_term(assembly, owner, name, terms[name])


def _check_term(assembly: Assembly, owner: str, name: str, term: Tensor) -> None:
    model = assembly.model
    if not bool(term.isfinite()):
        raise ConfigError(
            f"{name} is {term.item()} before the first step: {owner} cannot be used with "
            f"{name_of(model.family)} and {name_of(model.prior)}; "
            "change one of the three"
        )
    if not _depends_on(term, model.parameters()):
        raise ConfigError(
            f"{owner} gives the term {name!r} without a gradient to the model; compute it from "
            "latent.z or latent.posterior without detaching them"
        )


def _depends_on(scalar: Tensor, parameters: Iterable[nn.Parameter]) -> bool:
    """Whether a scalar depends differentiably on a parameter."""
    wanted = [p for p in parameters if p.requires_grad]
    if not (scalar.requires_grad and wanted):
        return False
    gradients = torch.autograd.grad(scalar, wanted, retain_graph=True, allow_unused=True)
    return any(g is not None for g in gradients)


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


def _check_optimizer(assembly: Assembly, player: Any) -> None:
    """Build a player's optimizer, and check that an equal one can move a small layer."""
    assembly.optimizer_of(player)
    probe = Player(player.name, (nn.Linear(3, 2),), player.optimizer)
    optimizer, _ = assembly.optimizer_of(probe)
    owner = name_of(optimizer)
    if any("lr" not in group for group in optimizer.param_groups):
        raise ConfigError(f"{owner}: every group of its parameters must have a rate 'lr'")
    for parameter in trained_parameters(probe):
        parameter.grad = torch.ones_like(parameter)
    with blaming(owner, "in a step of a small layer"):
        optimizer.step()
    for state in optimizer.state.values():
        for name, value in state.items():
            if not isinstance(value, Tensor):
                raise ConfigError(
                    f"{owner}: its state must be tensors, so that a run can be resumed; "
                    f"{name!r} is of type {type(value).__name__}"
                )


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
    players = {str(player.name): player for player in assembly.objective.rounds[number]}
    if set(losses) != set(players):
        raise ConfigError(
            f"{owner} must give a loss for each player of round {number}, "
            f"{', '.join(players)}; it gave {', '.join(map(str, losses)) or 'none'}"
        )
    for name, player in players.items():
        what = f"the loss of {describe_player(player)}"
        _check_tensor(owner, f"{what} in round {number}", losses[name], ())
        if not losses[name].requires_grad:
            raise ConfigError(f"{owner}: {what} has no gradient")
    for name, value in terms.items():
        if not isinstance(name, str) or name == "step":
            raise ConfigError(f"{owner} must log under names other than 'step', got {quote(name)}")
        _check_tensor(owner, f"{name!r} in round {number}", value, ())


def _trained_by(
    assembly: Assembly, player: Any, losses: Mapping[str, Tensor], *, last: bool
) -> set[int]:
    """Return the ids of the parameters that a player's loss reaches."""
    parameters = trained_parameters(player)
    gradients = torch.autograd.grad(
        losses[player.name], parameters, retain_graph=not last, allow_unused=True
    )
    found = {id(p) for p, g in zip(parameters, gradients, strict=True) if g is not None}
    if not found:
        raise ConfigError(
            f"{_of_objective(assembly)}: the loss of {describe_player(player)} "
            "reaches none of its parameters"
        )
    return found


def _check_learned_prior(assembly: Assembly, learned: set[int]) -> None:
    prior = assembly.model.prior
    wanted = {name: p for name, p in prior.named_parameters() if p.requires_grad}
    still = [name for name, p in wanted.items() if id(p) not in learned]
    if still:
        what = "it" if len(still) == len(wanted) else f"its parameter {still[0]!r}"
        raise ConfigError(
            f"{name_of(prior)} is learned, and no term of the method trains {what}; "
            "choose a method with a kl or dimension_wise_kl term, or a prior that is not learned"
        )


def _of_objective(assembly: Assembly) -> str:
    inner = getattr(assembly.objective, "inner", assembly.objective)
    return name_of(inner)
