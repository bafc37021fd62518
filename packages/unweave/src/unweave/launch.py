"""Start the processes of one training, and end them together."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import FrameType

from unweave.errors import RunError
from unweave.files import write_text
from unweave.processes import usable_cores

GRACE_SECONDS = 30.0
"""Time that the other processes have to end after one has ended."""
LOOK_SECONDS = 0.1
LOCAL = "127.0.0.1"
RUN_FILE = "UNWEAVE_JOB_RUN"
"""Environment variable: the file into which the first process writes the path of its run."""
ERROR = ".error-{rank}"
"""Ending of the file beside it into which a later process writes the error that ended it."""
EXIT_LOST = 75
"""How a process ends that has lost another of its job; sysexits.h: a temporary failure."""


class LostProcessError(RunError):
    """Another process of the job has ended or cannot be reached."""


def processes_of_job() -> int:
    """How many processes torchrun or `launch` started; 1 where neither did."""
    return int(os.environ.get("WORLD_SIZE") or 1)


def in_job() -> bool:
    """Whether torchrun or `launch` started this process as one of several."""
    return os.environ.get("WORLD_SIZE", "1") not in ("", "1")


def leads() -> bool:
    """Whether this process logs, saves and prints; exactly one of a job does."""
    return not in_job() or os.environ.get("RANK", "0") == "0"


def launch_explains(error: BaseException) -> bool:
    """Whether the process that started this job says more of the error: which process is gone."""
    return isinstance(error, LostProcessError) and RUN_FILE in os.environ


def way_on(run: str | Path, processes: int) -> str:
    """Say by which command a job of so many processes continues its run."""
    devices = f" --devices {processes}" if processes > 1 else ""
    return f"continue with: unweave train --resume {shlex.quote(str(run))}{devices}"


def announce(run: Path) -> None:
    """Tell the process that started this job, if any, which run can be continued."""
    if (file := os.environ.get(RUN_FILE)) and leads():
        write_text(Path(file), str(run))


def launch_repeats(sentence: str) -> bool:
    """Hand an error to the process that started this job, which prints it; return whether one did.

    The first process of a job prints its errors itself.
    """
    if leads() or not (file := os.environ.get(RUN_FILE)):
        return False
    write_text(Path(file).with_suffix(ERROR.format(rank=os.environ["RANK"])), sentence)
    return True


def with_rank(sentence: str) -> str:
    """Put the process in front of what a later process of a job says."""
    return sentence if leads() else f"process {os.environ['RANK']} of the job: {sentence}"


def launch(processes: int, arguments: Sequence[str]) -> int:
    """Run `python -m unweave ARGUMENTS` as several processes of one job; return the exit code.

    Raises
    ------
    RunError
        If one was killed, or is gone for another reason: the others are ended, and the run
        continues from its newest checkpoint.
    """
    with tempfile.TemporaryDirectory(prefix="unweave-job-") as folder:
        run_file = Path(folder, "run")
        codes = _run(processes, arguments, {RUN_FILE: str(run_file)})
        if end := _end_of(codes, _errors(run_file, processes)):
            raise RunError(f"{end}; {_way_on(run_file, processes)}")
    return next((code for code in codes.values() if code), 0)


def _errors(run_file: Path, processes: int) -> dict[int, str]:
    """Collect the errors of the later processes, by rank."""
    files = {n: run_file.with_suffix(ERROR.format(rank=n)) for n in range(processes)}
    return {rank: path.read_text() for rank, path in files.items() if path.is_file()}


def _end_of(codes: Mapping[int, int], errors: Mapping[int, str]) -> str:
    """Say which process ended the job: one that was killed, else the first that lost no other.

    Return nothing where none failed, or the first process has printed its own error.
    """
    rank, code = min(codes.items(), key=lambda item: (item[1] >= 0, item[1] in (0, EXIT_LOST)))
    if code < 0:
        return f"process {rank} of the job was ended by signal {-code}, and the others with it"
    if not any(codes.values()) or codes.get(0, 0) not in (0, EXIT_LOST):
        return ""
    if code in (0, EXIT_LOST):
        return "the processes of the job could not reach each other any more"
    if rank in errors:
        return f"process {rank} of the job ended: {errors[rank]}"
    return f"process {rank} of the job ended with exit code {code}, and the others with it"


def _run(processes: int, arguments: Sequence[str], job: dict[str, str]) -> dict[int, int]:
    """Start the processes, wait for them, and return their exit codes in the order of ending."""
    port = _free_port()
    started = [_start(rank, processes, port, arguments, job) for rank in range(processes)]
    try:
        with _passing_on(started):
            return _wait(started)
    finally:
        for process in started:
            process.kill()
            process.wait()


def _way_on(run_file: Path, processes: int) -> str:
    if not run_file.is_file():
        return "it had not made a run directory yet: repeat the command"
    return way_on(run_file.read_text(), processes)


def _start(
    rank: int, processes: int, port: int, arguments: Sequence[str], job: dict[str, str]
) -> subprocess.Popen[bytes]:
    threads = str(max(1, usable_cores() // processes))
    job = job | {
        "RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes),
        "MASTER_ADDR": LOCAL, "MASTER_PORT": str(port),
    }  # fmt: skip
    command = [sys.executable, "-m", "unweave", *arguments]
    return subprocess.Popen(command, env={"OMP_NUM_THREADS": threads, **os.environ, **job})


def _wait(started: Sequence[subprocess.Popen[bytes]]) -> dict[int, int]:
    """Wait until all have ended, soon after one has failed; return their exit codes.

    The code of the process that ended first comes first.
    """
    codes: dict[int, int] = {}
    deadline = float("inf")
    while len(codes) < len(started):
        for rank, process in enumerate(started):
            if rank not in codes and (code := process.poll()) is not None:
                codes[rank] = code
                deadline = min(deadline, time.monotonic() + GRACE_SECONDS) if code else deadline
        if time.monotonic() > deadline:
            return codes
        time.sleep(LOOK_SECONDS)
    return codes


@contextlib.contextmanager
def _passing_on(started: Sequence[subprocess.Popen[bytes]]) -> Iterator[None]:
    """Pass SIGTERM on; Ctrl-C reaches all processes of a terminal anyway."""

    def end(number: int, frame: FrameType | None) -> None:
        for process in started:
            process.terminate()

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, end),
        signal.SIGINT: signal.signal(signal.SIGINT, lambda number, frame: None),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((LOCAL, 0))
        port: int = probe.getsockname()[1]
        return port
