"""Scale numbers by powers of two, without rounding, so that their squares do not overflow."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._arrays import Array, largest_of_columns
from unweave_metrics._counting import Floats

Exponents = NDArray[np.int64]

# Columns whose largest magnitude is above 2^100 (1e30) or below 2^-100 are scaled to that limit:
# fourth powers and their sums over all rows then fit, and the values fit in the single precision
# that trees use.
REACH = 100

# A predictor with a penalty in the units of the codes gives the same result: at these limits the
# penalty is either negligible or dominant, before and after scaling.


def excess(z: Array) -> Exponents:
    """Return by how many powers of two each column (d,) exceeds the limits; mostly 0.

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
    """Return values times 2 to these powers; overflow gives infinity, underflow 0."""
    if not np.any(exponents):
        return values
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(np.ldexp(values, exponents))


def shifted_number(value: float, exponent: int) -> float:
    """Return a number times 2 to this power; overflow gives infinity."""
    return float(shifted(np.array([value]), exponent)[0])


def in_reach(z: Array) -> tuple[Floats, Exponents]:
    """Return scaled float64 columns (n, d), and the exponents (d,) of the powers divided out."""
    beyond = excess(z)
    return shifted(z.astype(np.float64), -beyond), beyond


def together_in_reach(*arrays: Array) -> tuple[list[Floats], int]:
    """Divide all arrays by one power of two, which keeps their ratios; return its exponent too."""
    power = int(excess(np.array([[largest(array)] for array in arrays]))[0])
    return [shifted(array.astype(np.float64), -power) for array in arrays], power


def largest(array: Array) -> float:
    """Return the largest magnitude of an array."""
    return max(abs(float(array.max())), abs(float(array.min())))


def train_and_test_in_reach(
    train: Array, test: Array, single: bool = False
) -> tuple[Floats, Floats, Exponents]:
    """Divide both sets by the powers of two of the train rows; return the exponents too.

    Test values are then clipped to 2^200 (2^120 for single precision) in magnitude, which is still
    far outside the range of the train rows.
    """
    first, beyond = in_reach(train)
    second = shifted(test.astype(np.float64), -beyond)
    return first, far_clipped(second, 120 if single else 2 * REACH), beyond


def far_clipped(values: Floats, power: int = 2 * REACH) -> Floats:
    """Return values clipped to 2^power in magnitude."""
    return np.clip(values, -(2.0**power), 2.0**power)
