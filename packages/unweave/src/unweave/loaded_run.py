"""Data, networks and cost of a run directory, each loaded at its first use."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor, nn

from unweave.checkpoint import list_checkpoints, load_checkpoint, newest_step
from unweave.configfile import digest
from unweave.data_set import build_dataset
from unweave.device import choose_device
from unweave.directory import ImageFacts, RunDirectory
from unweave.errors import ConfigError, RunError, quote, unknown_name
from unweave.from_python import as_dataset
from unweave.holdout import split
from unweave.model import Autoencoder
from unweave.networks import build_cost, build_model
from unweave.options import parse_spec, short_name
from unweave.protocols import Cost, Dataset
from unweave.registry import Registry
from unweave.train_config import Spec, TrainConfig

PARTS = ("train", "holdout")
"""Names of the images of a run: training images and held-out images."""


class LoadedRun(RunDirectory):
    """A run directory with its data, and its networks with the weights of the newest checkpoint.

    Parameters
    ----------
    device_name
        Device of the networks, `auto`, `cpu`, `cuda` or `cuda:N`; set it before the first use of
        the model.
    networks
        Encoder and decoder, if they came from Python.
    """

    def __init__(self, path: Path, config: TrainConfig, names: Registry) -> None:
        super().__init__(path, config, names)
        self.device_name = "auto"
        self.networks: tuple[nn.Module, nn.Module] | None = None
        self._loaded_step: int | None = None

    @classmethod
    def open(
        cls,
        path: Path | str,
        names: Registry | None = None,
        *,
        device: str = "auto",
        data: Any = None,
        architecture: tuple[nn.Module, nn.Module] | None = None,
    ) -> Self:
        """Open an existing run directory.

        Parameters
        ----------
        device
            Device of the networks.
        data, architecture
            What `unweave.train` was given, if it was data or networks from Python.

        Raises
        ------
        RunError
            If the path is not a run directory.
        """
        run = super().open(path, names)
        run.device_name, run.networks = device, architecture
        if data is not None:
            run.__dict__["whole_dataset"] = as_dataset(data)
        return run

    @property
    def best(self) -> Self:
        """The run at the checkpoint where the term of `keep_best` was lowest, in `best/`.

        Raises
        ------
        RunError
            If no best checkpoint was kept.
        """
        if not self.config.keep_best:
            raise RunError(f"{self.path} has no best checkpoint; train with keep_best=TERM")
        best = type(self).open(self.best_path, self.registry)
        best.device_name, best.networks = self.device_name, self.networks
        if "whole_dataset" in self.__dict__:
            best.__dict__["whole_dataset"] = self.whole_dataset
        return best

    @functools.cached_property
    def device(self) -> torch.device:
        """The device of the networks."""
        return choose_device(self.device_name)

    @functools.cached_property
    def whole_dataset(self) -> Dataset:
        """The whole data set: training images and held-out images."""
        return build_dataset(self.registry, self.config.data)

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The images that the run was trained on."""
        return split(self.whole_dataset, self.config.holdout, self.config.seed)[0]

    @functools.cached_property
    def heldout(self) -> Dataset:
        """The images that were held out.

        Raises
        ------
        ConfigError
            If none were.
        """
        if not self.config.holdout:
            raise ConfigError("the run has no held-out images; train with holdout=N")
        return split(self.whole_dataset, self.config.holdout, self.config.seed)[1]

    def images_of(self, what: str) -> Dataset:
        """Return training images (`train`), held-out images (`holdout`) or a data set.

        Parameters
        ----------
        what
            A data set is a registered name with options, `noisy-dsprites:resolution=16`.

        Raises
        ------
        ConfigError
            If there is no such data set, or its images are not of the shape and kind of the run's.
        """
        if what in PARTS:
            return self.dataset if what == "train" else self.heldout
        name, options = parse_spec(what)
        if short_name(name) not in (entry.name for entry in self.registry.entries("dataset")):
            raise unknown_name("images", what, (*PARTS, *self.registry.choices("dataset")))
        dataset = build_dataset(self.registry, Spec(name=name, options=options))
        here, there = self.facts, ImageFacts.of(dataset)
        if there.image_shape != here.image_shape or there.continuous != here.continuous:
            raise ConfigError(
                f"the images of {quote(what)} are {_text(there)}, and those of the run are "
                f"{_text(here)}; choose a data set, or options of it, with images like the run's"
            )
        return dataset

    @functools.cached_property
    def facts(self) -> ImageFacts:
        """Shape and range of the data, as recorded, so that the data are not needed."""
        return self.image_facts() or ImageFacts.of(self.dataset)

    @property
    def step(self) -> int:
        """The step of the newest checkpoint."""
        return newest_step(self.checkpoints)

    @functools.cached_property
    def model(self) -> Autoencoder:
        """The autoencoder with the weights of the newest checkpoint."""
        self._loaded_step, tensors = load_checkpoint(self.checkpoints, digest(self.config))
        model = self._initial_model(None)
        _load_part(model, tensors, "model.")
        return model

    @property
    def model_step(self) -> int:
        """The step of the weights that are or will be loaded; training may continue meanwhile."""
        return self.step if self._loaded_step is None else self._loaded_step

    @functools.cached_property
    def untrained_model(self) -> Autoencoder:
        """The autoencoder as it was before the first step."""
        return self._initial_model(self.dataset)

    @functools.cached_property
    def cost(self) -> Cost:
        """The reconstruction cost, which also turns outputs into images."""
        cost = build_cost(self.registry, self.config)
        if cost.state_dict() and list_checkpoints(self.checkpoints):
            _, tensors = load_checkpoint(self.checkpoints, digest(self.config))
            inner = "inner." if self.config.classifier.mode != "none" else ""
            learned = _part(tensors, f"objective.{inner}cost.")
            if learned:
                cost.load_state_dict(learned)
        return cast(Cost, cost.to(self.device))

    @property
    def encoder(self) -> nn.Module:
        """The encoder, images (b, c, h, w) -> parameters of q(z|x), a plain torch module."""
        return self.model.encoder

    @property
    def decoder(self) -> nn.Module:
        """The decoder, codes (b, D) -> outputs (b, c, h, w), a plain torch module."""
        return self.model.decoder

    def _initial_model(self, dataset: Dataset | None) -> Autoencoder:
        model = build_model(self.registry, self.config, self.facts, dataset, self.networks)
        return model.to(self.device).eval()


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _text(facts: ImageFacts) -> str:
    return f"{facts.image_shape}{' of floats' if facts.continuous else ''}"


def _load_part(module: nn.Module, tensors: dict[str, Tensor], prefix: str) -> None:
    """Load the tensors under a prefix into a module, or raise with the first that does not fit."""
    part = _part(tensors, prefix)
    shapes = {name: tuple(tensor.shape) for name, tensor in module.state_dict().items()}
    saved_shapes = {name: tuple(tensor.shape) for name, tensor in part.items()}
    if shapes != saved_shapes:
        odd = min(
            name for name in {*shapes, *saved_shapes} if shapes.get(name) != saved_shapes.get(name)
        )
        raise RunError(
            f"the checkpoint does not fit the run's configuration: {prefix}{odd} has shape "
            f"{saved_shapes.get(odd, 'none')} for {shapes.get(odd, 'none')}"
        )
    module.load_state_dict(part)
