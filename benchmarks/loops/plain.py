"""A VAE as one writes it in a notebook: contiguous, one batch of floats in memory, no log."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from networks import frames, make_networks
from serving import Case, serve


def make_step(case: Case) -> Callable[[], None]:
    """Return a step; `bfloat16` means autocast."""
    encoder, decoder = make_networks(case)
    optimizer = torch.optim.Adam([*encoder.parameters(), *decoder.parameters()], lr=5e-4)
    x = frames(case.side)
    reduced = case.precision == "bfloat16"

    def step() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=reduced):
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
