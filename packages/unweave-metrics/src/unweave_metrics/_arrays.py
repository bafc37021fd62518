"""Checks of what a caller hands over; every message names argument, expectation and what came."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_metrics._shared import shared

Array = NDArray[Any]


def as_array(value: ArrayLike, name: str) -> Array:
    """Return `value` as an array of numbers, without copying one."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must have rows of one length: {error}") from None
    if array.dtype.kind not in "biuf":
        raise TypeError(
            f"{name} must hold numbers (float or integer dtype), got {array.dtype}; convert it"
        )
    return array


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
    raise ValueError(
        f"{name} must be finite, got {value} in row {place[0]}"
        + (f", column {place[1]}" if array.ndim == 2 else "")
        + f" ({int((~finite).sum())} such values); drop those rows or mend the encoder"
    )


def check_matrix(value: ArrayLike, name: str, shape: str = "(n, d)", rows: int = 2) -> Array:
    """Return `value` as a finite two-dimensional array of at least `rows` rows and one column."""
    array = as_array(value, name)
    if array.ndim != 2:
        raise ValueError(f"{name} must have shape {shape}, got {array.shape}")
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
    checked = check_codes(codes)
    return checked, check_factors(factors, len(checked))


def check_single(*arrays: Array) -> None:
    """Refuse codes that overflow in single precision, which trees use."""
    largest = max(float(np.abs(array.astype(np.float64)).max()) for array in arrays)
    if largest > float(np.finfo(np.float32).max):
        raise ValueError(
            f"codes must fit in single precision (3e38) for trees, got {largest:g}; rescale them"
        )


def constant_columns(array: Array) -> Array:
    """Return which columns (d,) hold one value only; safe where a range would overflow."""
    return np.asarray((array == array[:1]).all(axis=0))


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
        raise ValueError(f"{name} must have shape (n, h, w, c) or (n, h, w), got {array.shape}")
    if array.dtype.kind in "iu":
        return np.asarray(array, dtype=np.float64) / 255.0
    check_finite(array, name)
    return np.asarray(array, dtype=np.float64)


def check_positive(value: float, name: str, minimum: float = 1) -> None:
    """Refuse a count or size below `minimum`."""
    if not value >= minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")


def check_choice(value: str, name: str, known: tuple[str, ...]) -> str:
    """Return `value` if it is one of the known words, else name them."""
    if value not in known:
        raise ValueError(f"{name} must be one of {', '.join(known)}; got {value!r}")
    return value
