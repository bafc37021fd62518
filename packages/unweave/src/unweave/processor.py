"""How this process uses processor and memory while it trains."""

from __future__ import annotations

import ctypes
from pathlib import Path

import torch

from unweave.heap import keep_memory

PAUSE_HARD = 2
"""Of `omp_pause_resource_all` in the OpenMP standard: give back everything, threads too."""


def prepare() -> None:
    """Let the processor treat numbers below 1e-38 as zero, and the C library keep memory.

    Units whose gradient vanishes fill the moments of Adam with such numbers, and x86 processors
    compute with them in microcode: a step was measured to take three times as long. Threads
    inherit the mode when they are started, so those that run already are ended.

    Without the second, every activation of some megabytes is mapped afresh and given back in
    every step, and the kernel zeroes it page by page: a fifth of a step at 64 x 64 pixels. At
    most a gigabyte is kept instead. Where the C library is not glibc nothing is done.
    """
    torch.set_flush_denormal(True)
    end_threads()
    keep_memory()


def remark(precision: str, device: torch.device) -> str:
    """Return a sentence if the processor has no fast arithmetic of a precision, or nothing."""
    emulated = precision == "bfloat16" and device.type == "cpu"
    if not emulated or torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return ""
    return (
        "this processor computes bfloat16 by emulation, and steps take several times as long as "
        "in float32: leave precision out"
    )


def end_threads() -> None:
    """End the threads that torch computes in; OpenMP starts new ones when they are needed."""
    for path in (Path(torch.__file__).parent / "lib").glob("lib*omp.*"):
        pause = getattr(ctypes.CDLL(str(path)), "omp_pause_resource_all", None)
        if pause is not None:
            pause(PAUSE_HARD)
