"""Executors: run a function over many jobs."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any


class Processes:
    """Worker processes of this machine, each with one thread of torch.

    Small networks do not fill two threads: two runs side by side take half the time of two runs
    after each other.

    workers : how many; 0 for one for each processor core.
    """

    def __init__(self, *, workers: int = 0) -> None:
        if workers < 0:
            raise ValueError(f"workers must not be negative, got {workers}")
        self.workers = workers or os.cpu_count() or 1

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield `function(job)` in the order of the jobs; the first error ends it."""
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(self.workers, context, _one_thread) as pool:
            try:
                yield from pool.map(function, jobs)
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise


class Serial:
    """The process itself, one job after the other."""

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield `function(job)` in the order of the jobs."""
        return map(function, jobs)


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)
