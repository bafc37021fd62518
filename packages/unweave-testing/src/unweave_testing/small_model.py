"""A small autoencoder, cost and estimator. It imports torch: import it inside functions only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal

WIDTH = 16


@dataclass(frozen=True)
class Posterior:
    """Factorised Gaussian q(z|x)."""

    mean: Tensor
    std: Tensor
    has_density = True

    @property
    def distribution(self) -> Distribution:
        """The torch Distribution."""
        return Independent(Normal(self.mean, self.std, validate_args=False), 1)

    def rsample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes with gradients."""
        return self.mean + self.std * torch.randn(self.mean.shape, generator=generator)

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        """Return log q(z_d|x), nats."""
        standard = (z - self.mean) / self.std
        return -0.5 * standard.square() - self.std.log() - 0.5 * math.log(2 * math.pi)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log q(z|x), nats."""
        return self.log_prob_per_dim(z).sum(-1)


class Family(nn.Module):
    """Family of Gaussian posteriors, from an encoder's outputs (b, 2 dim)."""

    has_density = True

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.outputs = 2 * dim

    def forward(self, parameters: Tensor) -> Posterior:
        """Return q(z|x)."""
        mean, log_variance = parameters.chunk(2, dim=1)
        return Posterior(mean, (0.5 * log_variance).exp())


class Prior(nn.Module):
    """Standard normal p(z)."""

    loc: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.register_buffer("loc", torch.zeros(dim))

    def forward(self) -> Distribution:
        """Return p(z)."""
        return Independent(Normal(self.loc, torch.ones_like(self.loc), validate_args=False), 1)


class Model(nn.Module):
    """Encoder, decoder, prior and posterior family, with the methods of the core's autoencoder."""

    def __init__(self, image_shape: tuple[int, int, int], dim: int) -> None:
        super().__init__()
        self.family, self.prior = Family(dim), Prior(dim)
        self.encoder, self.decoder = networks(image_shape, dim, self.family.outputs)

    def encode(self, x: Tensor) -> Posterior:
        """Return q(z|x) of a batch."""
        posterior: Posterior = self.family(self.encoder(x))
        return posterior

    def encode_distribution(self, x: Tensor) -> Distribution:
        """Return q(z|x) of a batch as a torch Distribution."""
        return self.encode(x).distribution

    def decode(self, z: Tensor) -> Tensor:
        """Return the decoder's output, shape (b, c, h, w)."""
        output: Tensor = self.decoder(z)
        return output


class Cost(nn.Module):
    """Squared error of the sigmoid of the output, summed over pixels."""

    units = "squared L2"

    def image(self, output: Tensor) -> Tensor:
        """Return the image that the output stands for, in [0, 1]."""
        return output.sigmoid()

    def expected(self, output: Tensor) -> Tensor:
        """Return the expected image."""
        return output.sigmoid()

    def forward(self, x: Tensor, output: Tensor) -> Tensor:
        """Return the cost of each image, shape (b,)."""
        return (x - self.image(output)).square().flatten(1).sum(1)


class Estimator(nn.Module):
    """KL to the standard normal prior, and the codes' squared norm."""

    terms = ("kl", "size")
    needs_density = True

    def forward(self, latent: Any) -> dict[str, Tensor]:
        """Return both terms."""
        mean, std = latent.posterior.mean, latent.posterior.std
        kl = 0.5 * (mean.square() + std.square() - 1 - 2 * std.log()).sum(1).mean()
        return {"kl": kl, "size": latent.z.square().sum(1).mean()}


def networks(
    image_shape: tuple[int, int, int], dim: int, outputs: int
) -> tuple[nn.Module, nn.Module]:
    """Build an encoder and a decoder with one hidden layer, in place of any architecture."""
    height, columns, channels = image_shape
    pixels = math.prod(image_shape)
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(pixels, WIDTH), nn.Tanh(), nn.Linear(WIDTH, outputs)
    )
    decoder = nn.Sequential(
        nn.Linear(dim, WIDTH), nn.Tanh(), nn.Linear(WIDTH, pixels),
        nn.Unflatten(1, (channels, height, columns)),
    )  # fmt: skip
    return encoder, decoder
