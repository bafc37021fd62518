"""A step of the trainer against a bare PyTorch loop of the same network, loss and batch.

The bare loop holds one batch of floats in memory; the trainer draws indices, unpacks bits, draws
noise from (seed, step), adds up its log and watches for numbers that are not finite. Blocks of
steps are timed in turn, A B A B ..., so that the ratio holds when the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from unweave.config import make_config
from unweave.registry import registry
from unweave.training import make_trainer

LIMIT = 1.10


def bare_step(encoder: torch.nn.Module, decoder: torch.nn.Module, x: Tensor) -> Callable[[], None]:
    """Return a step of a VAE as one writes it in a notebook."""
    optimizer = torch.optim.Adam(
        [*encoder.parameters(), *decoder.parameters()], lr=5e-4, fused=True
    )

    def step() -> None:
        mean, log_variance = encoder(x).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        logits = decoder(z)
        reconstruction = F.binary_cross_entropy_with_logits(logits, x, reduction="none")
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()
        loss = reconstruction.flatten(1).sum(1).mean() + kl
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    return step


def seconds(step: Callable[[], None], count: int, device: torch.device) -> float:
    """Time some steps, the device's work included."""
    start = time.perf_counter()
    for _ in range(count):
        step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> None:
    """Print the ratio for dSprites at 64 x 64, batch 64."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=21)
    parser.add_argument("--block", type=int, default=5, help="steps timed at once")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    given = parser.parse_args()
    device = torch.device(given.device)
    config = make_config(registry(), {"method": "vae", "data": "dsprites"})
    trainer = make_trainer(registry(), config, device)
    twin = make_trainer(registry(), config, device)
    x = twin.feed(torch.arange(config.batch_size, device=device))
    bare = bare_step(twin.model.encoder, twin.model.decoder, x)
    for step in (trainer.train_step, bare):
        seconds(step, 3, device)
    ratios, bare_times = [], []
    for _ in range(given.pairs):
        ours = seconds(trainer.train_step, given.block, device)
        theirs = seconds(bare, given.block, device)
        ratios.append(ours / theirs)
        bare_times.append(theirs / given.block)
    ratio = statistics.median(ratios)
    print(
        f"trainer / bare loop: {ratio:.3f} (median of {given.pairs} pairs, "
        f"{min(ratios):.3f} to {max(ratios):.3f}; bare step {1000 * min(bare_times):.1f} ms at "
        f"best, {torch.get_num_threads()} threads, torch {torch.__version__}, {device}); "
        f"{'within' if ratio <= LIMIT else 'ABOVE'} the limit of {LIMIT:.2f}"
    )


if __name__ == "__main__":
    main()
