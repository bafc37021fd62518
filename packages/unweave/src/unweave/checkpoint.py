"""Checkpoints: one safetensors file a step, whole or not there."""

from __future__ import annotations

from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from unweave.errors import RunError
from unweave.files import remove_partial, write_bytes

KEEP = 2
"""How many checkpoints stay: the newest, and one before it."""


def save_checkpoint(folder: Path, step: int, tensors: dict[str, Tensor]) -> Path:
    """Write `step-NNNNNNNNN.safetensors`, then remove all but the newest.

    Raises
    ------
    RunError
        If the disk is full; the checkpoints before are intact.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:09d}.safetensors"
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    write_bytes(path, safetensors.torch.save(contiguous, metadata={"step": str(step)}))
    remove_partial(folder)
    for old in list_checkpoints(folder)[:-KEEP]:
        old.unlink(missing_ok=True)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, the newest last."""
    return sorted(folder.glob("step-*.safetensors"))


def load_checkpoint(folder: Path) -> tuple[int, dict[str, Tensor]]:
    """Read the newest checkpoint: its step and tensors.

    Raises
    ------
    RunError
        If there is none, or the file is not a checkpoint.
    """
    paths = list_checkpoints(folder)
    if not paths:
        raise RunError(f"{folder} has no checkpoint; the run was stopped before its first one")
    path = paths[-1]
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            step = int((file.metadata() or {})["step"])
            return step, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (safetensors.SafetensorError, OSError, KeyError, ValueError) as error:
        raise RunError(
            f"{path} is not a checkpoint ({error}); delete it to use the one before"
        ) from error
