"""How the C library manages the memory of this process."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
"""Parameters of glibc's `mallopt`, from its malloc.h."""
LARGEST_HEAP_BLOCK = 32 << 20
"""Bytes; glibc takes no larger threshold."""
HEAP_RESERVE = 1 << 30
"""Bytes that stay with the process at the top of the heap."""


def keep_memory() -> bool:
    """Tell glibc to serve blocks of up to 32 MiB from its heap, and to keep that heap.

    Does nothing if the C library is not glibc.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return False
    success = mallopt(M_TRIM_THRESHOLD, HEAP_RESERVE)
    return bool(success) and bool(mallopt(M_MMAP_THRESHOLD, LARGEST_HEAP_BLOCK))
