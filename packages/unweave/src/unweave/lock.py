"""A lock between processes: a file that names its holder."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unweave.errors import RunError
from unweave.files import temporary_beside
from unweave.processes import is_alive, process_start

try:
    import fcntl
except ImportError:  # not on every system
    fcntl = None  # type: ignore[assignment]

NO_LINKS = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
"""Error numbers of a file system without hard links."""
SECONDS_TO_WRITE = 1.0
"""Time for which an empty lock file may still be being written."""


@contextlib.contextmanager
def holding(path: Path, what: str) -> Iterator[None]:
    """Hold a lock file while the block runs.

    A hard link makes the complete file appear under its name, on network file systems too. It names
    host, process and the start time of the process, so that the lock of a dead process is
    recognised and taken over.

    Parameters
    ----------
    what
        Start of the message to another process, as in "runs/a is being trained".

    Raises
    ------
    RunError
        If another process holds it.
    """
    mine = {"host": socket.gethostname(), "pid": os.getpid(), "started": process_start(os.getpid())}
    with one_at_a_time(path.parent):
        while not _take(path, mine):
            holder = _holder(path)
            if holder is not None and not _dead(holder):
                raise RunError(
                    f"{what} by process {holder['pid']} on {holder['host']}; wait for it, or "
                    f"delete {path} if there is no such process"
                )
            path.unlink(missing_ok=True)
    try:
        yield
    finally:
        # Whoever deleted the file by hand may have given the directory to somebody else.
        if _holder(path) == mine:
            path.unlink(missing_ok=True)


@contextlib.contextmanager
def one_at_a_time(folder: Path) -> Iterator[None]:
    """Let one process of this machine at a time check a lock and take it over.

    Otherwise two that find the same dead holder could remove each other's new lock. If the file
    system cannot do this, as some network file systems, the block runs without it.
    """
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise RunError(f"{folder} cannot be read: {error.strerror}") from error
    try:
        with contextlib.suppress(OSError, AttributeError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _take(path: Path, mine: dict[str, Any]) -> bool:
    with temporary_beside(path) as whole:
        try:
            whole.write_text(json.dumps(mine), encoding="utf-8")
            _link(whole, path)
        except FileExistsError:
            return False
        except OSError as error:
            raise RunError(f"{path} cannot be written: {error.strerror}") from error
    return True


def _link(whole: Path, path: Path) -> None:
    """Give a file a second, unused name; without hard links, make a second file."""
    try:
        os.link(whole, path)
    except OSError as error:
        if error.errno not in NO_LINKS:
            raise
        with path.open("x", encoding="utf-8") as file:
            file.write(whole.read_text(encoding="utf-8"))


def _holder(path: Path) -> dict[str, Any] | None:
    """Read who holds a lock; None if the file is gone, or stays empty for a while."""
    deadline = time.monotonic() + SECONDS_TO_WRITE
    while True:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return {
                "host": str(content["host"]),
                "pid": int(content["pid"]),
                "started": str(content["started"]),
            }
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, RecursionError, OverflowError):
            if time.monotonic() > deadline:
                return None
            time.sleep(SECONDS_TO_WRITE / 10)


def _dead(holder: dict[str, Any]) -> bool:
    if holder["host"] != socket.gethostname():
        return False
    return not is_alive(holder["pid"], holder["started"])
