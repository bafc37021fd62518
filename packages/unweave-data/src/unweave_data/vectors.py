"""Vectors of floats as a data set: what is generated or measured, where there are no pixels."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from unweave_data.dataset import Dataset, Progress
from unweave_data.errors import DataError
from unweave_data.factors import make_factors


class VectorDataset(Dataset):
    """Vectors of D floats that lie in memory, each an image of 1 x D x 1; `bits` is 32.

    Parameters
    ----------
    vectors
        finite numbers of any size, shape (n, D); kept as float32
    name
        what the set is called
    factors
        integer classes or float values, shape (n, k) or (n,), or None
    factor_values
        floats, shape (n, k), or None
    factor_names, factor_sizes
        k of each, or empty
    note
        one line that the user should know

    Raises
    ------
    DataError : vectors or factors cannot be used as they are

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
    ) -> None:
        rows = _check_vectors(vectors)
        known = make_factors(len(rows), factors, factor_values, factor_names, factor_sizes)
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
        """Give all vectors, float32 of shape (N, 1, D, 1); not a copy: do not write to it."""
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
    with np.errstate(over="ignore"):  # the check below says it in words
        floats = np.ascontiguousarray(rows, np.float32)
    if not np.isfinite(floats).all():
        raise DataError(
            "vectors must be finite in float32, got NaN, infinity or numbers beyond 3.4e38; "
            "remove those rows or scale the columns"
        )
    return floats
