"""A lock between processes: a file that names who holds it."""

from __future__ import annotations

import contextlib
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unweave.errors import RunError
from unweave.files import PARTIAL, is_alive


@contextlib.contextmanager
def holding(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file while the block runs.

    The file appears whole under its name by a hard link, which works on network file systems too.
    It names host, process and the process's start, so that one whose process died is known and
    taken over.

    what : begins the message to another process, as in "runs/a is being trained".

    Raises
    ------
    RunError
        If another process holds it.
    """
    while not _take(path):
        holder = _holder(path)
        if holder is not None and not _dead(holder):
            raise RunError(
                f"{what} by process {holder['pid']} on {holder['host']}; wait for it, or delete "
                f"{path} if there is no such process"
            )
        path.unlink(missing_ok=True)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _take(path: Path) -> bool:
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "started": _started(os.getpid())}
    whole = path.with_name(f"{PARTIAL}lock-{socket.gethostname()}-{os.getpid()}")
    try:
        whole.write_text(json.dumps(mine), encoding="utf-8")
        os.link(whole, path)
    except FileExistsError:
        return False
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}") from error
    finally:
        whole.unlink(missing_ok=True)
    return True


def _holder(path: Path) -> dict[str, Any] | None:
    """Read who holds a lock; None where the file is gone or names nobody."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {
            "host": str(content["host"]),
            "pid": int(content["pid"]),
            "started": str(content["started"]),
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def _dead(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return False
    return not is_alive(holder["pid"]) or _started(holder["pid"]) != holder["started"]


def _started(pid: int) -> str:
    """Return when a process began, in the kernel's ticks; empty if it ended, or without /proc."""
    try:
        # The name of the program, in brackets, may hold spaces.
        state, *rest = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        # A killed process is a zombie until its parent asks how it ended.
        return "" if state in "ZX" else rest[18]
    except (OSError, IndexError, ValueError):
        return ""
