"""First weights of encoders and decoders."""

from __future__ import annotations

from typing import Literal, get_args

from torch import nn

from unweave.errors import unknown_name

Init = Literal["torch", "glorot", "authors"]
"""How weights are drawn: as torch does, or as `initialised` says."""

CONVOLUTIONS = (nn.Conv2d, nn.ConvTranspose2d)
AUTHORS_STD = 0.1
"""Of fully connected layers in the code of Gaujac, Feige and Barber."""


def initialised(encoder: nn.Module, decoder: nn.Module, init: Init) -> tuple[nn.Module, nn.Module]:
    """Draw the weights of a pair anew and return it; the source is torch's global generator.

    `torch` leaves the weights as they are. `glorot` draws those of every layer from U(-a, a),
    a = sqrt(6 / (fan in + fan out)). `authors` does so for convolutions, and draws those of fully
    connected layers from N(0, 0.1²). Both set biases to 0; normalisation stays as it is.

    Raises
    ------
    ValueError
        If init is none of the three.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural networks",
    2010, equation 16. Gaujac, Feige and Barber, "Learning disentangled representations with the
    Wasserstein autoencoder", arXiv 2010.03459: `authors` is what their published code does.
    """
    if init not in get_args(Init):
        raise unknown_name("init", init, get_args(Init))
    if init != "torch":
        for module in (*encoder.modules(), *decoder.modules()):
            if isinstance(module, (*CONVOLUTIONS, nn.Linear)):
                _draw(module, normal=init == "authors" and isinstance(module, nn.Linear))
    return encoder, decoder


def _draw(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear, *, normal: bool) -> None:
    if normal:
        nn.init.normal_(layer.weight, std=AUTHORS_STD)
    else:
        nn.init.xavier_uniform_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
