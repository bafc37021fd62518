"""Checks of what a caller hands over; every message names argument, expectation and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_metrics._foreign import to_numpy
from unweave_metrics._shared import shared

Array = NDArray[Any]

# Largest part of a caller's value that a message repeats.
QUOTED = 80

# Columns with more different values than this share of their rows hold measurements, or codes.
OWN_VALUES = 0.9

# Rows that are looked at together, and columns of what numpy is fast with.
HEAD, WIDE = 64, 8_192

Strings = tuple[str, ...]


def quoted(value: object) -> str:
    """Return what came, cut short, for a message."""
    try:
        text = " ".join(repr(value).split())
    except Exception:  # a stranger's words about his own object may raise
        text = f"a {type(value).__name__}"
    return text if len(text) <= QUOTED else text[: QUOTED - 3] + "..."


def as_array(value: ArrayLike, name: str) -> Array:
    """Return `value` as an array of real numbers, without copying where that is possible.

    Frames, tensors and other libraries' arrays are read; booleans become 0 and 1, half precision
    becomes single, and extended precision double.
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
    """Refuse NaN and infinity, saying where the first one is."""
    if array.dtype.kind != "f" or array.size == 0:
        return
    # Finite values have a finite sum but for overflow: a mask of all values is made only then.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(array.sum(dtype=np.float64)):
            return
    finite = np.isfinite(array)
    if finite.all():
        return
    place = np.argwhere(~finite)[0].tolist()
    value = array[tuple(place)]
    where = f"row {place[0]}" if place else "place of a number"
    raise ValueError(
        f"{name} must be finite, got {value} in {where}"
        + (f", column {place[1]}" if array.ndim == 2 else "")
        + f" ({int((~finite).sum())} such values); drop those rows or fix the encoder"
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
        raise ValueError(
            f"{name} must have one row for each of the {n} rows of codes, got {array.shape[0]}"
        )
    return array


def check_pair(codes: ArrayLike, factors: ArrayLike) -> tuple[Array, Array]:
    """Return codes (n, d) and factors (n, k), checked together."""
    z = check_codes(codes)
    y = check_factors(factors, len(z))
    check_order(z, y)
    return z, y


def check_order(z: Array, y: Array) -> None:
    """Refuse integer codes with factors of which nearly every row is its own: they look swapped."""
    if z.dtype.kind not in "iu" or y.dtype.kind != "f":
        return
    if all(len(np.unique(column)) > OWN_VALUES * len(y) for column in y.T):
        raise ValueError(
            "codes must come first, then factors, got integers and then measurements, which look "
            "swapped (scikit-learn's make_scorer passes the truth first); if this is intended, "
            "give the codes as floats"
        )


def constant_columns(array: Array) -> NDArray[np.bool_]:
    """Return which columns (d,) hold one value only; safe where a range would overflow."""
    constant = np.asarray((array[:HEAD] == array[:1]).all(axis=0))
    if constant.any():  # the first rows tell most others
        constant[constant] = (array[:, constant] == array[:1, constant]).all(axis=0)
    return constant


def largest_of_columns(array: Array) -> Array:
    """Return the largest magnitude of each column (d,), as a float.

    Of narrow tables many rows are taken together as one: a column at a time, numpy is slow.
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
    """Refuse a single code or factor where a gap between two is the score."""
    if count < 2:
        raise ValueError(f"{metric} needs at least two {what}, got {count}")


def check_images(images: ArrayLike, name: str) -> Array:
    """Return images as a finite array of shape (n, h, w) or (n, h, w, c).

    Integer images are taken as 0 to 255 and scaled to [0, 1]; floats are taken as they are.
    """
    array = as_array(images, name)
    if array.ndim not in (3, 4) or min(array.shape) < 1:
        raise ValueError(
            f"{name} must have shape (n, h, w, c) or (n, h, w), got {quoted(array.shape)}"
        )
    # No image has more than four channels, and none is one to four pixels high and wider.
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
            f"{name} must lie in 0 to 255 where they are integers, got {low} to {high}; scale them "
            "to floats in [0, 1]"
        )
    return np.asarray(array, dtype=np.float64) / 255.0


def check_positive(value: float, name: str, minimum: float = 1) -> None:
    """Refuse a count or size below `minimum`."""
    if not value >= minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")


def check_choice(value: object, name: str, choices: Strings) -> str:
    """Return `value` if it is one of the known words, else name them."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(choices)}; got {quoted(value)}")
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}; got {quoted(value)}")
    return value
