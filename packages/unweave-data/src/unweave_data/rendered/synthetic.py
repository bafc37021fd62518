"""Checks of options and independent random streams for generated sets."""

import math

import numpy as np

from unweave_data.errors import DataError

SPLITS = ("train", "test")


def check_count(option: str, count: int, least: int) -> None:
    """Check that an option is an integer of at least `least`.

    Raises
    ------
    DataError
        If the value is not allowed.
    """
    if not isinstance(count, int) or isinstance(count, bool) or count < least:
        raise DataError(f"{option} must be an integer of at least {least}, got {count!r}")


def check_size(option: str, size: float) -> None:
    """Check that an option is a finite number of at least 0.

    Raises
    ------
    DataError
        If the value is not allowed.
    """
    if not isinstance(size, (int, float)) or not 0 <= size < math.inf:
        raise DataError(f"{option} must be a finite number of at least 0, got {size!r}")


def rng_of_split(seed: int, split: str) -> np.random.Generator:
    """Return the random generator of the points of a split; it depends on seed and split.

    Raises
    ------
    DataError
        If the split does not exist, or the seed is not an integer of at least 0.
    """
    if split not in SPLITS:
        raise DataError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    return rng_of(seed, 1 + SPLITS.index(split))


def rng_of(seed: int, stream: int) -> np.random.Generator:
    """Return the random generator of a stream of a seed.

    Raises
    ------
    DataError
        If the seed is not an integer of at least 0.
    """
    check_count("seed", seed, 0)
    return np.random.default_rng([seed, stream])
