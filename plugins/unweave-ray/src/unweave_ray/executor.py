"""Jobs as Ray tasks, with the resources that they need, and again on another worker if one dies."""

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

VARIABLES = ("UNWEAVE_PLUGINS", "UNWEAVE_STRICT_PLUGINS")
"""Environment variables that workers need, so that they load the same plugins."""
PATIENCE = 10.0
"""Seconds within which the address of a cluster must answer."""
GRACE = 60.0
"""Seconds in which current jobs may write a checkpoint when the caller stops."""


class WorkersLost(UnweaveError, RuntimeError):
    """A job lost its worker more often than `retries` allows."""


class Ray:
    """Run jobs as tasks of a Ray cluster.

    Results come in the order of the jobs, each as soon as the earlier ones have come. If the worker
    or machine of a job dies, the job starts again; a training run then continues from its newest
    checkpoint. If a job raises an error, it does not start again, and the error reaches the caller.

    Parameters
    ----------
    address : str
        Address of a cluster, such as `auto`, `10.0.0.1:6379` or `ray://head:10001`. If empty, jobs
        run on the cluster to which this process is connected, or else on a new one on this machine,
        which ends with the jobs.
    cpus : float, positive
        Processor cores per job, and threads of torch unless OMP_NUM_THREADS sets another number.
    gpus : float, not negative
        GPUs per job; with 0.25 four jobs share one. With 0 a job sees no GPU.
    retries : int
        How often a job may start again after its worker died; -1 for any number of times.

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

        If the caller stops early, by an error or by SIGINT, current jobs end as by SIGINT: a
        training run writes a checkpoint first.

        Raises
        ------
        WorkersLost
            If a job lost its worker more often than `retries` allows.
        ValueError
            If no cluster answers at the address, or a new one on this machine cannot run a job.
        """
        with _connection(self.address) as is_new:
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
        variables = {n: os.environ[n] for n in VARIABLES if n in os.environ}

        def perform(job: Any) -> Any:
            # Relative paths in a job start at the caller's folder.
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
            error.cause.add_note(f"raised by job {_short(job)}:\n{error}")
            raise error.cause from None
        except (WorkerCrashedError, NodeDiedError, OutOfMemoryError) as error:
            raise WorkersLost(
                f"job {_short(job)} lost its worker {self.retries + 1} times "
                f"({type(error).__name__}); find the cause, such as too little memory, then repeat "
                "the command, which continues where it stopped"
            ) from error

    def _check_resources(self, is_new: bool) -> None:
        """Raise or warn if no machine can run a job; Ray would wait forever without a message."""
        machines = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        needs = {"CPU": self.cpus, "GPU": self.gpus}
        if any(all(m.get(kind, 0.0) >= n for kind, n in needs.items()) for m in machines):
            return
        problem = (
            f"a job needs cpus={self.cpus:g} and gpus={self.gpus:g}, and no machine has both: "
            + "; ".join(f"{m.get('CPU', 0):g} CPU, {m.get('GPU', 0):g} GPU" for m in machines[:5])
        )
        if is_new:
            raise ValueError(f"{problem}; lower cpus or gpus, or pass the address of a cluster")
        warnings.warn(
            f"{problem}; the jobs wait until such a machine joins the cluster", stacklevel=3
        )


@contextmanager
def _connection(address: str) -> Iterator[bool]:
    """Connect to a cluster, or start one here; yield whether it is new, and disconnect at the end.

    A connection that this process already has stays open.
    """
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
            "with `ray start --head`, or omit the address"
        ) from error
    try:
        yield not address
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Raise OSError if no process listens at HOST:PORT; Ray would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=PATIENCE).close()


def _end(references: list[Any]) -> None:
    """End current jobs as by SIGINT, and wait until they end, for at most `GRACE` seconds."""
    running = _running(references, 0)
    for reference in running:
        ray.cancel(reference)
    _running(running, GRACE)


def _running(references: list[Any], seconds: float) -> list[Any]:
    """Wait for jobs, and return those that have not ended by then."""
    if not references:
        return []
    _, running = ray.wait(references, num_returns=len(references), timeout=seconds)
    return list(running)


def _short(value: Any) -> str:
    """Quote at most 80 characters, on one line."""
    text = " ".join(str(value).split())
    return text if len(text) <= 80 else f"{text[:77]}..."
