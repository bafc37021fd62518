"""Silence about arguments that the caller never gave."""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from unweave_metrics._parallel import waiting

_lock = threading.RLock()


@contextmanager
def quiet() -> Iterator[None]:
    """Drop the warnings of other libraries' models, and of their arithmetic.

    What they say (classes of few rows, steps that ran out) is about arguments that a metric chose.
    Python's filters are the whole process's: one thread at a time is in here, and its models run
    on no others.
    """
    if not _lock.acquire(blocking=False):
        with waiting():
            _lock.acquire()
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            yield
    finally:
        _lock.release()
