"""A step of the trainer: indices, bits, noise from (seed, step), log, watch for what is not finite.

`OURS_METHOD` in the environment names another method than `vae`.
"""

from __future__ import annotations

import os
from collections.abc import Callable

import torch
from serving import Case, serve

from unweave import processor
from unweave.config import make_config
from unweave.registry import registry
from unweave.trainer import Trainer
from unweave.trainer_setup import make_trainer


def make_step(case: Case) -> Callable[[], None]:
    """Return the trainer's step as `unweave train` makes it."""
    return make(case).train_step


def make(case: Case) -> Trainer:
    """Return the trainer of a case, in a process prepared as `unweave train` prepares it."""
    processor.prepare()
    names = {"conv": "conv64", "mlp": "mlp"}
    settings = {
        "method": os.environ.get("OURS_METHOD", "vae"),
        "data": f"dsprites:resolution={case.side}",
        "architecture": names[case.network],
        "precision": case.precision,
    }
    config = make_config(registry(), settings)
    return make_trainer(registry(), config, torch.device("cpu"))


if __name__ == "__main__":
    serve(make_step)
