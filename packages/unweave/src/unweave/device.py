"""The device of a run, by its name."""

from __future__ import annotations

import re

import torch

from unweave.errors import RunError, quote

DEVICE = re.compile(r"auto|cpu|cuda(:[0-9]+)?")


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device.

    Raises
    ------
    RunError
        If there is no such device.
    """
    check_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty((), device=device)
    except (RuntimeError, AssertionError) as error:
        raise _no_device(name) from error
    return device


def check_device(name: str) -> None:
    """Raise unless a name is that of a device, on this machine or on a worker's."""
    if not DEVICE.fullmatch(name):
        raise _no_device(name)


def _no_device(name: str) -> RunError:
    return RunError(f"device {quote(name)} does not exist here; use auto, cpu, cuda or cuda:N")
