"""A plain loop around the trainer's networks, memory and fused Adam: a step without the trainer.

What `ours.py` takes beyond it is indices, bits, noise from (seed, step), log and Python.
"""

from __future__ import annotations

from collections.abc import Callable

import ours
import plain
import torch
from networks import frames
from serving import Case, serve


def make_step(case: Case) -> Callable[[], None]:
    """Return a step of the networks that `ours.py` trains, on one batch."""
    model = ours.make(case).model
    x = frames(case.side).contiguous(memory_format=torch.channels_last)
    reduced = case.precision == "bfloat16"
    return plain.vae_step(model.encoder, model.decoder, x, reduced=reduced, fused=True)


if __name__ == "__main__":
    serve(make_step)
