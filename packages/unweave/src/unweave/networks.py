"""The autoencoder and the cost of a configuration, built from registered names."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from unweave.batches import derive_seed, to_float
from unweave.config import build_method
from unweave.directory import ImageFacts
from unweave.errors import ConfigError, blaming, quote
from unweave.model import Autoencoder
from unweave.options import parse_spec
from unweave.owners import remember
from unweave.protocols import Dataset, member
from unweave.registry import Registry
from unweave.train_config import Spec, TrainConfig


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
        Source of images for a prior that needs some. Without it the prior gets noise, which is
        enough if weights are loaded afterwards.
    networks
        Encoder and decoder, if they were given from Python; they are copied.
    """
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        family = build_module(names, "posterior", config.posterior, config.dim)
        _check_family(names, config.posterior, family)
        pair = copy.deepcopy(networks) or names.build(
            "architecture", config.architecture, facts.image_shape, config.dim, family.outputs
        )
        encoder, decoder = _pair_of_modules(pair, names, config.architecture)
        remember((encoder, decoder), str(names.lookup("architecture", config.architecture.name)))
        prior = build_module(names, "prior", config.prior, config.dim)
    precision = getattr(torch, config.precision)
    model = Autoencoder(encoder, decoder, prior, family, precision=precision)
    _attach_prior(str(names.lookup("prior", config.prior.name)), model, facts, dataset, config.seed)
    return model


def build_cost(names: Registry, config: TrainConfig) -> nn.Module:
    """Build the reconstruction cost of a configuration's method."""
    home = names.lookup("method", config.method).distribution
    return build_module(names, "cost", build_method(names, config).cost, home=home)


def build_module(
    names: Registry, kind: str, spec: Any, *arguments: Any, home: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> nn.Module:  # fmt: skip
    """Build a registered object that must be a torch module."""
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
            f"{names.lookup('posterior', spec.name)}: outputs must be the count of numbers that "
            f"the encoder gives per image, got {quote(family.outputs)}"
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
    """Give the encoder and some images to a prior that needs them."""
    count = int(member(model.prior, "images_wanted"))
    if not count:
        return
    if dataset is None:
        height, width, colours = facts.image_shape
        noise = torch.Generator().manual_seed(0)
        images = torch.rand(count, colours, height, width, generator=noise)
    else:
        rng = np.random.default_rng(derive_seed(seed, "prior"))
        index = rng.choice(len(dataset), count, replace=count > len(dataset))
        images = to_float(torch.from_numpy(np.ascontiguousarray(dataset.images(np.sort(index)))))
    with blaming(owner, "when it was given images"):
        member(model.prior, "attach")(model.encode_distribution, images)
