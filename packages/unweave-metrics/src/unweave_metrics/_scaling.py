"""Bring numbers within reach of squares, by powers of two, which round nothing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._arrays import Array, largest_of_columns
from unweave_metrics._counting import Floats

Exponents = NDArray[np.int64]

# Magnitudes beyond 2^100 (1e30), or all below 2^-100, are brought there: their fourth powers and
# sums over any number of rows still fit, and single precision, which trees use, holds them.
REACH = 100

# Where a predictor has a penalty in raw units, one of relative weight 2^-200 is none, and one of
# 2^200 leaves nothing: columns brought to this reach are predicted as they were.


def excess(z: Array) -> Exponents:
    """Return for each column (d,) by how many powers of two it is out of reach, mostly 0.

    Examples
    --------
    >>> excess(np.array([[1.0, 2.0**300], [0.0, 1.0]])).tolist()
    [0, 201]
    """
    magnitude = largest_of_columns(z)
    exponent = np.frexp(magnitude)[1].astype(np.int64)
    beyond = exponent - np.clip(exponent, -REACH, REACH)
    return np.where(magnitude > 0, beyond, 0)


def shifted(values: Floats, exponents: Exponents | int) -> Floats:
    """Return values times 2 to these powers; what is too large is infinite, too small 0."""
    if not np.any(exponents):
        return values
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, exponents))


def shifted_number(value: float, exponent: int) -> float:
    """Return a number times 2 to this power, infinite where it is too large."""
    return float(shifted(np.array([value]), exponent)[0])


def in_reach(z: Array) -> tuple[Floats, Exponents]:
    """Return float64 columns (n, d) within reach of squares, and the powers (d,) taken out."""
    beyond = excess(z)
    return shifted(z.astype(np.float64), -beyond), beyond


def together_in_reach(*arrays: Array) -> tuple[list[Floats], int]:
    """Return arrays all divided by one power of two, which leaves their ratios, and that power."""
    power = int(excess(np.array([[largest(array)] for array in arrays]))[0])
    return [shifted(array.astype(np.float64), -power) for array in arrays], power


def largest(array: Array) -> float:
    """Return the largest magnitude of an array."""
    return max(abs(float(array.max())), abs(float(array.min())))


def train_and_test_in_reach(
    train: Array, test: Array, single: bool = False
) -> tuple[Floats, Floats, Exponents]:
    """Return both sets divided by the train rows' powers of two.

    Test values that are then out of reach by far stay at 2^200 (2^120 for single precision), of
    their sign: far outside.
    """
    first, beyond = in_reach(train)
    second = shifted(test.astype(np.float64), -beyond)
    return first, far_clipped(second, 120 if single else 2 * REACH), beyond


def far_clipped(values: Floats, power: int = 2 * REACH) -> Floats:
    """Return values of at most 2^power in size."""
    return np.clip(values, -(2.0**power), 2.0**power)
