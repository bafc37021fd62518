"""Run functions on a limited number of threads; the results do not depend on that number."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar, copy_context
from threading import Semaphore
from typing import Any

# One place per thread that may compute; nested calls share the places of the outermost call.
_places: ContextVar[Semaphore | None] = ContextVar("_places", default=None)


def in_parallel(
    function: Callable[[int], Any],
    count: int,
    jobs: int,
    sizes: Sequence[float] | None = None,
) -> list[Any]:
    """Return function(0), ..., function(count - 1), with `jobs` calls at a time on threads.

    ``jobs=-1`` means one thread per core. The calls with the largest `sizes` start first, so that
    no long call runs alone at the end. A function may itself call `in_parallel`: all of them
    together compute on no more threads than the outermost call allows.
    """
    if jobs == 1 or count < 2:
        return [function(k) for k in range(count)]
    limit = cores() if jobs < 1 else jobs
    order = range(count) if sizes is None else sorted(range(count), key=lambda k: -sizes[k])
    places = _places.get()
    outer = _places.set(places or Semaphore(limit))
    try:
        contexts = {k: copy_context() for k in order}  # the threads share results with this one
    finally:
        _places.reset(outer)
    # While this thread waits for its calls, one of them takes its place.
    with waiting(), ThreadPoolExecutor(min(limit, count)) as pool:
        futures = {k: pool.submit(contexts[k].run, _call_in_place, function, k) for k in order}
        try:
            return [futures[k].result() for k in range(count)]
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def cores() -> int:
    """Return how many cores this process may use."""
    return len(getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0))


def _call_in_place(function: Callable[[int], Any], k: int) -> Any:
    """Call a function while this thread has a place."""
    places = _places.get()
    assert places is not None
    with places:
        return function(k)


@contextmanager
def waiting() -> Iterator[None]:
    """Let another thread have this thread's place while this one waits."""
    places = _places.get()
    if places is None:
        yield
        return
    places.release()
    try:
        yield
    finally:
        places.acquire()


# Predictors that may run on threads. Those of scikit-learn may not: its parallel loops reset the
# warning filters of the whole process, also for the other threads.
THREADED = ("histogram-boosting", "boosting", "svm", "linear", "logistic-regression-cv", "")


def thread_jobs(predictor: Any, jobs: int) -> int:
    """Return how many fits of a predictor may run on threads at a time."""
    return jobs if isinstance(predictor, str) and predictor in THREADED else 1
