"""Claims: only one of the processes that share a folder, on one or several machines, does a job.

A claim is a file that is created with `O_EXCL`, which is atomic over NFS too. It contains the host,
the process id and the start time of the process, because ids are reused. Its holder touches it
regularly. On the host of the holder a claim is stale if the process has ended; on other hosts, if
it has not been touched for ten minutes by the clock of the file system.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from unweave.lock import one_at_a_time
from unweave.processes import is_alive, process_start

BEAT_SECONDS = 15.0
"""Seconds after which a holder touches its claim again."""
STALE_SECONDS = 600.0
"""Age of a claim, forty beats, after which its machine counts as stopped."""


@dataclass(frozen=True)
class Holder:
    """The holder of a claim: host, process, start of the process, and number of the claim."""

    host: str
    pid: int
    began: str
    token: str

    @classmethod
    def this_process(cls) -> Holder:
        """Return a holder for this process, with a new token."""
        pid = os.getpid()
        return cls(socket.gethostname(), pid, process_start(pid), uuid.uuid4().hex)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@contextlib.contextmanager
def claim_job(path: Path) -> Iterator[Holder | None]:
    """Hold a claim while the block runs; yield the other holder if there is one, else None."""
    mine = Holder.this_process()
    other = _take(path, mine)
    if other is not None:
        yield other
        return
    over = threading.Event()
    beat = threading.Thread(target=_beat, args=(path, over), daemon=True)
    beat.start()
    try:
        yield None
    finally:
        over.set()
        beat.join()
        if read_holder(path) == mine:
            path.unlink(missing_ok=True)


def read_holder(path: Path) -> Holder | None:
    """Read the holder of a claim; None if there is no claim, or it is being written."""
    try:
        holder = Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    return holder if isinstance(holder.pid, int) else None


def live_holder(path: Path) -> Holder | None:
    """Read the holder of a claim if it is alive."""
    holder = read_holder(path)
    return None if holder is None or _is_stale(path, holder) else holder


def forget_foreign_lock(lock: Path) -> None:
    """Remove an old lock of a run directory that a process of another host left.

    The holder of the claim knows that no other worker does the run; the lock alone cannot say
    whether a process of another host is alive.
    """
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        host = json.loads(lock.read_text(encoding="utf-8"))["host"]
        if host != socket.gethostname() and _age(lock) > STALE_SECONDS:
            lock.unlink()


def _take(path: Path, mine: Holder) -> Holder | None:
    """Take the claim, or return its holder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with one_at_a_time(path.parent):
        if os.path.lexists(path):
            holder = read_holder(path)
            if holder is None and abs(_age(path)) < BEAT_SECONDS:
                return Holder("another process", 0, "", "")  # it is still writing the claim
            if holder is not None and not _is_stale(path, holder):
                return holder
            path.unlink(missing_ok=True)
        try:
            handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
        except FileExistsError:
            return read_holder(path) or Holder("another process", 0, "", "")
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(asdict(mine), file)
    return None


def _is_stale(path: Path, holder: Holder) -> bool:
    if holder.host == socket.gethostname():
        return not is_alive(holder.pid, holder.began)
    return _age(path) > STALE_SECONDS


def _age(path: Path) -> float:
    """Return the seconds since the last touch of a file, by the clock of its file system."""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".clock-") as now:
            return Path(now.name).stat().st_mtime - path.lstat().st_mtime
    except FileNotFoundError:
        return 0.0


def _beat(path: Path, over: threading.Event) -> None:
    while not over.wait(BEAT_SECONDS):
        with contextlib.suppress(OSError):
            os.utime(path)
