"""Checkpoints: one safetensors file per step, either complete or absent."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor

from unweave.errors import RunError, describe, quote
from unweave.files import remove_partial, write_bytes

KEEP = 2
"""Number of checkpoints that are kept: the newest ones."""
FORMAT = "2"
"""Version of the metadata: 1 has only the step; 2 also has digests of configuration and content."""


def save_checkpoint(
    folder: Path, step: int, tensors: Mapping[str, Tensor], config: str = "", keep: int = KEEP
) -> Path:
    """Write `step-NNNNNNNNN.safetensors`, then remove all but the newest.

    Parameters
    ----------
    config
        Digest of the configuration of the run.

    Raises
    ------
    RunError
        If the disk is full; earlier checkpoints stay intact.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"step-{step:09d}.safetensors"
    contiguous = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    metadata = {
        "format": FORMAT, "step": str(step), "config": config, "content": _content(contiguous),
    }  # fmt: skip
    write_bytes(path, safetensors.torch.save(contiguous, metadata=metadata))
    remove_partial(folder)
    for old in list_checkpoints(folder)[:-keep]:
        old.unlink(missing_ok=True)
    return path


def list_checkpoints(folder: Path) -> list[Path]:
    """List the checkpoints of a folder, the newest last.

    Raises
    ------
    RunError
        If the folder exists and cannot be read.
    """
    try:
        paths = [p for p in folder.iterdir() if p.match("step-*.safetensors") and p.is_file()]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunError(f"{folder} cannot be read: {error.strerror}") from error
    return sorted(paths)


def newest_step(folder: Path) -> int:
    """Return the step of the newest checkpoint of a folder, or 0 if it has none."""
    paths = list_checkpoints(folder)
    digits = paths[-1].stem.partition("-")[2] if paths else "0"
    return int(digits) if digits.isdecimal() else 0


def load_checkpoint(folder: Path, config: str = "") -> tuple[int, dict[str, Tensor]]:
    """Read the newest checkpoint: its step and tensors.

    Parameters
    ----------
    config
        Digest that the checkpoint must have; empty: any.

    Raises
    ------
    RunError
        If there is none, the file is not a checkpoint, or it is one of another configuration.
    """
    while True:
        paths = list_checkpoints(folder)
        if not paths:
            raise RunError(f"{folder} has no checkpoint yet; train the run again")
        try:
            step, tensors, about = _read(paths[-1])
        except FileNotFoundError:
            continue  # the run continues, and a newer one has taken its place
        _check(paths[-1], about, step, tensors, config)
        return step, tensors


def _read(path: Path) -> tuple[int, dict[str, Tensor], dict[str, str]]:
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            about = dict(file.metadata() or {})
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return _step_of(path, about), tensors, about
    except (FileNotFoundError, RunError):
        raise
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise RunError(
            f"{path} is not a checkpoint ({describe(error)}); delete it to use the one before"
        ) from error


def _step_of(path: Path, about: Mapping[str, str]) -> int:
    text = about.get("step", "")
    if not (text.isdecimal() and len(text) < 20):
        raise RunError(f"{path} is not a checkpoint: it has no step")
    return int(text)


def _check(
    path: Path, about: Mapping[str, str], step: int, tensors: Mapping[str, Tensor], config: str
) -> None:
    if path.stem != f"step-{step:09d}":
        raise RunError(f"{path} holds step {step}, which is not the step of its name; rename it")
    version = about.get("format", "1")
    if version not in ("1", FORMAT):
        raise RunError(
            f"{path} has format {quote(version)}, and this unweave reads formats 1 and {FORMAT}; "
            "upgrade unweave"
        )
    # Format 1 says nothing but its step; names, types and shapes are checked where it is loaded.
    described = version == FORMAT
    if not described and {"content", "config"} & about.keys():
        raise RunError(f"{path} is not a checkpoint: it has no format number")
    if described and about.get("content") != _content(tensors):
        raise RunError(
            f"{path} has lost or changed tensors since it was written; delete it to use the one "
            "before"
        )
    if described and config and about.get("config") != config:
        raise RunError(
            f"{path} belongs to a run with another configuration (method, data, seed ...); put "
            "the original config.toml back"
        )
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
            raise RunError(
                f"{path} holds numbers in {quote(name)} that are not finite; delete it to use the "
                "one before"
            )


def _content(tensors: Mapping[str, Tensor]) -> str:
    """Hash names, types and shapes."""
    lines = (f"{n} {t.dtype} {tuple(t.shape)}" for n, t in sorted(tensors.items()))
    return hashlib.blake2b("\n".join(lines).encode(), digest_size=16).hexdigest()
