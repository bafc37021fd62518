"""What a configuration is made into: data set, autoencoder, device."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch

from unweave.batches import derive_seed, to_float
from unweave.config import Spec, TrainConfig
from unweave.errors import RunError
from unweave.model import Autoencoder
from unweave.options import build
from unweave.protocols import Dataset
from unweave.registry import Registry


def build_dataset(names: Registry, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration."""
    entry = names.lookup("dataset", config.data.name)
    return cast(Dataset, build(entry, options=config.data.options))


def build_model(names: Registry, config: TrainConfig, dataset: Dataset) -> Autoencoder:
    """Build the autoencoder of a configuration with weights drawn from its seed."""
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        family = _build_named(names, "posterior", config.posterior, config.dim)
        encoder, decoder = _build_named(
            names, "architecture", config.architecture,
            dataset.image_shape, config.dim, family.outputs,
        )  # fmt: skip
        prior = _build_named(names, "prior", config.prior, config.dim)
    precision = getattr(torch, config.precision)
    model = Autoencoder(encoder, decoder, prior, family, precision=precision)
    _attach_prior(model, dataset, config.seed)
    return model


def _attach_prior(model: Autoencoder, dataset: Dataset, seed: int) -> None:
    """Give a prior that asks for it the encoder and some images."""
    wanted = int(getattr(model.prior, "images_wanted", 0))
    if not wanted:
        return
    rng = np.random.default_rng(derive_seed(seed, "prior"))
    index = rng.choice(len(dataset), wanted, replace=wanted > len(dataset))
    images = to_float(torch.from_numpy(np.ascontiguousarray(dataset.images(np.sort(index)))))
    cast(Any, model.prior).attach(model.encode_distribution, images)


def _build_named(names: Registry, kind: str, spec: Spec, *arguments: Any) -> Any:
    return build(names.lookup(kind, spec.name), *arguments, options=spec.options)


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device.

    Raises
    ------
    RunError
        If there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty((), device=device)
    except (RuntimeError, AssertionError) as error:
        raise RunError(f"device {name!r} is not there; use auto, cpu, cuda or cuda:N") from error
    return device
