"""Rows drawn of arrays: with replacement, a share of them, or those that a metric draws."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._sampling import draw_rows
from unweave_metrics._shared import columnwise, part_of


def take(value: Any, rows: Array) -> Any:
    """Return rows of an array, or of each array of a list of models."""
    if isinstance(value, list | tuple):
        return [np.take(part, rows, axis=0) for part in value]
    return np.take(value, rows, axis=0)


def length(value: Any) -> int:
    """Return the number of rows of an array, or of the models of a list."""
    return len(value[0]) if isinstance(value, list | tuple) else len(value)


def with_replacement(rng: np.random.Generator, n: int) -> Array:
    """Return n row numbers out of n."""
    return rng.integers(0, n, size=n)


# Large enough that a model learns nearly as much as from all rows, small enough to differ.
SHARE = 0.75


def some_rows(rng: np.random.Generator, n: int) -> Array:
    """Return three quarters of the row numbers, at least two."""
    return rng.permutation(n)[: max(2, round(SHARE * n))]


@columnwise(part_of)
def drawn_rows(array: Any, draw: Callable[..., Array], seed: int, r: int, own: int) -> Any:
    """Return resample number r of an array; arrays of one length have the same rows of it."""
    return take(array, draw(np.random.default_rng((seed, r, own)), length(array)))


@columnwise(part_of)
def sampled_rows(array: Any, n: int, samples: int, seed: int) -> Any:
    """Return `samples` of n rows of an array, those that a metric draws; all if there are fewer."""
    rows = draw_rows(n, samples, seed)
    return array if rows is None else take(array, rows)
