"""Threads that torch computes in."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

PAUSE_HARD = 2
"""Of `omp_pause_resource_all` in the OpenMP standard: give back everything, threads too."""


def end_threads() -> None:
    """End the threads that torch computes in; OpenMP starts new ones when they are needed.

    Threads inherit what a processor does with denormal numbers when they are started, so those
    that were started before `torch.set_flush_denormal` would compute other bits.
    """
    for path in (Path(torch.__file__).parent / "lib").glob("lib*omp.*"):
        pause = getattr(ctypes.CDLL(str(path)), "omp_pause_resource_all", None)
        if pause is not None:
            pause(PAUSE_HARD)
