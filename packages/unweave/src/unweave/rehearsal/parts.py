"""Checks of the parts of a run: prior, networks, cost, estimators and optimizers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unweave.assemble import Assembly
from unweave.errors import ConfigError, blaming, quote
from unweave.latent import Latent, sample_prior
from unweave.owners import name_of, remember_class
from unweave.player_optimizers import trained_parameters
from unweave.players import Batches, Player
from unweave.protocols import Dataset, Posterior, member
from unweave.rehearsal.tensors import check_tensor, depends_on


def check_prior(assembly: Assembly, generator: torch.Generator) -> None:
    """Raise unless a prior gives a distribution of codes, and finite samples."""
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
        codes = sample_prior(prior, 3, generator)
    check_tensor(owner, "a sample of 3 codes", codes, (3, dim))


def check_networks(assembly: Assembly, batches: Batches) -> None:
    """Raise unless the outputs of encoder, posterior and decoder match."""
    model, dim = assembly.model, assembly.parts.dim
    x, architecture = batches.first.x, name_of(model.encoder)
    outputs = int(cast(Any, model.family).outputs)
    check_tensor(architecture, "what the encoder gives", model.encoder(x), (len(x), outputs))
    owner = name_of(model.family)
    posterior = model.encode(x)
    remember_class(posterior, model.family)
    _check_posterior(owner, posterior, (len(x), dim), batches.generator)
    if bool(posterior.has_density) != bool(cast(Any, model.family).has_density):
        raise ConfigError(
            f"{owner}: has_density must be the same for the family and its posteriors, "
            f"got {cast(Any, model.family).has_density} and {posterior.has_density}"
        )
    check_tensor(architecture, "what the decoder gives", batches.first.output, tuple(x.shape))


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
        check_tensor(owner, what, value, shape)
    if not posterior.has_density:
        return
    with blaming(owner, "when its posterior was asked for its density"):
        density, distribution = posterior.log_prob(z), posterior.distribution
    check_tensor(owner, "log_prob(z)", density, shape[:1])
    batch, event = shape[:1], shape[1:]
    if (tuple(distribution.batch_shape), tuple(distribution.event_shape)) != (batch, event):
        raise ConfigError(
            f"{owner}: distribution must have batch shape {batch} and event shape {event}, got "
            f"{tuple(distribution.batch_shape)} and {tuple(distribution.event_shape)}"
        )


def check_cost_of_vectors(cost: nn.Module, dataset: Dataset) -> None:
    """Raise if a cost takes only images, and the data are vectors."""
    if member(cost, "unit_interval") or member(cost, "expected") is None:
        raise ConfigError(
            f"{dataset.name} has unbounded vectors, and the cost takes images in [0, 1]; "
            "choose cost=gaussian or cost=l2sq"
        )


def check_cost(assembly: Assembly, cost: nn.Module, batches: Batches, *, continuous: bool) -> None:
    """Raise unless a cost gives one number per image, and an image for each output."""
    x, output, owner = batches.first.x, batches.first.output, name_of(cost)
    value = cost(x, output)
    check_tensor(owner, "the cost of each image", value, (len(x),))
    if output.requires_grad and not value.requires_grad:
        raise ConfigError(f"{owner} gives a cost without a gradient to the decoder's output")
    if not isinstance(cost.units, str):
        raise ConfigError(f"{owner}: units must be a text, got {quote(cost.units)}")
    name = "expected" if continuous else "image"
    picture = cast(Any, getattr(cost, name))(output.detach())
    check_tensor(owner, f"{name}(output)", picture, tuple(x.shape))
    if not continuous and not bool(((picture >= 0) & (picture <= 1)).all()):
        raise ConfigError(
            f"{owner}: image(output) must be in [0, 1], got values from {picture.min():.3g} to "
            f"{picture.max():.3g}"
        )


def check_estimators(assembly: Assembly, latent: Latent) -> None:
    """Raise unless estimators give the terms that they declare, with gradients."""
    for estimator in assembly.parts.estimators.values():
        owner, terms = name_of(estimator), estimator(latent)
        if not isinstance(terms, Mapping):
            raise ConfigError(
                f"{owner} must give a mapping from term to scalar tensor, "
                f"got {type(terms).__name__}"
            )
        names = tuple(cast(Any, estimator).terms)
        sources = dict.fromkeys(member(estimator, "gradient_of").values())
        if set(terms) != {*names, *sources}:
            raise ConfigError(
                f"{owner} must give the terms that it declares, {', '.join((*names, *sources))}; "
                f"it gives {', '.join(map(str, terms)) or 'none'}"
            )
        for name in sources:
            check_tensor(owner, f"{name!r}, named in gradient_of,", terms[name], ())
        for name in names:
            check_tensor(owner, f"term {name!r}", terms[name], (), finite=False)
            _check_term(assembly, owner, name, terms[name])


def _check_term(assembly: Assembly, owner: str, name: str, term: Tensor) -> None:
    model = assembly.model
    if not bool(term.isfinite()):
        raise ConfigError(
            f"{name} is {term.item()} before the first step: {owner} cannot be used with "
            f"{name_of(model.family)} and {name_of(model.prior)}; "
            "change one of the three"
        )
    if not depends_on(term, model.parameters()):
        raise ConfigError(
            f"{owner} gives the term {name!r} without a gradient to the model; compute it from "
            "latent.z or latent.posterior without detaching them"
        )


def check_optimizer(assembly: Assembly, player: Any) -> None:
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
