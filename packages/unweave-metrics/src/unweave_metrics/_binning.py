"""Turn codes and factors into small integers: equal-width bins and dense class numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._arrays import Array, check_choice, check_positive
from unweave_metrics._compiled import Kernel
from unweave_metrics._scaling import in_reach
from unweave_metrics._shared import columnwise, part_of, shared

# 16 bits per bin number: the bins of a float32 table take half of its memory.
LABEL = np.uint16
MOST_CLASSES = int(np.iinfo(LABEL).max)

BINNINGS = ("range", "unit")


@columnwise(lambda binned, columns: part_of(binned, columns, axis=0))
def bin_columns(values: Array, bins: int, binning: str = "range") -> NDArray[np.uint16]:
    """Return the bin of every value, 0 to `bins` - 1, columns first: shape (d, n).

    ``binning="range"`` divides [min, max] of each column as `numpy.histogram` does; a value is in
    the last bin whose lower edge is not above it, and the maximum is in the last bin. ``"unit"``
    first scales each column to [0, 1] and then divides [0, 1]; the results differ only by rounding
    at the edges. All values of a constant column are in bin ``bins // 2``.

    Parameters
    ----------
    values : float or integer array, shape (n, d)
    bins
        Number of bins, 1 to 65,535.
    """
    check_positive(bins, "bins")
    if bins > MOST_CLASSES:
        raise ValueError(f"bins must be at most {MOST_CLASSES}, got {bins}")
    check_choice(binning, "binning", BINNINGS)
    out = np.empty((values.shape[1], values.shape[0]), dtype=LABEL)
    for i in range(values.shape[1]):
        _bin_column(in_reach(values[:, i : i + 1])[0][:, 0], bins, binning, out[i])
    return out


def _bin_column(
    column: NDArray[np.float64], bins: int, binning: str, out: NDArray[np.uint16]
) -> None:
    """Write the bins of one column to `out`; `column` is a copy and is overwritten."""
    low, high = float(column.min()), float(column.max())
    if low == high:  # as in the middle of [low - 1/2, low + 1/2], where rounding allows that range
        out[:] = bins // 2
        return
    if binning == "unit":
        # In the order of scikit-learn's minmax_scale: rounding decides on which side of an edge a
        # value is.
        scale = 1.0 / (high - low)
        column *= scale
        column += 0.0 - low * scale
        low, high = 0.0, 1.0
    edges = np.linspace(low, high, bins + 1)
    _assign_bins(column, edges, bins / (high - low), out)


@Kernel
def _assign_bins(column, edges, scale, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Guess the bin by division, then correct it by comparison with the edges."""
    last = edges.size - 2
    for j in range(column.size):
        value = column[j]
        b = int((value - edges[0]) * scale)
        b = min(max(b, 0), last)
        while b > 0 and value < edges[b]:
            b -= 1
        while b < last and value >= edges[b + 1]:
            b += 1
        out[j] = b


def class_columns(factors: Array, name: str = "factors") -> tuple[NDArray[np.uint16], list[Array]]:
    """Return class numbers from 0, columns first (k, n), and the value of each class.

    Examples
    --------
    >>> labels, values = class_columns(np.array([[5, 1], [9, 1], [5, 2]]))
    >>> labels.tolist(), [v.tolist() for v in values]
    ([[0, 1, 0], [0, 0, 1]], [[5, 9], [1, 2]])
    """
    labels = np.empty((factors.shape[1], factors.shape[0]), dtype=LABEL)
    values = []
    for k in range(factors.shape[1]):
        classes = _classes_of(factors[:, k], labels[k])
        if len(classes) > MOST_CLASSES:
            raise ValueError(
                f"{name} must have at most {MOST_CLASSES} different values per column, got "
                f"{len(classes)} in column {k}; bin that column, or set factor_kinds='measurement'"
            )
        values.append(classes)
    return labels, values


def _classes_of(column: Array, out: NDArray[np.uint16]) -> Array:
    """Write the class number of each row to `out`, and return the values in ascending order."""
    if column.dtype.kind in "iu":
        low, high = int(column.min()), int(column.max())
        # A table of 65,536 entries is cheaper than sorting the rows.
        if high - low < MOST_CLASSES:
            # Narrow integers would overflow: 100 - (-100) does not fit in 8 bits.
            wide = column if column.dtype.kind == "u" else column.astype(np.int64)
            shifted = (wide - wide.dtype.type(low)).astype(LABEL)
            present = np.bincount(shifted, minlength=high - low + 1) > 0
            out[:] = (np.cumsum(present) - 1).astype(LABEL)[shifted]
            return np.flatnonzero(present) + low
    classes, inverse = np.unique(column, return_inverse=True)
    out[:] = inverse.reshape(-1).astype(LABEL)
    return classes


def check_classes(values: list[Array], name: str = "factors", first: int = 0) -> None:
    """Refuse a factor with only one value: its entropy is 0."""
    for k, classes in enumerate(values, start=first):
        if len(classes) < 2:
            raise ValueError(
                f"{name} must have at least two values per column, got only {classes[0]} "
                f"in column {k}; drop that column"
            )


@shared
def factor_labels(
    factors: Array,
    measured: tuple[bool, ...],
    bins: int,
    bin_factors: bool = False,
    binning: str = "range",
) -> NDArray[np.uint16]:
    """Return class numbers of factors, columns first (k, n); measurements are binned.

    `measured` says which columns (k,) are measurements; with `bin_factors` classes are binned too.
    Constant columns are refused.
    """
    labels = np.empty((factors.shape[1], factors.shape[0]), dtype=LABEL)
    values = []
    for k in range(factors.shape[1]):
        column = factors[:, k : k + 1]
        if bin_factors or measured[k]:
            column = bin_columns(column, bins, binning).T
        labels[k : k + 1], classes = class_columns(column)
        values += classes
    check_classes(values)
    return labels
