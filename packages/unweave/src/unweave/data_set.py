"""The data set of a configuration, opened and checked."""

from __future__ import annotations

from typing import cast

import numpy as np

from unweave.errors import ConfigError, blaming, quote
from unweave.protocols import Dataset, member
from unweave.registry import Registry
from unweave.train_config import Spec

MOST_CLASSES = 10**9
"""Most classes of a factor; more are taken for a mistake."""


def build_dataset(names: Registry, spec: Spec) -> Dataset:
    """Open a registered data set.

    Raises
    ------
    ConfigError
        If it is not a valid data set.
    """
    dataset = cast(Dataset, names.build("dataset", spec))
    return check_dataset(str(names.lookup("dataset", spec.name)), dataset)


def check_dataset(owner: str, dataset: Dataset) -> Dataset:
    """Return a data set after checking that its members agree.

    Parameters
    ----------
    owner
        Names the data set in errors.

    Raises
    ------
    ConfigError
        If they do not agree.
    """
    with blaming(owner, "when it was opened"):
        size, shape = len(dataset), tuple(dataset.image_shape)
        if size < 1:
            raise ConfigError(f"{owner} has no images")
        if len(shape) != 3 or not all(isinstance(n, int) and n > 0 for n in shape):
            raise ConfigError(f"{owner}: image_shape must be (h, w, c), got {quote(shape)}")
        if dataset.bits not in (1, 8, 32):
            raise ConfigError(f"{owner}: bits must be 1, 8 or 32, got {quote(dataset.bits)}")
        if dataset.factors is not None:
            _check_factors(owner, dataset, size)
    return dataset


def _check_factors(owner: str, dataset: Dataset, size: int) -> None:
    factors = np.asarray(dataset.factors)
    if factors.ndim != 2 or len(factors) != size or factors.dtype.kind not in "iub":
        raise ConfigError(
            f"{owner}: factors must be integers of shape ({size}, K), one row for each image, got "
            f"{factors.dtype} of shape {factors.shape}"
        )
    count = factors.shape[1]
    sizes = [int(n) for n in member(dataset, "factor_sizes")]
    if len(sizes) != count or len(member(dataset, "factor_names")) != count:
        raise ConfigError(f"{owner}: factor_names and factor_sizes must have {count} entries each")
    values = member(dataset, "factor_values")
    if values is not None and np.shape(values) != factors.shape:
        raise ConfigError(
            f"{owner}: factor_values must have the shape of factors, {factors.shape}, got "
            f"{np.shape(values)}"
        )
    low, high = factors.min(0), factors.max(0)
    for name, smallest, largest, number in zip(dataset.factor_names, low, high, sizes, strict=True):
        if smallest < 0 or largest >= number or number > MOST_CLASSES:
            raise ConfigError(
                f"{owner}: factor {quote(name)} of size {quote(number)} has classes from "
                f"{smallest} to {largest}; they must count from 0 and stay below the size, which "
                f"is at most {MOST_CLASSES:,}"
            )
