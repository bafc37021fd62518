"""The networks of the benchmark as people write them, and the frames that all loops see."""

from __future__ import annotations

import itertools

import torch
from serving import Case
from torch import Tensor, nn

BATCH = 64
DIM = 10


def frames(side: int) -> Tensor:
    """Return one batch of binary images with a square each, float32, shape (64, 1, side, side)."""
    x = torch.zeros(BATCH, 1, side, side)
    for number, image in enumerate(x):
        at, size = number % (side // 2), side // 4
        image[:, at : at + size, at : at + size] = 1.0
    return x


def make_networks(case: Case) -> tuple[nn.Module, nn.Module]:
    """Return an encoder to (64, 20) and a decoder to logits, both contiguous."""
    return mlp(case.side) if case.network == "mlp" else conv(case.side)


def mlp(side: int, hidden: int = 1200) -> tuple[nn.Module, nn.Module]:
    """Return two hidden layers on either side."""
    encoder = nn.Sequential(
        nn.Flatten(), nn.Linear(side**2, hidden), nn.ReLU(), nn.Linear(hidden, hidden),
        nn.ReLU(), nn.Linear(hidden, 2 * DIM),
    )  # fmt: skip
    decoder = nn.Sequential(
        nn.Linear(DIM, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU(),
        nn.Linear(hidden, side**2), nn.Unflatten(1, (1, side, side)),
    )  # fmt: skip
    return encoder, decoder


def conv(side: int) -> tuple[nn.Module, nn.Module]:
    """Return 4x4 convolutions of stride 2 down to 4 x 4 pixels, and their mirror."""
    layers = (side // 4).bit_length() - 1
    channels = [1, *(32, 32, 64, 64)[:layers]]
    flat = channels[-1] * 16
    down = [
        module
        for i, o in itertools.pairwise(channels)
        for module in (nn.Conv2d(i, o, 4, 2, 1), nn.ReLU())
    ]
    up = [
        module
        for i, o in itertools.pairwise(reversed(channels))
        for module in (nn.ConvTranspose2d(i, o, 4, 2, 1), nn.ReLU())
    ]
    encoder = nn.Sequential(
        *down, nn.Flatten(), nn.Linear(flat, 256), nn.ReLU(), nn.Linear(256, 2 * DIM)
    )
    decoder = nn.Sequential(
        nn.Linear(DIM, 256), nn.ReLU(), nn.Linear(256, flat), nn.ReLU(),
        nn.Unflatten(1, (channels[-1], 4, 4)), *up[:-1],
    )  # fmt: skip
    return encoder, decoder
