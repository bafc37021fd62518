"""Whether a process of this machine runs, and the number of usable cores."""

from __future__ import annotations

import os
from pathlib import Path

ENDED = "ZX"
"""States of a process that has ended: zombie and dead."""


def is_alive(pid: int, began: str = "") -> bool:
    """Whether a process runs, and began at the given time.

    Parameters
    ----------
    began
        The result of `process_start`, because ids are reused; empty: any time.
    """
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return not began or process_start(pid) in ("", began)
    state, start = _stat(pid)
    return state not in ENDED and (not began or start == began)


def process_start(pid: int) -> str:
    """Return when a process began, in kernel ticks; empty if it has ended or there is no /proc."""
    state, start = _stat(pid)
    return "" if state in ENDED else start


def _stat(pid: int) -> tuple[str, str]:
    """Return state and start of a process; an impossible state and "" if they are unknown."""
    try:
        # The name of the program, in brackets, may hold spaces. See proc(5): field 22.
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        state, *rest = text.rpartition(")")[2].split()
        return state, rest[18]
    except (OSError, ValueError, IndexError):
        return "?", ""


def usable_cores() -> int:
    """Count the processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
