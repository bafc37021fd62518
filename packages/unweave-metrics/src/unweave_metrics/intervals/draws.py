"""Draw rows of arrays: with replacement, a share of them, or those that a metric draws."""

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
    """Return the number of rows of an array, or of the arrays of a list of models."""
    return len(value[0]) if isinstance(value, list | tuple) else len(value)


def with_replacement(rng: np.random.Generator, n: int) -> Array:
    """Return n row numbers below n, drawn with replacement."""
    return rng.integers(0, n, size=n)


# A model learns nearly as much from this share of the rows as from all, and two shares differ.
SHARE = 0.75


def some_rows(rng: np.random.Generator, n: int) -> Array:
    """Return three quarters of the row numbers, at least two, drawn without replacement."""
    return rng.permutation(n)[: max(2, round(SHARE * n))]


@columnwise(part_of)
def drawn_rows(array: Any, draw: Callable[..., Array], seed: int, r: int, own: int) -> Any:
    """Return resample r of an array; arrays of equal length have the same rows in it.

    Arrays with different values of `own` are drawn independently.
    """
    return take(array, draw(np.random.default_rng((seed, r, own)), length(array)))


@columnwise(part_of)
def sampled_rows(array: Any, n: int, samples: int, seed: int) -> Any:
    """Return the `samples` rows of an array that a metric draws, or all if there are not more."""
    rows = draw_rows(n, samples, seed)
    return array if rows is None else take(array, rows)
