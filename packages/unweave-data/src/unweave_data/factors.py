"""Factors: what varies in a set, as classes 0, 1, 2 ... and as values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_data.errors import DataError

# More distinct values than this in a column of floats are a measurement, not classes.
MOST_LEVELS = 1000


@dataclass(frozen=True)
class Factors:
    """Checked factors of n images: classes and values of shape (n, k), names and sizes of k."""

    classes: NDArray[np.unsignedinteger] | None = None
    values: NDArray[np.floating] | None = None
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    note: str = ""


UNKNOWN = Factors()


def make_factors(
    n: int,
    classes: ArrayLike | None,
    values: ArrayLike | None = None,
    names: Sequence[str | bytes] = (),
    sizes: Sequence[int] = (),
) -> Factors:
    """Check factors and bring them into one form.

    Integers are classes. Floats are values: each column's distinct values, sorted, become the
    classes. A size that is not given is the largest class + 1.

    Parameters
    ----------
    n
        number of images
    classes
        integers >= 0 or finite floats, shape (n, k) or (n,); or None
    values
        finite floats, shape (n, k); or None
    names, sizes
        k of each, or empty

    Returns
    -------
    Factors, classes in the smallest unsigned dtype that holds them

    Raises
    ------
    DataError : another shape or dtype, not finite, negative, or a class beyond its size

    >>> known = make_factors(3, [0.5, 1.0, 0.5])
    >>> known.classes.ravel().tolist(), known.sizes, known.names
    ([0, 1, 0], (2,), ('factor_0',))

    """
    if classes is None:
        return UNKNOWN
    table = _column_table(classes, n, "factors")
    note = ""
    if np.issubdtype(table.dtype, np.floating):
        values = table if values is None else values
        table = _levels(_finite(table.astype(np.float64), "factors"))
        note = "float factors were numbered in order of their values"
    table = _classes(table)
    k = table.shape[1]
    sizes = _sizes(sizes, table)
    return Factors(
        table.astype(np.min_scalar_type(max(sizes) - 1)),
        _values(values, table.shape),
        _names(names, k),
        sizes,
        note,
    )


def _column_table(array: ArrayLike, n: int, argument: str) -> NDArray[np.generic]:
    table = np.asarray(array)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != n or table.shape[1] == 0:
        raise DataError(
            f"{argument} must have shape ({n}, k), one row an image, got {np.shape(array)}"
        )
    if table.dtype.kind not in "buif":
        raise DataError(f"{argument} must be integers or floats, got {table.dtype}")
    return table


def _finite(table: NDArray[np.floating], argument: str) -> NDArray[np.floating]:
    if not np.isfinite(table).all():
        raise DataError(f"{argument} must be finite, got NaN or infinity; remove those images")
    return table


def _levels(table: NDArray[np.floating]) -> NDArray[np.int64]:
    columns = [np.unique(column, return_inverse=True) for column in table.T]
    for j, (levels, _) in enumerate(columns):
        if len(levels) > MOST_LEVELS:
            raise DataError(
                f"factors must be classes, got {len(levels)} distinct floats in column {j}; "
                f"sort them into at most {MOST_LEVELS} integer classes"
            )
    return np.stack([inverse.ravel() for _, inverse in columns], axis=1)


def _classes(table: NDArray[np.generic]) -> NDArray[np.int64]:
    low, high = int(table.min()), int(table.max())
    if low < 0 or high >= 2**31:
        raise DataError(
            f"factors must be classes 0, 1, 2 ..., got {low if low < 0 else high}; "
            "number them with numpy.unique(column, return_inverse=True)"
        )
    return table.astype(np.int64)


def _sizes(sizes: Sequence[int], table: NDArray[np.int64]) -> tuple[int, ...]:
    found = tuple(int(m) + 1 for m in table.max(axis=0))
    given = tuple(int(size) for size in np.asarray(sizes).ravel())
    if not given:
        return found
    if len(given) != len(found) or any(g < f for g, f in zip(given, found, strict=True)):
        raise DataError(
            f"factor_sizes must be {len(found)} numbers of classes of at least {found}, got {given}"
        )
    return given


def _names(names: Sequence[str | bytes], k: int) -> tuple[str, ...]:
    given = tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names)
    if given and (len(given) != k or len(set(given)) != k):
        raise DataError(f"factor_names must be {k} different names, got {given}")
    return given or tuple(f"factor_{j}" for j in range(k))


def _values(values: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.floating] | None:
    if values is None:
        return None
    table = _column_table(values, shape[0], "factor_values")
    if table.shape != shape:
        raise DataError(f"factor_values must have shape {shape} as factors, got {table.shape}")
    return _finite(table.astype(np.result_type(table.dtype, np.float32)), "factor_values")
