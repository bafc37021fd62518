"""Processes that start up while the main process imports torch, and then compute.

Importing torch takes seconds on one core. Drawing and scoring need no torch, so they run in
processes that never import it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from functools import partial
from typing import ParamSpec, TypeVar

from unweave.heap import keep_memory
from unweave.processes import usable_cores

PROCESSES = 2
"""More processes would not help: their imports take longer than their work."""
NICENESS = 5
"""Niceness of these processes while they start up, so that the main process goes first."""

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


@contextlib.contextmanager
def other_processes(prepare: Callable[[], object]) -> Iterator[Executor | None]:
    """Start processes that call `prepare`, and end them; give None if they would not help.

    They do not help on one core, or after torch has been imported; a daemon cannot start any. The
    processes end when this one ends, for whatever reason.

    Parameters
    ----------
    prepare
        A function of a module that imports no torch. Its errors are ignored; the calls after it
        raise them again.
    """
    pool, before = None, set(multiprocessing.active_children())
    alone = usable_cores() < 2 or multiprocessing.current_process().daemon
    if not alone and "torch" not in sys.modules:
        with contextlib.suppress(OSError, ImportError):  # where processes may not share semaphores
            pool = ProcessPoolExecutor(
                PROCESSES, multiprocessing.get_context("spawn"), _begin, (prepare,)
            )
            with _interrupts_wait():  # one that is just starting would end with a traceback
                for _ in range(PROCESSES):
                    pool.submit(int)  # a process starts when there is a call for it
    started = set(multiprocessing.active_children()) - before
    try:
        yield pool
    except BaseException:
        for process in started:  # what they prepare is not wanted any more
            process.kill()
        raise
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def _interrupts_wait() -> Iterator[None]:
    """Delay Ctrl-C until the block ends, and in processes started there until they are ready."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def begin(
    pool: Executor | None, function: Callable[Arguments, Result],
    *arguments: Arguments.args, **options: Arguments.kwargs,
) -> Callable[[], Result]:  # fmt: skip
    """Begin a call in another process, and return a function that waits for its result.

    Without another process, or if it was killed, that function makes the call itself. It also gives
    the warnings of the call.
    """
    here = partial(function, *arguments, **options)
    if pool is None:
        return here
    try:
        future = pool.submit(_recorded, here)
    except BrokenExecutor:
        return here

    def result() -> Result:
        try:
            value, messages = future.result()
        except BrokenExecutor:
            return here()
        for message in messages:
            warnings.warn(message, stacklevel=2)
        return value

    return result


def threads_of_each() -> int:
    """Return the number of threads of each process."""
    return max(1, usable_cores() // PROCESSES)


def _recorded(call: Callable[[], Result]) -> tuple[Result, list[Warning | str]]:
    """Return the result of a call and its warnings."""
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        return call(), [warning.message for warning in records]


def _begin(prepare: Callable[[], object]) -> None:
    """Begin the work of one of the processes."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C ends it without a word
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    atexit.register(gc.freeze)  # no search for garbage when it ends
    threading.Thread(target=_end_with_parent, daemon=True).start()
    keep_memory()
    gc.disable()  # what is imported here is no garbage
    with contextlib.suppress(Exception):
        _recorded(prepare)
    gc.freeze()
    gc.enable()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
