"""Settings of processor and memory for training."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

from unweave.heap import keep_memory

PAUSE_HARD = 2
"""Argument of OpenMP's `omp_pause_resource_all`: release everything, also the threads."""


def prepare() -> None:
    """Make the processor treat numbers below 1e-38 as zero, and the C library keep its memory.

    Units with a vanishing gradient fill Adam's moments with such numbers. x86 processors compute
    with them in microcode, and a step took three times as long. Threads inherit the mode when they
    start, so those that already run are ended.

    A C library that does not keep its memory maps every activation of some megabytes anew in every
    step, and the kernel zeroes it page by page: a fifth of a step at 64 x 64 pixels. At most a
    gigabyte is kept instead. With a C library other than glibc, nothing is done.
    """
    torch.set_flush_denormal(True)
    end_threads()
    keep_memory()


def remark(precision: str, device: torch.device) -> str:
    """Return a warning if the processor has no fast arithmetic of a precision; else ""."""
    emulated = precision == "bfloat16" and device.type == "cpu"
    if not emulated or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return ""
    return (
        "this processor computes bfloat16 by emulation, and steps take several times as long as "
        "in float32: leave precision out"
    )


def end_threads() -> None:
    """End the threads of torch; OpenMP starts new ones when they are needed."""
    for path in (Path(torch.__file__).parent / "lib").glob("lib*omp.*"):
        pause = getattr(ctypes.CDLL(str(path)), "omp_pause_resource_all", None)
        if pause is not None:
            pause(PAUSE_HARD)
