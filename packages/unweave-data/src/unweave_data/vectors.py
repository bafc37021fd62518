"""Data sets of vectors and time series of floats instead of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_data.dataset import Dataset, Progress
from unweave_data.errors import DataError
from unweave_data.factors import UNKNOWN, Factors, make_factors


@dataclass(frozen=True)
class VectorTable:
    """Numbers (n, d) from a file, the factors of their rows, and a note for the user."""

    numbers: NDArray[Any]
    factors: Factors
    note: str = ""

    def dataset(self, name: str, *, standard: bool = False) -> "VectorDataset":
        """Return a data set; with `standard`, columns have mean 0 and standard deviation 1.

        Raises
        ------
        DataError
            If the numbers are not vectors.
        """
        rows, note = self.numbers, self.note
        if standard:
            rows = _check_vectors(rows).astype(np.float64)
            spread = rows.std(axis=0)
            rows = (rows - rows.mean(axis=0)) / np.where(spread > 0, spread, 1)
            note = "; ".join(part for part in (note, "columns standardised") if part)
        return VectorDataset(rows, name=name, known=self.factors, note=note)


class VectorDataset(Dataset):
    """Vectors of D floats in memory, each an image of 1 x D x 1; `bits` is 32.

    Parameters
    ----------
    vectors
        finite numbers of any size, shape (n, D); stored as float32
    name
        name of the set
    factors
        integer classes or float values, shape (n, k) or (n,), or None
    factor_values
        floats, shape (n, k), or None
    factor_names, factor_sizes
        name and number of classes of each of the k factors, or empty
    note
        one line of information for the user
    known
        valid factors, instead of the last four arguments

    Raises
    ------
    DataError
        If vectors or factors have a shape, a dtype or values that are not allowed, or `known` is
        given beside one of the four.

    Examples
    --------
    >>> data = VectorDataset([[0.5, -3.0], [0.0, 2.0], [1.0, 7.5]], factors=[0, 1, 1])
    >>> len(data), data.image_shape, data.bits, data.factor_sizes
    (3, (1, 2, 1), 32, (2,))
    >>> data.images([2])[0, 0, :, 0].tolist()
    [1.0, 7.5]
    """

    def __init__(
        self,
        vectors: ArrayLike,
        *,
        name: str = "vectors",
        factors: ArrayLike | None = None,
        factor_values: ArrayLike | None = None,
        factor_names: Sequence[str] = (),
        factor_sizes: Sequence[int] = (),
        note: str = "",
        known: Factors | None = None,
    ) -> None:
        rows = _check_vectors(vectors)
        if known is None:
            known = make_factors(len(rows), factors, factor_values, factor_names, factor_sizes)
        elif (
            factors is not None
            or factor_values is not None
            or len(factor_names) + len(factor_sizes)
        ):
            raise DataError(
                "known takes the place of factors, factor_values, factor_names and factor_sizes; "
                "leave out it, or those"
            )
        self._stored = rows[:, None, :, None]
        super().__init__(
            name,
            len(rows),
            (1, rows.shape[1], 1),
            factors=known,
            note="; ".join(part for part in (note, known.note) if part),
            bits=32,
        )

    def __repr__(self) -> str:
        return f"<{self.name}: {len(self)} vectors of {self.image_shape[1]}>"

    def stored(self, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return all vectors, float32 of shape (N, 1, D, 1); do not change this array."""
        return self._stored

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._stored[index]


class SeriesDataset(Dataset):
    """Time series of t steps and c channels in memory, each an image of 1 x t x c.

    Parameters
    ----------
    series
        finite numbers of any size, shape (n, t, c) or (n, t); stored as float32
    name
        name of the set
    factor_table
        factors of the series
    note
        one line of information for the user

    Raises
    ------
    DataError
        If the series have a shape, a dtype or values that are not allowed.

    Examples
    --------
    >>> data = SeriesDataset(np.zeros((5, 20, 3)))
    >>> data, data.image_shape
    (<series: 5 series of 20 steps and 3 channels>, (1, 20, 3))
    """

    def __init__(
        self,
        series: ArrayLike,
        *,
        name: str = "series",
        factor_table: Factors = UNKNOWN,
        note: str = "",
    ) -> None:
        rows = np.asarray(series)
        rows = rows[..., None] if rows.ndim == 2 else rows
        if rows.ndim != 3 or 0 in rows.shape:
            raise DataError(f"series must have shape (n, t, c) or (n, t), got {np.shape(series)}")
        n, t, c = rows.shape
        self._stored = _check_vectors(rows.reshape(n, t * c)).reshape(n, 1, t, c)
        notes = (note, factor_table.note, f"the {t} time steps are along the width")
        super().__init__(
            name,
            n,
            (1, t, c),
            factors=factor_table,
            note="; ".join(part for part in notes if part),
            bits=32,
        )

    def __repr__(self) -> str:
        _, t, c = self.image_shape
        return f"<{self.name}: {len(self)} series of {t} steps and {c} channels>"

    def stored(self, progress: Progress | None = None) -> NDArray[np.float32]:
        """Return all series, float32 of shape (N, 1, t, c); do not change this array."""
        return self._stored

    def _read(self, index: NDArray[np.int64]) -> NDArray[np.float32]:
        return self._stored[index]


def _check_vectors(vectors: ArrayLike) -> NDArray[np.float32]:
    try:
        rows = np.asarray(vectors)
    except ValueError:
        raise DataError("vectors must have shape (n, D), got rows of unequal length") from None
    if rows.ndim != 2 or 0 in rows.shape:
        raise DataError(f"vectors must have shape (n, D), got {rows.shape}")
    if rows.dtype.kind not in "buif":
        raise DataError(f"vectors must be numbers, got {rows.dtype}")
    with np.errstate(over="ignore"):  # an overflow is infinite, and refused below
        floats = np.ascontiguousarray(rows, np.float32)
    if not np.isfinite(floats).all():
        raise DataError(
            "vectors must be finite in float32, got NaN, infinity or numbers beyond 3.4e38; "
            "remove those rows or scale the columns"
        )
    return floats
