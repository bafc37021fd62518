"""The autoencoder: an encoder that gives a posterior, a decoder, and a prior."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor, nn
from torch.distributions import Distribution

from unweave.owners import remember_class
from unweave.protocols import Posterior, PosteriorFamily


def apply_whole(module: nn.Module, rows: Tensor) -> Tensor:
    """Apply a module to all rows."""
    result: Tensor = module(rows)
    return result


class Autoencoder(nn.Module):
    """q(z|x), the decoder, and p(z).

    Parameters
    ----------
    encoder
        (b, c, h, w) in [0, 1] -> (b, outputs).
    decoder
        (b, D) -> (b, c, h, w), unbounded.
    prior
        Module whose call returns a Distribution over z.
    family
        Encoder's outputs -> q(z|x).
    precision
        Number format inside encoder and decoder; everything else is float32.

    Attributes
    ----------
    over_rows
        Applies encoder and decoder to a batch; with several processes, each computes a part.
    """

    over_rows: Callable[[nn.Module, Tensor], Tensor]

    def __init__(
        self,
        encoder: nn.Module,
        decoder: nn.Module,
        prior: nn.Module,
        family: nn.Module,
        *,
        precision: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.encoder = channels_last(encoder)
        self.decoder = channels_last(decoder)
        self.prior = prior
        self.family = family
        self._precision = precision
        self.over_rows = apply_whole

    def encode(self, x: Tensor) -> Posterior:
        """Return q(z|x) of a batch."""
        return self.posterior(self.encoder_output(x))

    def encoder_output(self, x: Tensor) -> Tensor:
        """Return the numbers that decide q(z|x), shape (b, outputs)."""
        with self._autocast(x):
            parameters = self.over_rows(self.encoder, x)
        return parameters.float()

    def posterior(self, parameters: Tensor) -> Posterior:
        """Return q(z|x) of a batch from the encoder's output."""
        posterior = cast(PosteriorFamily, self.family)(parameters)
        remember_class(posterior, self.family)
        return posterior

    def encode_distribution(self, x: Tensor) -> Distribution:
        """Return q(z|x) of a batch as a torch Distribution."""
        return self.encode(x).distribution

    def decode(self, z: Tensor) -> Tensor:
        """Return the decoder's output, shape (b, c, h, w)."""
        with self._autocast(z):
            output = self.over_rows(self.decoder, z)
        return output.float()

    def _autocast(self, tensor: Tensor) -> torch.autocast:
        reduced = self._precision != torch.float32
        return torch.autocast(tensor.device.type, self._precision, enabled=reduced)


def channels_last(module: nn.Module) -> nn.Module:
    """Store weights channels last, which makes convolutions faster; torch's stubs lack this."""
    return cast(nn.Module, module.to(memory_format=torch.channels_last))  # type: ignore[call-overload]
