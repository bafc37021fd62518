"""The arrays of a run that metrics are computed of, and those of some dimensions alone."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.codetable import CodeTable, rows_of
from unweave.errors import ConfigError
from unweave.protocols import Dataset
from unweave.trained import Trained

IMAGE_ROWS = 2000
"""Number of images for metrics of images, the first rows of the table."""


class Arrays:
    """The arguments of metrics, by name; images are decoded only if a metric needs them."""

    def __init__(self, run: Trained, table: CodeTable, dataset: Dataset) -> None:
        self._run, self._table, self._dataset = run, table, dataset

    def get(self, name: str, needs: Sequence[str]) -> NDArray[Any]:
        """Return an array; only its first rows if the metric also needs images."""
        rows = slice(IMAGE_ROWS if of_images(needs) else None)
        if name == "codes":
            return self._table.codes[rows]
        if name == "std":
            return self._table.std[rows]
        if name == "factors":
            return self._factors[rows]
        return self._pictures[name]

    @functools.cached_property
    def _factors(self) -> NDArray[Any]:
        """The factors that vary over the encoded images, shape (n, K')."""
        factors = rows_of(self._dataset.factors, self._table.index)
        assert factors is not None
        if not self._differ.any():
            raise ConfigError("every factor is the same in all encoded images")
        return factors[:, self._differ]

    @functools.cached_property
    def _differ(self) -> NDArray[np.bool_]:
        """Return which factors vary over the encoded images, shape (K,); (0,) without factors."""
        factors = rows_of(self._dataset.factors, self._table.index)
        flags = np.zeros(0, bool) if factors is None else (factors != factors[:1]).any(0)
        return np.asarray(flags, bool)

    @property
    def constant_factors(self) -> tuple[str, ...]:
        """Names of the factors that are constant over the encoded images."""
        names = self._dataset.factor_names if len(self._differ) else ()
        return tuple(name for name, differs in zip(names, self._differ, strict=True) if not differs)

    @functools.cached_property
    def _pictures(self) -> dict[str, NDArray[Any]]:
        images = self._dataset.images(self._table.index[:IMAGE_ROWS])
        decoded = self._run.decode(self._table.codes[:IMAGE_ROWS])
        return {"images": images / np.float32(255), "reconstructions": decoded / np.float32(255)}


@dataclass(frozen=True)
class ActiveCodes:
    """Some dimensions of a code table: their `columns`, and the arrays of these alone."""

    columns: Sequence[int]
    arrays: Arrays

    @property
    def width(self) -> int:
        """Return the number of dimensions."""
        return len(self.columns)


def of_images(needs: Sequence[str]) -> bool:
    """Whether a metric with these needs uses images."""
    return bool({"images", "reconstructions"} & set(needs))
