"""Parts and players of an objective, and the two independent batches of a step."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Any

import torch
from torch import Tensor, nn

from unweave import protocols
from unweave.errors import ConfigError
from unweave.latent import Latent, sample_prior
from unweave.method import Schedule
from unweave.model import Autoencoder


@dataclass(frozen=True)
class Player:
    """A set of modules whose parameters descend a loss of their own.

    It may be in several rounds; it then moves once in each, by one optimizer.

    Attributes
    ----------
    name
        Name of its loss and of its optimizer's state.
    modules
        Modules that it trains.
    optimizer
        A registered name with options, as in `rmsprop:lr=1e-4`, or the options of `adam` as a
        mapping; empty for the optimizer and learning rate of the run.
    """

    name: str
    modules: tuple[nn.Module, ...]
    optimizer: str | Mapping[str, Any] = ""


def players_of(rounds: Iterable[Iterable[protocols.Player]]) -> dict[str, protocols.Player]:
    """Return each player of an objective once, by name.

    Raises
    ------
    ConfigError
        If two players with different modules or optimizers share a name.
    """
    players: dict[str, protocols.Player] = {}
    for player in chain.from_iterable(rounds):
        other = players.setdefault(str(player.name), player)
        same = list(map(id, other.modules)) == list(map(id, player.modules))
        if not same or other.optimizer != player.optimizer:
            raise ConfigError(
                f"two players are called {player.name!r} and differ in modules or optimizer; give "
                "them different names"
            )
    return players


@dataclass(frozen=True)
class Weighing:
    """How a term enters the loss: as weight x term, or as weight x |term - target|."""

    weight: Schedule
    target: Schedule | None = None


@dataclass(frozen=True)
class Parts:
    """The parts from which an objective is built.

    Attributes
    ----------
    model
        The autoencoder.
    cost
        The method's reconstruction cost, (x, output) -> (b,).
    estimators
        Label -> estimator of the method, called with a Latent.
    weighings
        (label, term) -> how the term enters the loss; other terms are only logged.
    image_shape
        (h, w, c) of the data.
    dim
        Code dimensions D.
    labels
        Numbers of classes of the factors of the data set; empty if none are known.
    build
        `build(kind, spec, *arguments)` returns any registered object, such as the encoder of a
        discriminator: `build("architecture", "conv64", image_shape, 1, 1)[0]`.
    """

    model: Autoencoder
    cost: nn.Module
    estimators: Mapping[str, nn.Module]
    weighings: Mapping[tuple[str, str], Weighing]
    image_shape: tuple[int, int, int]
    dim: int
    labels: tuple[int, ...]
    build: Callable[..., Any]


Labels = Callable[[], Tensor | None]
"""Function that returns the classes of the factors, int64, shape (N, K)."""


class Batch:
    """One batch of a step; every part is computed once, at its first use.

    Parts of one round keep their values in the next, but their graphs are used up: a later round
    that needs a gradient through them computes its own, `batches.model.encode(batch.x)`.

    Parameters
    ----------
    draw
        Returns indices into the data set, int64, shape (b,).
    feed
        Indices -> float images, shape (b, c, h, w).
    generator
        Generator for the noise of a stochastic view.
    labels
        Returns the classes of all factors of the data set, int64, shape (N, K); or None.
    latent_of
        Images -> Latent.
    model
        The autoencoder.
    """

    def __init__(
        self,
        draw: Callable[[], Tensor],
        feed: Callable[[Tensor, torch.Generator], Tensor],
        labels: Labels,
        latent_of: Callable[[Tensor], Latent],
        model: Autoencoder,
        generator: torch.Generator,
    ) -> None:
        self._draw, self._feed, self._labels = draw, feed, labels
        self._latent_of, self._model, self._generator = latent_of, model, generator

    @cached_property
    def index(self) -> Tensor:
        """Indices into the data set, int64, shape (b,)."""
        return self._draw()

    @cached_property
    def x(self) -> Tensor:
        """Images, shape (b, c, h, w)."""
        return self._feed(self.index, self._generator)

    @cached_property
    def labels(self) -> Tensor:
        """Classes of the factors, int64, shape (b, K).

        Raises
        ------
        ConfigError
            If the data set has none.
        """
        labels = self._labels()
        if labels is None:
            raise ConfigError("the objective needs labels, and the data set has none")
        return labels[self.index]

    @cached_property
    def latent(self) -> Latent:
        """Codes z ~ q(z|x), with the posterior and the prior."""
        return self._latent_of(self.x)

    @cached_property
    def output(self) -> Tensor:
        """The decoder's output for the codes, shape (b, c, h, w)."""
        return self._model.decode(self.latent.z)


@dataclass(frozen=True)
class Batches:
    """The batches of a step, as an objective gets them.

    Attributes
    ----------
    first, second
        Two independent batches; the second is computed only if it is used.
    model
        The autoencoder.
    size
        Number of images in a batch.
    generator
        Source of all randomness, seeded from (seed, step).
    """

    first: Batch
    second: Batch
    model: Autoencoder
    size: int
    generator: torch.Generator

    def prior_sample(self, n: int | None = None) -> Tensor:
        """Draw n new codes from the prior, by default as many as in a batch; shape (n, D)."""
        return sample_prior(self.model.prior, n or self.size, self.generator)


def make_batches(
    model: Autoencoder,
    feed: Callable[[Tensor, torch.Generator], Tensor],
    labels: Labels,
    dataset_size: int,
    generator: torch.Generator,
    draws: tuple[Callable[[], Tensor], Callable[[], Tensor]],
    size: int,
) -> Batches:
    """Make the two batches of a step from the functions that draw their indices."""

    def latent_of(x: Tensor) -> Latent:
        posterior = model.encode(x)
        z = posterior.rsample(generator)
        return Latent(z, posterior, model.prior, model.decoder, dataset_size, generator)

    first, second = (Batch(draw, feed, labels, latent_of, model, generator) for draw in draws)
    return Batches(first, second, model, size, generator)
