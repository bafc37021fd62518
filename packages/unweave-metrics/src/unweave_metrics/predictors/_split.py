"""Split rows into train and test rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_codes, check_factors, check_pair
from unweave_metrics._kinds import Declared, FactorKinds, kinds_of
from unweave_metrics._sampling import Rows, generator, subsample
from unweave_metrics._shared import columnwise, part_of, remember_part, shared


@dataclass(frozen=True)
class Split:
    """Train rows, test rows, and the kinds of the factors, which depend on all rows."""

    z: Array
    y: Array
    z_test: Array
    y_test: Array
    kinds: FactorKinds

    def record(self, settings: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings and notes for a score of these rows."""
        rows = {"rows": len(self.z), "test_rows": len(self.z_test)}
        settings = {**settings, "factor_kinds": self.kinds.words, **rows}
        return {"settings": settings, "notes": self.kinds.notes}


def train_and_test(
    codes: ArrayLike,
    factors: ArrayLike,
    test_codes: ArrayLike | None,
    test_factors: ArrayLike | None,
    settings: Mapping[str, Any],
    factor_kinds: Declared = None,
) -> Split:
    """Return train rows and test rows according to the settings.

    Test arrays, if there are any, are the test rows, and `codes` and `factors` are the train rows.
    Otherwise the rows are shuffled with the seed, and the share `test_fraction` (by default a
    third) is held out for the test. `train_samples` and `test_samples` limit both numbers. With
    ``evaluate_on="train"`` all rows are both train and test rows.
    """
    z, y = check_pair(codes, factors)
    if (test_codes is None) != (test_factors is None):
        raise ValueError(
            "test_codes and test_factors need each other, but one is missing; pass both or neither"
        )
    test = None
    if settings.get("evaluate_on") == "train":
        test = (z, y)
    elif test_codes is not None and test_factors is not None:
        test = _check_test(z, y, test_codes, test_factors)
    # A tuple of words can be a key of shared results; a list cannot.
    declared = tuple(factor_kinds) if isinstance(factor_kinds, list) else factor_kinds
    sizes = settings["train_samples"], settings["test_samples"]
    if test is None:
        fraction = settings.get("test_fraction", 1 / 3)
        return _split(z, y, *sizes, fraction, settings["seed"], declared)
    return _draw_split(z, y, test, *sizes, settings["seed"], declared)


def _columns_of(split: Split, columns: Rows) -> Split:
    """Return the same rows with only some of the codes."""
    z, z_test = part_of(split.z, columns), part_of(split.z_test, columns)
    part = Split(z, split.y, z_test, split.y_test, split.kinds)
    remember_part(part, split, columns)
    return part


@columnwise(_columns_of)
def _split(
    z: Array,
    y: Array,
    train_samples: int | None,
    test_samples: int | None,
    test_fraction: float,
    seed: int,
    declared: Declared,
) -> Split:
    """Split the rows into train and test rows."""
    kinds = kinds_of(y, declared)
    first, second = _shuffle(len(z), train_samples, test_samples, test_fraction, seed)
    return Split(z[first], y[first], z[second], y[second], kinds)


@shared
def _draw_split(
    z: Array,
    y: Array,
    test: tuple[Array, Array],
    train_samples: int | None,
    test_samples: int | None,
    seed: int,
    declared: Declared,
) -> Split:
    """Draw rows from train rows and from test rows, which may be the same."""
    on_train = test[0] is z and test[1] is y
    kinds = kinds_of(y if on_train else np.concatenate([y, test[1]]), declared)
    rng = generator(seed)
    z, y = subsample(z, y, train_samples, rng)
    if on_train:
        return Split(z, y, z, y, kinds)
    return Split(z, y, *subsample(*test, test_samples, rng), kinds)


def _check_test(
    z: Array, y: Array, test_codes: ArrayLike, test_factors: ArrayLike
) -> tuple[Array, Array]:
    """Return test codes and factors; refuse other numbers of columns than in the train rows."""
    z_test = check_codes(test_codes, "test_codes")
    y_test = check_factors(test_factors, len(z_test), "test_factors")
    if z_test.shape[1] != z.shape[1] or y_test.shape[1] != y.shape[1]:
        raise ValueError(
            "test_codes and test_factors must have as many columns as codes and factors, got "
            f"shapes {z_test.shape} and {y_test.shape} for codes {z.shape} and factors {y.shape}"
        )
    return z_test, y_test


def _shuffle(
    n: int, train_samples: int | None, test_samples: int | None, test_fraction: float, seed: int
) -> tuple[Rows, Rows]:
    """Return the row numbers of the train rows and of the test rows."""
    if n < 3:
        raise ValueError(
            f"codes must have at least 3 rows for a split into train and test rows, got {n}"
        )
    order = generator(seed).permutation(n)
    n_test = max(1, int(n * test_fraction))
    if test_samples is not None:
        n_test = min(n_test, test_samples)
    n_train = n - n_test
    if train_samples is not None:
        n_train = min(train_samples, n_train)
    return order[:n_train], order[n - n_test :]
