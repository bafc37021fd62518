"""Factors of variation of a data set, as classes 0, 1, 2 ... and as values."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_data.errors import DataError

# A column of floats with more distinct values than this is a measurement, not classes.
MOST_LEVELS = 1000
# A column with more distinct values than this is also a measurement if they exceed half the images.
_FEW_LEVELS = 50
# Number of classes of a measurement; published evaluations of MIG use 20 bins.
BINS = 20
_MOST_CLASSES = 2**31


@dataclass(frozen=True)
class Factors:
    """Valid factors of n images: classes and values of shape (n, k), k names and k sizes.

    `continuous` are the names of the measurements, whose classes are bins of their values.
    """

    classes: NDArray[np.unsignedinteger] | None = None
    values: NDArray[np.floating] | None = None
    names: tuple[str, ...] = ()
    sizes: tuple[int, ...] = ()
    continuous: tuple[str, ...] = ()
    note: str = ""

    def rows(self, index: NDArray[np.int64]) -> "Factors":
        """Return the factors of some images, without those that are constant on these images."""
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
    """Check factors and convert them to classes and values.

    Integers are classes. Floats are values, and the classes are the numbers of the sorted distinct
    values of each column. A column with more than 1,000 distinct values, or with more than 50 that
    exceed half the number of images, is a measurement, and its classes are up to 20 bins of equal
    frequency. Without `sizes`, the size of a factor is its largest class + 1. A factor with the
    same class in all images is left out.

    Parameters
    ----------
    n
        number of images
    classes
        integers >= 0 or finite floats, shape (n, k) or (n,); or None
    values
        finite floats, shape (n, k); or None
    names, sizes
        name and number of classes of each of the k factors, or empty

    Returns
    -------
    Factors, with classes in the smallest unsigned dtype that is large enough

    Raises
    ------
    DataError
        For another shape or dtype, values that are not finite, and classes that are negative or
        not below their size.

    Examples
    --------
    >>> known = make_factors(3, [0.5, 1.0, 0.5])
    >>> known.classes.ravel().tolist(), known.sizes, known.names
    ([0, 1, 0], (2,), ('factor_0',))
    """
    if classes is None:
        return UNKNOWN
    table = _column_table(classes, n, "factors")
    texts = _names(names, table.shape[1])
    continuous: tuple[str, ...] = ()
    notes = []
    if np.issubdtype(table.dtype, np.floating):
        floats = _finite(table.astype(np.float64), "factors")
        values = floats if values is None else values
        table, continuous = _levels(floats, texts)
        if len(continuous) < len(texts):
            notes.append("the classes of float factors are numbers in order of their values")
        if continuous:
            notes.append(
                f"{', '.join(continuous)}: the classes are {BINS} bins of equal frequency of the "
                "values"
            )
    table = _classes(table)
    return _varying(
        Factors(
            table.astype(np.min_scalar_type(int(table.max()))),
            _values(values, table.shape),
            texts,
            _sizes(sizes, table),
            continuous,
            "; ".join(notes),
        )
    )


def grid_factors(names: Sequence[str], sizes: Sequence[int]) -> Factors:
    """Return the factors of a full grid in C order: the last factor varies fastest.

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
        raise DataError(f"{argument} must be finite, got NaN or infinity; remove these images")
    return table


def _levels(
    table: NDArray[np.floating], names: tuple[str, ...]
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    columns, continuous = [], []
    for name, column in zip(names, table.T, strict=True):
        levels, inverse = np.unique(column, return_inverse=True)
        is_measurement = len(levels) > min(MOST_LEVELS, max(_FEW_LEVELS, len(column) // 2))
        continuous += [name] if is_measurement else []
        columns.append(_bins(column) if is_measurement else inverse.ravel())
    return np.stack(columns, axis=1), tuple(continuous)


def _bins(column: NDArray[np.floating]) -> NDArray[np.int64]:
    edges = np.quantile(column, np.arange(1, BINS) / BINS)
    # Equal edges are merged, because an empty bin would be a class without images.
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
            f"factor_sizes must be the numbers of classes of {len(least)} factors, at least "
            f"{least}, got {str(array.tolist())[:80]}"
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
        raise DataError(f"factor_values must have the shape of factors, {shape}, got {table.shape}")
    return _finite(table.astype(np.result_type(table.dtype, np.float32)), "factor_values")


def _varying(factors: Factors) -> Factors:
    """Leave out factors that are constant over all images: scores are not defined for them."""
    if factors.classes is None:
        return factors
    varies = (factors.classes != factors.classes[:1]).any(axis=0)
    if varies.all():
        return factors
    varying, dropped = np.flatnonzero(varies), np.flatnonzero(~varies)
    names = ", ".join(factors.names[k] for k in dropped)
    remark = f"left out {names}, constant over all images"
    note = "; ".join(part for part in (factors.note, remark) if part)
    if len(varying) == 0:
        return Factors(note=note)
    kept = tuple(factors.names[k] for k in varying)
    return Factors(
        np.ascontiguousarray(factors.classes[:, varying]),
        None if factors.values is None else np.ascontiguousarray(factors.values[:, varying]),
        kept,
        tuple(factors.sizes[k] for k in varying),
        tuple(name for name in factors.continuous if name in kept),
        note,
    )
