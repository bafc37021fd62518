"""Child processes, forked after all imports, with limits on time and memory."""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TRACEBACK = 70
"""Exit code of a child that ended with an uncaught exception."""
ADDRESSES = 6 << 30
"""Bytes of address space that a child may take beyond its parent's."""
PAUSE = 0.002


@dataclass(frozen=True)
class Outcome:
    """How a child ended.

    code : its exit code, or minus the signal that killed it.
    output : text of both streams.
    memory : peak of its memory, bytes.
    late : whether it was killed after a time limit.
    """

    code: int
    output: str
    seconds: float
    memory: int
    late: bool

    @property
    def last_line(self) -> str:
        """The last line of its output."""
        lines = [line for line in self.output.splitlines() if line.strip()]
        return lines[-1] if lines else ""


class Child:
    """A forked process in its own session, which runs a function and exits with its outcome."""

    def __init__(self, function: Callable[[], object], folder: Path, log: Path) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        self._log, self._start = log, time.monotonic()
        self.pid = os.fork()
        if not self.pid:
            _become(function, folder, log)
        self._status: tuple[int, int] | None = None

    def alive(self) -> bool:
        """Tell whether the child runs."""
        if self._status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self._status = os.waitstatus_to_exitcode(status), usage.ru_maxrss * 1024
        return self._status is None

    def seconds(self) -> float:
        """Return its age in seconds."""
        return time.monotonic() - self._start

    def send(self, number: int) -> None:
        """Send a signal if the child runs."""
        if self.alive():
            os.kill(self.pid, number)

    def wait(self, limit: float) -> Outcome:
        """Wait for the end of the child, and kill it at an age of `limit` seconds."""
        late = False
        while self.alive():
            if self.seconds() > limit and not late:
                late = True
                self.send(signal.SIGKILL)
            time.sleep(PAUSE)
        assert self._status is not None
        output = self._log.read_text(encoding="utf-8", errors="replace")
        return Outcome(self._status[0], output, self.seconds(), self._status[1], late)

    def others(self) -> list[int]:
        """List the processes of its session that outlived it."""
        return [pid for pid in _processes() if pid != self.pid and _session(pid) == self.pid]


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdecimal()]


def _session(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0
    return 0 if fields[0] in "ZX" else int(fields[3])


def _become(function: Callable[[], object], folder: Path, log: Path) -> None:
    """Run a function as this process and exit; never returns."""
    code = TRACEBACK
    try:
        os.setsid()
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _limit_memory()
        handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666)
        os.dup2(handle, 1)
        os.dup2(handle, 2)
        # After a fork, the streams are those of the parent; a new process has its own.
        sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        sys.stderr = open(2, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
        os.chdir(folder)
        function()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException:
        traceback.print_exc()
    finally:
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + ADDRESSES
    maximum = resource.getrlimit(resource.RLIMIT_AS)[1]
    soft_limit = limit if maximum == resource.RLIM_INFINITY else min(limit, maximum)
    resource.setrlimit(resource.RLIMIT_AS, (soft_limit, maximum))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
