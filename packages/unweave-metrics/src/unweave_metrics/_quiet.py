"""Suppress warnings about arguments that a metric chose, not its caller."""

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
    """Suppress the warnings of other libraries' models and of their arithmetic.

    They concern arguments that a metric chose: classes of few rows, or too few steps. Python's
    warning filters apply to the whole process, so only one thread at a time is in this context,
    and its models use no other threads.
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
