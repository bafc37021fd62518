"""Checks of arguments; every message names the argument, what was expected and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_metrics._foreign import to_numpy
from unweave_metrics._shared import shared

Array = NDArray[Any]

# Most characters of a caller's value that a message repeats.
QUOTED = 80

# A column whose number of different values exceeds this share of its rows holds measurements or
# codes, not classes.
OWN_VALUES = 0.9

# Number of rows that are reduced together, and the width of a row up to which this is faster.
HEAD, WIDE = 64, 8_192

Strings = tuple[str, ...]


def quoted(value: object) -> str:
    """Return the text of a value for a message, at most `QUOTED` characters."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # the `repr` of an unknown class may raise
        text = f"a {type(value).__name__}"
    return text if len(text) <= QUOTED else text[: QUOTED - 3] + "..."


def as_array(value: ArrayLike, name: str) -> Array:
    """Return `value` as an array of real numbers, without a copy where possible.

    Frames, tensors and arrays of other libraries are accepted. Booleans become 0 and 1, half
    precision becomes single precision, and extended precision becomes double precision.
    """
    array = to_numpy(value, name)
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold numbers (float or integer dtype), got "
            f"{str(array.dtype)[:QUOTED]}; convert it"
        )
    if array.dtype.kind == "b":
        return array.astype(np.uint8)
    if array.dtype == np.float16:
        return array.astype(np.float32)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        with np.errstate(over="ignore"):  # what does not fit is infinite, and refused as such
            return array.astype(np.float64)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


@shared
def check_finite(array: Array, name: str) -> None:
    """Raise an error that says where the first NaN or infinity is."""
    if array.dtype.kind != "f" or array.size == 0:
        return
    # The sum of finite values is finite unless it overflows, so most arrays need no mask.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    finite = np.isfinite(array)
    if finite.all():
        return
    place = np.argwhere(~finite)[0].tolist()
    value = array[tuple(place)]
    where = f" in row {place[0]}" if place else ""
    where += f", column {place[1]}" if array.ndim == 2 else ""
    count = int((~finite).sum())
    number = f"{count} such value{'s' if count > 1 else ''}"
    raise ValueError(
        f"{name} must be finite, got {value}{where} ({number}); drop those rows or fix the encoder"
    )


def check_matrix(value: ArrayLike, name: str, shape: str = "(n, d)", rows: int = 2) -> Array:
    """Return `value` as a finite two-dimensional array of at least `rows` rows and one column."""
    array = as_array(value, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must have shape {shape}, got {quoted(array.shape)}")
    if array.shape[0] < rows or array.shape[1] < 1:
        raise ValueError(
            f"{name} must have at least {rows} rows and one column, got shape {array.shape}"
        )
    check_finite(array, name)
    return array


def check_codes(codes: ArrayLike, name: str = "codes") -> Array:
    """Return codes as a finite array of shape (n, d), of any number dtype."""
    return check_matrix(codes, name)


def check_factors(factors: ArrayLike, n: int, name: str = "factors") -> Array:
    """Return factors as a finite array of shape (n, k) with as many rows as there are codes."""
    array = check_matrix(factors, name, "(n, k)")
    if array.shape[0] != n:
        raise ValueError(f"{name} must have as many rows as codes ({n}), got {array.shape[0]}")
    return array


def check_pair(codes: ArrayLike, factors: ArrayLike) -> tuple[Array, Array]:
    """Return codes (n, d) and factors (n, k), checked together."""
    z = check_codes(codes)
    y = check_factors(factors, len(z))
    check_order(z, y)
    return z, y


def check_order(z: Array, y: Array) -> None:
    """Refuse integer codes with float factors of mostly different values: they look swapped."""
    if z.dtype.kind not in "iu" or y.dtype.kind != "f":
        return
    if all(len(np.unique(column)) > OWN_VALUES * len(y) for column in y.T):
        raise ValueError(
            "codes must be the first argument and factors the second, but the first holds integers "
            "and the second measurements, so they look swapped (scikit-learn's make_scorer passes "
            "the true values first); swap them or, if the order is right, convert codes to floats"
        )


def constant_columns(array: Array) -> NDArray[np.bool_]:
    """Return which columns (d,) hold only one value, also where max - min would overflow."""
    constant = np.asarray((array[:HEAD] == array[:1]).all(axis=0))
    if constant.any():  # the first rows rule out most columns
        constant[constant] = (array[:, constant] == array[:1, constant]).all(axis=0)
    return constant


def largest_of_columns(array: Array) -> Array:
    """Return the largest magnitude of each column (d,), as a float.

    numpy is slow along the rows of a narrow table, so `HEAD` rows are treated as one wide row.
    """
    ends = array
    n, d = array.shape
    if array.flags.c_contiguous and d * HEAD <= WIDE and n > HEAD:
        whole = n // HEAD * HEAD
        wide = array[:whole].reshape(-1, HEAD * d)
        parts = [part.reshape(HEAD, d) for part in (wide.max(axis=0), wide.min(axis=0))]
        ends = np.concatenate([*parts, array[whole:]])
    high, low = ends.max(axis=0).astype(np.float64), ends.min(axis=0).astype(np.float64)
    return np.asarray(np.maximum(np.abs(high), np.abs(low)))


def check_several(count: int, what: str, metric: str) -> None:
    """Refuse a single code or factor for a metric that compares two."""
    if count < 2:
        raise ValueError(f"{metric} needs at least two {what}, got {count}")


def check_images(images: ArrayLike, name: str) -> Array:
    """Return images as a finite array of shape (n, h, w) or (n, h, w, c).

    Integers must lie in 0 to 255 and are scaled to [0, 1]; floats stay as they are.
    """
    array = as_array(images, name)
    if array.ndim not in (3, 4) or min(array.shape) < 1:
        raise ValueError(
            f"{name} must have shape (n, h, w, c) or (n, h, w), got {quoted(array.shape)}"
        )
    # An image has at most four channels, and none is at most four pixels high but wider than four.
    if array.ndim == 4 and array.shape[3] > 4 >= array.shape[1]:
        raise ValueError(
            f"{name} must have channels last, (n, h, w, c), got {array.shape}, which looks like "
            "(n, c, h, w); move the second axis to the end"
        )
    check_finite(array, name)
    if array.dtype.kind in "iu":
        return _scaled_images(array, name)
    return np.asarray(array, dtype=np.float64)


def _scaled_images(array: Array, name: str) -> Array:
    """Return integer images divided by 255."""
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 255:
        raise ValueError(
            f"{name} of integers must lie in 0 to 255, got {low} to {high}; scale them to floats "
            "in [0, 1]"
        )
    return np.asarray(array, dtype=np.float64) / 255.0


def check_positive(value: float, name: str, minimum: float = 1) -> None:
    """Refuse a count or size below `minimum`."""
    if not value >= minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")


def check_choice(value: object, name: str, choices: Strings) -> str:
    """Return `value` if it is one of the choices; else raise an error that lists them."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(choices)}; got {quoted(value)}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {quoted(value)}")
    return value
