"""Factors: what varies in a set, as classes 0, 1, 2 ... and as values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_data.errors import DataError

# A column of floats with more distinct values than this is a measurement, not classes.
MOST_LEVELS = 1000
# So is one with more than this where most images have a value of their own.
_FEW_LEVELS = 50
# Classes of a measurement: 20 bins is what published evaluations of MIG use.
BINS = 20
_MOST_CLASSES = 2**31


@dataclass(frozen=True)
class Factors:
    """Checked factors of n images: classes and values of shape (n, k), names and sizes of k.

    `continuous` names the factors that are measured: their classes are bins of their values.
    """

    classes: NDArray[np.unsignedinteger] | None = None
    values: NDArray[np.floating] | None = None
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    continuous: tuple[str, ...] = ()
    note: str = ""

    def rows(self, index: NDArray[np.int64]) -> "Factors":
        """Give the factors of some images, without those that no longer vary."""
        if self.classes is None:
            return self
        values = None if self.values is None else self.values[index]
        return _varying(
            Factors(self.classes[index], values, self.names, self.sizes, self.continuous, self.note)
        )


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
    classes; where almost every image has its own value, the classes are 20 bins of equal frequency
    and the values are kept. A size that is not given is the largest class + 1. A factor that is the
    same in all images is left out.

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
    DataError
        For another shape or dtype, not finite, negative, or a class beyond its size.

    Examples
    --------
    >>> known = make_factors(3, [0.5, 1.0, 0.5])
    >>> known.classes.ravel().tolist(), known.sizes, known.names
    ([0, 1, 0], (2,), ('factor_0',))
    """
    if classes is None:
        return UNKNOWN
    table = _column_table(classes, n, "factors")
    checked_names = _names(names, table.shape[1])
    continuous: tuple[str, ...] = ()
    notes = []
    if np.issubdtype(table.dtype, np.floating):
        floats = _finite(table.astype(np.float64), "factors")
        values = floats if values is None else values
        table, continuous = _levels(floats, checked_names)
        if len(continuous) < len(checked_names):
            notes.append("float factors were numbered in order of their values")
        if continuous:
            notes.append(
                f"{', '.join(continuous)}: the values are kept, and the classes are {BINS} bins of "
                "equal frequency"
            )
    table = _classes(table)
    return _varying(
        Factors(
            table.astype(np.min_scalar_type(int(table.max()))),
            _values(values, table.shape),
            checked_names,
            _sizes(sizes, table),
            continuous,
            "; ".join(notes),
        )
    )


def grid_factors(names: Sequence[str], sizes: Sequence[int]) -> Factors:
    """Give the factors of a full grid in C order, the last factor fastest.

    Examples
    --------
    >>> grid_factors(["a", "b"], [2, 2]).classes.tolist()
    [[0, 0], [0, 1], [1, 0], [1, 1]]
    """
    dtype = np.min_scalar_type(max(sizes) - 1)
    classes = np.indices(tuple(sizes), dtype).reshape(len(sizes), -1).T.copy()
    return Factors(classes, None, tuple(names), tuple(sizes))


def _column_table(array: ArrayLike, n: int, argument: str) -> NDArray[np.generic]:
    table = np.asarray(array)
    table = table[:, None] if table.ndim == 1 else table
    if table.ndim != 2 or len(table) != n or table.shape[1] == 0:
        raise DataError(
            f"{argument} must have shape ({n}, k), one row per image, got {np.shape(array)}"
        )
    if table.dtype.kind not in "buif":
        raise DataError(f"{argument} must be integers or floats, got {table.dtype}")
    return table


def _finite(table: NDArray[np.floating], argument: str) -> NDArray[np.floating]:
    if not np.isfinite(table).all():
        raise DataError(f"{argument} must be finite, got NaN or infinity; remove those images")
    return table


def _levels(
    table: NDArray[np.floating], names: tuple[str, ...]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    columns, continuous = [], []
    for name, column in zip(names, table.T, strict=True):
        levels, inverse = np.unique(column, return_inverse=True)
        measured = len(levels) > MOST_LEVELS or len(levels) > max(_FEW_LEVELS, len(column) // 2)
        continuous += [name] if measured else []
        columns.append(_bins(column) if measured else inverse.ravel())
    return np.stack(columns, axis=1), tuple(continuous)


def _bins(column: NDArray[np.floating]) -> NDArray[np.int64]:
    edges = np.quantile(column, np.arange(1, BINS) / BINS)
    # Equal edges are one: a bin that nothing falls into would be no class.
    bins: NDArray[np.int64] = np.searchsorted(np.unique(edges), column, side="right")
    return np.unique(bins, return_inverse=True)[1].ravel()


def _classes(table: NDArray[np.generic]) -> NDArray[np.int64]:
    low, high = int(table.min()), int(table.max())
    if low < 0 or high >= _MOST_CLASSES:
        raise DataError(
            f"factors must be classes 0, 1, 2 ..., got {low if low < 0 else high}; "
            "number them with numpy.unique(column, return_inverse=True)"
        )
    return table.astype(np.int64)


def _sizes(sizes: Sequence[int], table: NDArray[np.int64]) -> tuple[int, ...]:
    least = tuple(int(m) + 1 for m in table.max(axis=0))
    if len(sizes) == 0:
        return least
    array = np.asarray(sizes).ravel()
    numbers = array.dtype.kind in "uif" and bool(np.isfinite(array.astype(np.float64)).all())
    if (
        not numbers
        or len(array) != len(least)
        or bool((array < np.array(least)).any() or (array > _MOST_CLASSES).any())
    ):
        raise DataError(
            f"factor_sizes must be {len(least)} numbers of classes of at least {least}, got "
            f"{str(array.tolist())[:80]}"
        )
    return tuple(int(size) for size in array)


def _names(names: Sequence[str | bytes], k: int) -> tuple[str, ...]:
    texts = tuple(n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in names)
    if texts and (len(texts) != k or len(set(texts)) != k):
        raise DataError(f"factor_names must be {k} different names, got {str(texts)[:80]}")
    return texts or tuple(f"factor_{j}" for j in range(k))


def _values(values: ArrayLike | None, shape: tuple[int, ...]) -> NDArray[np.floating] | None:
    if values is None:
        return None
    table = _column_table(values, shape[0], "factor_values")
    if table.shape != shape:
        raise DataError(f"factor_values must have shape {shape} as factors, got {table.shape}")
    return _finite(table.astype(np.result_type(table.dtype, np.float32)), "factor_values")


def _varying(factors: Factors) -> Factors:
    """Leave out factors that are the same in all images: no score is defined for them."""
    if factors.classes is None:
        return factors
    varies = (factors.classes != factors.classes[:1]).any(axis=0)
    if varies.all():
        return factors
    varying, dropped = np.flatnonzero(varies), np.flatnonzero(~varies)
    remark = f"{', '.join(factors.names[k] for k in dropped)} left out, the same in all images"
    note = "; ".join(part for part in (factors.note, remark) if part)
    if len(varying) == 0:
        return Factors(note=note)
    names = tuple(factors.names[k] for k in varying)
    return Factors(
        np.ascontiguousarray(factors.classes[:, varying]),
        None if factors.values is None else np.ascontiguousarray(factors.values[:, varying]),
        names,
        tuple(factors.sizes[k] for k in varying),
        tuple(name for name in factors.continuous if name in names),
        note,
    )
