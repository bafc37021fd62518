"""The held-out part of a data set."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.batches import derive_seed, is_view
from unweave.errors import ConfigError
from unweave.protocols import Dataset, StochasticView, member


class Subset:
    """Some rows of a data set, as a data set.

    Parameters
    ----------
    rows
        Int64 array, shape (n,), ascending.
    """

    def __init__(self, dataset: Dataset, rows: NDArray[np.int64]) -> None:
        self._dataset, self._rows = dataset, rows
        self.name, self.bits = dataset.name, dataset.bits
        self.image_shape = dataset.image_shape
        self.note = str(member(dataset, "note"))
        self.factor_names = member(dataset, "factor_names")
        self.factor_sizes = member(dataset, "factor_sizes")
        values = member(dataset, "factor_values")
        self.factors = None if dataset.factors is None else dataset.factors[rows]
        self.factor_values = None if values is None else values[rows]

    def __len__(self) -> int:
        """Count the rows."""
        return len(self._rows)

    def images(self, index: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return images of some of the rows."""
        return self._dataset.images(self._rows[index])

    def stored(self, progress: Callable[[int, int], None] | None = None) -> NDArray[Any] | None:
        """Return the rows as kept in memory, or None if the data set stays on disk."""
        stored = self._dataset.stored(progress)
        return None if stored is None else stored[self._rows]


class ViewSubset(Subset):
    """Some rows of a stochastic view, as a view of as many frames."""

    def __init__(self, dataset: StochasticView, rows: NDArray[np.int64]) -> None:
        super().__init__(dataset, rows)
        self._source = dataset
        self.frames = Subset(dataset.frames, rows)
        self.noise_shape, self.constants = dataset.noise_shape, dataset.constants
        self.view = dataset.view

    def uniform(self, index: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return the noise of some of the rows."""
        return self._source.uniform(self._rows[index])


def _subset(dataset: Dataset, rows: NDArray[np.int64]) -> Dataset:
    return ViewSubset(dataset, rows) if is_view(dataset) else Subset(dataset, rows)


def split(dataset: Dataset, holdout: int, seed: int) -> tuple[Dataset, Dataset]:
    """Split a data set into training images and `holdout` images that are never trained on.

    The held-out images are drawn without replacement as a function of the seed. If `holdout` is 0,
    both parts are the whole data set.

    Raises
    ------
    ConfigError
        If fewer than two rows would be left.
    """
    if not holdout:
        return dataset, dataset
    size = len(dataset)
    if holdout > size - 2:
        raise ConfigError(f"holdout must leave at least 2 of the {size} images, got {holdout}")
    order = np.random.default_rng(derive_seed(seed, "holdout")).permutation(size)
    holdout_rows, train_rows = np.sort(order[:holdout]), np.sort(order[holdout:])
    return _subset(dataset, train_rows), _subset(dataset, holdout_rows)
