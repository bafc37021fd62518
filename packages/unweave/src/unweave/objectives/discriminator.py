"""Discriminators of images, and of images with codes, from any registered architecture."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from unweave.errors import ConfigError
from unweave.players import Parts
from unweave.protocols import member


class Discriminator(nn.Module):
    """The encoder of an architecture with one output, a logit, and the features of one layer.

    Parameters
    ----------
    parts
        Parts of the run.
    architecture
        A registered name with options.
    layer
        Number of modules of the encoder before the features; 0 for the last convolution with its
        activation, or the last hidden layer if there is no convolution.

    Raises
    ------
    ConfigError
        If features are requested and the encoder is not an `nn.Sequential` with such a layer.
    """

    def __init__(self, parts: Parts, architecture: str, layer: int = 0) -> None:
        super().__init__()
        encoder, _ = parts.build("architecture", architecture, parts.image_shape, parts.dim, 1)
        if not isinstance(encoder, nn.Sequential):
            encoder = nn.Sequential(encoder)
        depth = layer or _last_hidden(encoder)
        if not 0 < depth < len(encoder):
            raise ConfigError(
                f"layer must be from 1 to {len(encoder) - 1}, the modules of the encoder of "
                f"{architecture} before its output, got {layer}"
            )
        self.body, self.head = encoder[:depth], encoder[depth:]

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logit of being real, shape (b,), and the features, shape (b, f)."""
        features = self.body(x)
        return self.head(features).squeeze(1), features.flatten(1)


def _last_hidden(encoder: nn.Sequential) -> int:
    """Find the module after which the last convolution's, or hidden layer's, activation is done."""
    kinds = [type(module) for module in encoder]
    convolutions = [i for i, kind in enumerate(kinds) if issubclass(kind, nn.Conv2d)]
    if not convolutions:
        return max(1, len(encoder) - 1)
    following = range(convolutions[-1] + 1, len(encoder))
    return next((i for i in following if isinstance(encoder[i], nn.Flatten | nn.Linear)), 0)


class JointCritic(nn.Module):
    """A logit of pairs (x, z): the encoder's features of x and z, then one hidden layer.

    Parameters
    ----------
    width
        Number of features of x, and of units of the hidden layer.
    """

    def __init__(self, parts: Parts, architecture: str, width: int = 256) -> None:
        super().__init__()
        self.body, _ = parts.build(
            "architecture", architecture, parts.image_shape, parts.dim, width
        )
        self.head = nn.Sequential(
            nn.LeakyReLU(0.2), nn.Linear(width + parts.dim, width), nn.LeakyReLU(0.2),
            nn.Linear(width, 1),
        )  # fmt: skip

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the logits, shape (b,)."""
        return cast(Tensor, self.head(torch.cat([self.body(x), z], dim=1))).squeeze(1)


def logistic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """Return -mean log D(real) - mean log(1 - D(fake)) of logits, nats."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


def pictures(cost: Any, output: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return x ~ p(x|z) if the cost can draw it with a gradient, else the reconstruction.

    Parameters
    ----------
    generator
        Generator of the noise; without it no noise is drawn.
    """
    draw = member(cost, "draw")
    if draw is not None and generator is not None:
        return cast(Tensor, draw(output, generator))
    expected = member(cost, "expected")
    return cast(Tensor, cost.image(output) if expected is None else expected(output))
