"""Draws of rows: subsamples and splits, determined by a seed."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from unweave_metrics._arrays import Array, check_positive
from unweave_metrics._shared import columnwise, part_of

Rows = NDArray[np.int64]


Seed = int | Generator


def generator(seed: Seed) -> Generator:
    """Return a numpy generator: the argument itself, or a new one seeded with an integer."""
    return seed if isinstance(seed, Generator) else np.random.default_rng(seed)


def draw_rows(n: int, samples: int | None, seed: Seed) -> NDArray[np.int64] | None:
    """Return `samples` different row numbers below n, or None if all rows are to be used."""
    if samples is None or samples >= n:
        return None
    check_positive(samples, "samples", 2)
    return generator(seed).choice(n, size=samples, replace=False, shuffle=False)


@columnwise(lambda pair, columns: (part_of(pair[0], columns), pair[1]))
def subsample(codes: Array, factors: Array, samples: int | None, seed: Seed) -> tuple[Array, Array]:
    """Return codes and factors of `samples` rows drawn without replacement, or of all rows."""
    rows = draw_rows(len(codes), samples, seed)
    return (codes, factors) if rows is None else (codes[rows], factors[rows])
