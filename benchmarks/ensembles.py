"""A step of many runs together against the same steps one after the other.

    python benchmarks/ensembles.py

Blocks of steps are timed in turn, together, alone, together ..., in the processor's time of this
process, so that other programs and the machine's drift count little. One thread.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from unweave import processor
from unweave.config import make_config
from unweave.ensemble import Ensemble
from unweave.registry import registry
from unweave.trainer_setup import make_trainer

CASES: dict[str, dict[str, Any]] = {
    "mlp 32, 16 x 16, batch 16": {"architecture": "mlp:widths=32", "side": 16, "batch_size": 16},
    "mlp 256, 16 x 16, batch 64": {"architecture": "mlp:widths=256", "side": 16},
    "mlp 1200 1200, 64 x 64, batch 64": {"architecture": "mlp", "side": 64},
    "conv64 at a quarter, 16 x 16, batch 16": {
        "architecture": "conv64:width=0.25", "side": 16, "batch_size": 16,
    },
    "conv64, 16 x 16, batch 64": {"side": 16},
    "conv64, 32 x 32, batch 64": {"side": 32},
    "conv64, 64 x 64, batch 64": {"side": 64},
    "conv64, 16 x 16, batch 64, tcwae-mws": {"side": 16, "method": "tcwae-mws"},
}  # fmt: skip


def cost(step: Callable[[], Any], count: int) -> float:
    """Return the processor's time of some steps, in seconds."""
    start = time.process_time()
    for _ in range(count):
        step()
    return time.process_time() - start


def compare(settings: dict[str, Any], members: int, pairs: int, block: int) -> tuple[float, float]:
    """Return the median ratio of together to alone, and the best time alone of a step, in ms."""
    own_settings = dict(settings)
    data = f"dsprites:resolution={own_settings.pop('side')}"
    configs = [
        make_config(registry(), {"method": "vae", "data": data, **own_settings, "seed": seed})
        for seed in range(members)
    ]
    cpu = torch.device("cpu")
    alone = [make_trainer(registry(), config, cpu) for config in configs[:2]]
    ensemble = Ensemble([make_trainer(registry(), config, cpu) for config in configs])
    cost(ensemble.train_step, 3)
    cost(alone[0].train_step, 3)
    ratios, times = [], []
    for number in range(pairs):
        together = cost(ensemble.train_step, block) / members
        single = cost(alone[number % 2].train_step, block)
        ratios.append(together / single)
        times.append(1000 * single / block)
    return statistics.median(ratios), min(times)


def main() -> None:
    """Print a row for each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--members", type=int, default=8)
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--block", type=int, default=10)
    parser.add_argument("--case", default="", help="part of a name; all without")
    options = parser.parse_args()
    torch.set_num_threads(1)
    processor.prepare()
    print(f"| {options.members} together | of the time alone | ms per step alone |\n|---|---|---|")
    for name, settings in CASES.items():
        if options.case in name:
            ratio, best = compare(settings, options.members, options.pairs, options.block)
            print(f"| {name} | {ratio:.2f} | {best:.2f} |", flush=True)


if __name__ == "__main__":
    main()
