"""Small stand-ins for the parts and batches that an objective gets from the core.

This module imports torch: import it inside functions only.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from unweave_testing.check import NotApplicable
from unweave_testing.small_model import Cost, Estimator, Model, Posterior, networks

SIZE = 1_000


@dataclass(frozen=True)
class Schedule:
    """A weight that is constant over the steps."""

    start: float
    end: float
    steps: int = 1
    shape: str = "linear"
    drops: tuple[tuple[int, float], ...] = ()

    @property
    def values(self) -> tuple[float, ...]:
        """Bounds of the weight over the steps."""
        return (self.start, self.end)

    def at(self, step: int) -> float:
        """Return the weight at a step."""
        return self.start


@dataclass(frozen=True)
class Weighing:
    """How a term enters the loss: weight x term."""

    weight: Schedule
    target: Schedule | None = None


@dataclass
class Build:
    """The registry's `build`: small networks for any architecture, and a list of all requests.

    Other kinds come from the registry of unweave, if it is installed.
    """

    requests: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, kind: str, spec: Any, *arguments: Any, **keywords: Any) -> Any:
        """Build a registered object."""
        self.requests.append((kind, spec if isinstance(spec, str) else spec.name))
        if kind == "architecture":
            return networks(*arguments)
        return registry(f"the objective builds a {kind}").build(kind, spec, *arguments, **keywords)


def registry(why: str) -> Any:
    """Return the registry of unweave, or skip the check if it is not installed."""
    if importlib.util.find_spec("unweave") is None:
        raise NotApplicable(f"{why}, and unweave is not installed")
    return importlib.import_module("unweave.registry").registry()


@dataclass(frozen=True)
class Parts:
    """Parts from which an objective is built, with the members of `unweave.players.Parts`."""

    model: Model
    cost: nn.Module
    estimators: Mapping[str, nn.Module]
    weighings: Mapping[tuple[str, str], Weighing]
    image_shape: tuple[int, int, int]
    dim: int
    labels: tuple[int, ...]
    build: Build


@dataclass(frozen=True)
class Latent:
    """Codes of a batch, with posterior, prior, decoder and generator."""

    z: Tensor
    posterior: Posterior
    prior: nn.Module
    decoder: nn.Module
    dataset_size: int
    generator: torch.Generator

    def prior_sample(self) -> Tensor:
        """Draw fresh codes from the prior."""
        return torch.randn(self.z.shape, generator=self.generator)


class Batch:
    """One batch; each part is computed once, at its first use."""

    def __init__(self, parts: Parts, index: Tensor, generator: torch.Generator, seed: int) -> None:
        self.index = index
        self._parts, self._generator, self._seed = parts, generator, seed

    @cached_property
    def x(self) -> Tensor:
        """Images in [0, 1], shape (b, c, h, w)."""
        height, columns, channels = self._parts.image_shape
        source = torch.Generator().manual_seed(self._seed)
        return torch.rand(len(self.index), channels, height, columns, generator=source)

    @cached_property
    def labels(self) -> Tensor:
        """Classes of the factors, int64, shape (b, K)."""
        if not self._parts.labels:
            raise ValueError("the objective needs labels, and the data set has none")
        source = torch.Generator().manual_seed(self._seed)
        n = (len(self.index),)
        columns = [torch.randint(k, n, generator=source) for k in self._parts.labels]
        return torch.stack(columns, dim=1)

    @cached_property
    def latent(self) -> Latent:
        """Codes z ~ q(z|x)."""
        model = self._parts.model
        posterior = model.encode(self.x)
        z = posterior.rsample(self._generator)
        return Latent(z, posterior, model.prior, model.decoder, SIZE, self._generator)

    @cached_property
    def output(self) -> Tensor:
        """The decoder's output for the codes."""
        return self._parts.model.decode(self.latent.z)


@dataclass(frozen=True)
class Batches:
    """The batches of a step, with the members of `unweave.players.Batches`."""

    first: Batch
    second: Batch
    model: Model
    size: int
    generator: torch.Generator

    def prior_sample(self, n: int | None = None) -> Tensor:
        """Draw n codes from the prior, by default as many as a batch has."""
        return torch.randn(n or self.size, len(self.model.prior.loc), generator=self.generator)


def small_parts(
    image_shape: tuple[int, int, int] = (16, 16, 1),
    dim: int = 5,
    labels: tuple[int, ...] = (3, 4),
    *,
    terms: bool = True,
) -> Parts:
    """Build the parts of an objective: small networks, a KL of weight 2, a squared error.

    Parameters
    ----------
    image_shape
        Shape (h, w, c) of the images.
    dim
        Number D of code dimensions.
    labels
        Number of classes of each factor.
    terms
        Whether the parts have an estimator, whose terms are that KL and one without a weight.
    """
    weighings = {("divergence", "kl"): Weighing(Schedule(2.0, 2.0))} if terms else {}
    estimators = {"divergence": Estimator()} if terms else {}
    return Parts(
        Model(image_shape, dim), Cost(), estimators, weighings, image_shape, dim, labels, Build()
    )


def small_batches(parts: Parts, seed: int = 0, size: int = 8) -> Batches:
    """Build two batches of random images and labels, as in a step of the trainer.

    Parameters
    ----------
    parts
        Parts from which the objective was built.
    seed
        Seed of images, labels and all noise.
    size
        Number of images per batch.
    """
    generator = torch.Generator().manual_seed(seed)
    first, second = (
        Batch(parts, torch.arange(size) + start, generator, 2 * seed + start // size)
        for start in (0, size)
    )
    return Batches(first, second, parts.model, size, generator)
