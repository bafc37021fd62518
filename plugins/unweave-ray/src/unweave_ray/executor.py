"""Jobs as Ray tasks: placed by what they need, started again where a worker dies."""

from __future__ import annotations

import logging
import os
import socket
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import NodeDiedError, OutOfMemoryError, RayTaskError, WorkerCrashedError

from unweave.errors import UnweaveError

PASSED_ON = ("UNWEAVE_PLUGINS", "UNWEAVE_STRICT_PLUGINS")
"""Environment variables that workers need: the same names must be registered there."""
PATIENCE = 10.0
"""Seconds that the address of a cluster has to answer."""
GRACE = 60.0
"""Seconds that running jobs have to write a checkpoint when the caller leaves."""


class WorkersLost(UnweaveError, RuntimeError):
    """A job lost its worker more often than it may be started again."""


class Ray:
    """Run jobs as tasks of a Ray cluster.

    Results come in the order of the jobs, each as soon as those before it have come. A job whose
    worker or machine dies is started again; a training run then goes on from its newest
    checkpoint. An error that a job raises is not tried again: it reaches the caller as it is.

    Parameters
    ----------
    address : str
        Of a cluster that runs, such as `auto`, `10.0.0.1:6379` or `ray://head:10001`; empty for
        the one that this process is connected to, or else for a new one on this machine, which
        ends with the jobs.
    cpus : float, positive
        Processor cores of a job, and threads of torch unless OMP_NUM_THREADS says another number.
    gpus : float, not negative
        GPUs of a job; with 0.25 four jobs share one. A job with none sees no GPU.
    retries : int
        How often a job is started again after its worker died; -1 for as often as it takes.

    Raises
    ------
    ValueError
        If a number is out of its range.
    """

    def __init__(
        self, *, address: str = "", cpus: float = 1.0, gpus: float = 0.0, retries: int = 5
    ) -> None:
        if not cpus > 0:
            raise ValueError(f"cpus must be positive, got {cpus}")
        if not gpus >= 0:
            raise ValueError(f"gpus must not be negative, got {gpus}")
        if retries < -1:
            raise ValueError(f"retries must be at least -1, got {retries}")
        self.address, self.cpus, self.gpus, self.retries = address, cpus, gpus, retries

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield function(job) in the order of the jobs; function and jobs must be picklable.

        When the caller stops early, by an error or by SIGINT, the jobs that run are ended as
        SIGINT ends them: a training run writes a checkpoint first.

        Raises
        ------
        WorkersLost
            If a job lost its worker more often than `retries`.
        ValueError
            If no cluster answers at the address, or a new one here cannot run a job.
        """
        with _connected(self.address) as is_new:
            self._check_resources(is_new)
            task = self._task(function)
            tasks = [(job, task.remote(job)) for job in jobs]
            try:
                for job, reference in tasks:
                    yield self._result(job, reference)
            finally:
                _end([reference for _, reference in tasks])

    def _task(self, function: Callable[[Any], Any]) -> Any:
        folder = str(Path.cwd())
        variables = {n: os.environ[n] for n in PASSED_ON if n in os.environ}

        def perform(job: Any) -> Any:
            # Relative paths in a job are those of the caller.
            os.chdir(folder)
            return function(job)

        return ray.remote(perform).options(
            num_cpus=self.cpus,
            num_gpus=self.gpus,
            max_retries=self.retries,
            retry_exceptions=False,
            runtime_env={"env_vars": variables} if variables else None,
        )

    def _result(self, job: Any, reference: Any) -> Any:
        try:
            return ray.get(reference)
        except RayTaskError as error:
            # Ray's text is a page of traceback; the job's own error is one sentence.
            error.cause.add_note(f"job {_short(job)} raised it:\n{error}")
            raise error.cause from None
        except (WorkerCrashedError, NodeDiedError, OutOfMemoryError) as error:
            raise WorkersLost(
                f"job {_short(job)} lost its worker {self.retries + 1} times "
                f"({type(error).__name__}); find out what kills it, such as too little memory, "
                "then repeat the command, which continues where it stopped"
            ) from error

    def _check_resources(self, is_new: bool) -> None:
        """Say that no machine can run a job, for which Ray would wait for ever without a word."""
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        needs = {"CPU": self.cpus, "GPU": self.gpus}
        if any(all(m.get(kind, 0.0) >= n for kind, n in needs.items()) for m in machines):
            return
        problem = (
            f"a job needs cpus={self.cpus:g} and gpus={self.gpus:g}, and no machine has both: "
            + "; ".join(f"{m.get('CPU', 0):g} CPU, {m.get('GPU', 0):g} GPU" for m in machines[:5])
        )
        if is_new:
            raise ValueError(f"{problem}; ask for less, or give the address of a cluster")
        warnings.warn(f"{problem}; the jobs wait until one joins the cluster", stacklevel=3)


@contextmanager
def _connected(address: str) -> Iterator[bool]:
    """Connect to a cluster, or start one here and yield True; leave it as it was found."""
    if ray.is_initialized():
        yield False
        return
    try:
        _reach(address)
        ray.init(
            address=address or "local",
            include_dashboard=False if not address else None,
            log_to_driver=False,
            logging_level=logging.ERROR,
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise ValueError(
            f"no Ray cluster answers at address {_short(address)!r} ({_short(error)}); start one "
            "with `ray start --head`, or leave the address out"
        ) from error
    try:
        yield not address
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Raise OSError unless somebody listens at HOST:PORT; Ray would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


def _end(references: list[Any]) -> None:
    """End the jobs that are not done, as SIGINT does, and wait until they have ended."""
    running = _running(references, 0)
    for reference in running:
        ray.cancel(reference)
    _running(running, GRACE)


def _running(references: list[Any], seconds: float) -> list[Any]:
    """Wait for jobs, and return those that are not done by then."""
    if not references:
        return []
    _, running = ray.wait(references, num_returns=len(references), timeout=seconds)
    return list(running)


def _short(value: Any) -> str:
    """Quote at most 80 characters, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
