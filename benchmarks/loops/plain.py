"""A VAE as one writes it in a notebook: contiguous, one batch of floats in memory, no log."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from networks import frames, make_networks
from serving import Case, serve
from torch import Tensor, nn


def make_step(case: Case) -> Callable[[], None]:
    """Return a step; `bfloat16` means autocast."""
    return vae_step(*make_networks(case), frames(case.side), reduced=case.precision == "bfloat16")


def vae_step(
    encoder: nn.Module, decoder: nn.Module, x: Tensor, *, reduced: bool = False, fused: bool = False
) -> Callable[[], None]:
    """Return a step of these networks on one batch; `fused` is torch's fused Adam."""
    parameters = [*encoder.parameters(), *decoder.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=5e-4, fused=fused or None)

    def step() -> None:
        with torch.autocast(x.device.type, torch.bfloat16, enabled=reduced):
            mean, log_variance = encoder(x).float().chunk(2, dim=1)
            z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
            logits = decoder(z).float()
        cost = F.binary_cross_entropy_with_logits(logits, x, reduction="none").flatten(1).sum(1)
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1)
        loss = (cost + kl).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    serve(make_step)
