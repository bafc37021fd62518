"""Run functions on threads, at most so many at a time, with the same results for any number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Semaphore
from typing import Any

# One for each thread that may compute; parts of parts share those of the first call.
_places: ContextVar[Semaphore | None] = ContextVar("_places", default=None)


def in_parallel(
    function: Callable[[int], Any],
    count: int,
    jobs: int,
    sizes: Sequence[float] | None = None,
) -> list[Any]:
    """Return function(0 .. count - 1) in order, `jobs` at a time on threads; -1: one per core.

    The largest of the `sizes` start first, so that none is left alone at the end. A function may
    itself call this: together they compute on no more threads than the first call allows.
    """
    if jobs == 1 or count < 2:
        return [function(k) for k in range(count)]
    limit = cores() if jobs < 1 else jobs
    turn = range(count) if sizes is None else sorted(range(count), key=lambda k: -sizes[k])
    places = _places.get()
    outer = _places.set(places or Semaphore(limit))
    try:
        contexts = {k: copy_context() for k in turn}  # what is shared here is shared there
    finally:
        _places.reset(outer)
    # A thread that waits for its parts leaves its place to one of them.
    with waiting(), ThreadPoolExecutor(min(limit, count)) as pool:
        futures = {k: pool.submit(contexts[k].run, _placed, function, k) for k in turn}
        try:
            return [futures[k].result() for k in range(count)]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def _placed(function: Callable[[int], Any], k: int) -> Any:
    """Call a function while holding a place."""
    places = _places.get()
    assert places is not None
    with places:
        return function(k)


@contextmanager
def waiting() -> Iterator[None]:
    """Leave this thread's place to another while it waits."""
    places = _places.get()
    if places is None:
        yield
        return
    places.release()
    try:
        yield
    finally:
        places.acquire()


# These run on threads. scikit-learn's own must not: its parallel loops reset the whole process's
# filters of warnings, under each other.
THREADED = ("histogram-boosting", "boosting", "svm", "linear", "logistic-regression-cv", "")


def thread_jobs(predictor: Any, jobs: int) -> int:
    """Return how many fits of a predictor may run at a time on threads."""
    return jobs if isinstance(predictor, str) and predictor in THREADED else 1
