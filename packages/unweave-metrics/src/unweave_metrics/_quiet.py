"""Silence about arguments that the caller never gave."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np


@contextmanager
def quiet() -> Iterator[None]:
    """Drop the warnings of other libraries' models, and of their arithmetic.

    What they say (classes of few rows, steps that ran out) is about arguments that a metric chose.
    Python's filters are the whole process's: only for models that do not run on threads.
    """
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        yield
