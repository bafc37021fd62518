"""Executors: run a function over many jobs."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from typing import Any

from unweave.processes import usable_cores

ATTEMPTS = 3
"""Number of processes that may die during one job before the job counts as failed."""
GRACE_SECONDS = 30.0
"""Time that a process has for its last checkpoint after it is asked to end."""
ONE_THREAD = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS",
)  # fmt: skip

Outcome = tuple[Any, BaseException | None]
"""The result of a job, and the error that it raised."""


class WorkerDiedError(RuntimeError):
    """The processes that ran a job were killed, one after another."""


class Serial:
    """Runs jobs in this process, one after another."""

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield `function(job)` in the order of the jobs."""
        return map(function, jobs)


class Processes:
    """Runs jobs in worker processes on this machine, each with one thread.

    Small networks do not fill two threads: two runs side by side take half the time of two runs
    in sequence. If a worker is killed, another one takes its job, at most three times. The workers
    end when the process that started them ends, for whatever reason.

    Parameters
    ----------
    workers
        Number of processes; 0 for one per processor core.
    """

    def __init__(self, *, workers: int = 0) -> None:
        if workers < 0:
            raise ValueError(f"workers must not be negative, got {workers}")
        self.workers = workers or usable_cores()

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield `function(job)` in the order of the jobs; the first error ends it."""
        crew = _Crew(self.workers, function, jobs)
        try:
            for value, error in crew.outcomes():
                if error is not None:
                    raise error
                yield value
        finally:
            crew.dismiss()


class _Worker:
    """A process, the pipe to it, and the number of its job."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")  # a fork of a process with CUDA hangs
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,))
        self.process.start()
        theirs.close()
        self.number = -1

    def receive(self) -> Outcome | None:
        """Return the outcome that is waiting, or None if the process died."""
        try:
            value, error = pickle.loads(self.pipe.recv_bytes())
        except (EOFError, OSError):
            self.process.join()
            return None
        return value, error


class _Crew:
    """The processes of one `map`: their jobs, the outcomes, and the jobs to repeat."""

    def __init__(self, size: int, function: Callable[[Any], Any], jobs: Iterable[Any]) -> None:
        self._size, self._function = size, function
        self._jobs = enumerate(jobs)
        self._again: deque[tuple[int, Any]] = deque()
        self._deaths: dict[int, int] = {}
        self._free: list[_Worker] = []
        self._busy: dict[Connection, tuple[_Worker, Any]] = {}
        self._outcomes: dict[int, Outcome] = {}

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes in the order of the jobs."""
        number = 0
        while True:
            self._hand_out()
            while number in self._outcomes:
                yield self._outcomes.pop(number)
                number += 1
            if not self._busy:
                return
            for pipe in wait(list(self._busy), timeout=None):
                self._take_in(pipe)

    def _hand_out(self) -> None:
        while len(self._busy) < self._size:
            task = self._again.popleft() if self._again else next(self._jobs, None)
            if task is None:
                return
            worker = self._free.pop() if self._free else _Worker()
            worker.number, job = task
            self._busy[worker.pipe] = (worker, job)
            # A process that died at its start is found by its closed pipe, as any other.
            with contextlib.suppress(OSError):
                worker.pipe.send_bytes(pickle.dumps((self._function, job)))

    def _take_in(self, pipe: Any) -> None:
        worker, job = self._busy.pop(pipe)
        outcome = worker.receive()
        if outcome is not None:
            self._outcomes[worker.number] = outcome
            self._free.append(worker)
            return
        deaths = self._deaths[worker.number] = self._deaths.get(worker.number, 0) + 1
        if deaths < ATTEMPTS:
            self._again.append((worker.number, job))
            return
        code = worker.process.exitcode
        ending = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        error = WorkerDiedError(f"{deaths} processes died during one job, the last with {ending}")
        self._outcomes[worker.number] = (None, error)

    def dismiss(self) -> None:
        """End every process: a busy one by SIGTERM, upon which training keeps a checkpoint."""
        busy = [worker for worker, _ in self._busy.values()]
        workers = [*self._free, *busy]
        try:
            for worker in busy:
                worker.process.terminate()
            for worker in workers:  # one that has kept its checkpoint waits at its pipe
                worker.pipe.close()
            deadline = time.monotonic() + GRACE_SECONDS
            for worker in workers:
                worker.process.join(max(0.0, deadline - time.monotonic()))
        finally:
            for worker in workers:
                worker.process.kill()
                worker.process.join()


def _work(pipe: Connection) -> None:
    """Do jobs until the pipe closes."""
    # Ctrl-C reaches every process of a terminal; the one that began this one decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for name in ONE_THREAD:
        os.environ.setdefault(name, "1")
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send_bytes(_run_job(pipe.recv_bytes()))


def _run_job(task: bytes) -> bytes:
    """Do a pickled job; return its outcome, pickled."""
    try:
        function, job = pickle.loads(task)
        return pickle.dumps((function(job), None))
    except Exception as error:
        return _pickle_error(error)


def _pickle_error(error: Exception) -> bytes:
    """Pickle an error, or its text if the error itself cannot be pickled."""
    try:
        content = pickle.dumps((None, error))
        pickle.loads(content)
    except Exception:
        return pickle.dumps((None, RuntimeError(f"{type(error).__name__}: {error}")))
    return content


def _end_with_parent() -> None:
    """Wait until the parent process is gone, then end this one, after a last checkpoint."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_SECONDS)
    os._exit(1)
