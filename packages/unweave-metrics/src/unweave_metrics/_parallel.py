"""Run a function for several numbers at a time, with the same results for any number of jobs."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any


def in_parallel(function: Callable[[int], Any], count: int, jobs: int) -> list[Any]:
    """Return function(0 .. count - 1) in order, `jobs` at a time on threads; -1: one per core."""
    if jobs == 1 or count < 2:
        return [function(k) for k in range(count)]
    contexts = [copy_context() for _ in range(count)]  # what is shared here is shared there
    cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
    with ThreadPoolExecutor(len(cores) if jobs < 1 else jobs) as pool:
        return list(pool.map(lambda k: contexts[k].run(function, k), range(count)))


# These run on threads. scikit-learn's own must not: its parallel loops reset the whole process's
# filters of warnings, under each other.
THREADED = ("histogram-boosting", "boosting", "svm", "linear", "logistic-regression-cv", "")


def thread_jobs(predictor: Any, jobs: int) -> int:
    """Return how many fits of a predictor may run at a time on threads."""
    return jobs if isinstance(predictor, str) and predictor in THREADED else 1
