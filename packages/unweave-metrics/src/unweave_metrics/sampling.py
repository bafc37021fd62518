"""Draws of rows: subsamples and splits, determined by a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike, NDArray

from unweave_metrics.arrays import Array, check_codes, check_factors, check_pair, check_positive

Seed = int | Generator


def generator(seed: Seed) -> Generator:
    """Return a numpy generator: the one given, or a new one from an integer."""
    return seed if isinstance(seed, Generator) else np.random.default_rng(seed)


def draw_rows(n: int, samples: int | None, seed: Seed) -> NDArray[np.int64] | None:
    """Return `samples` different row numbers out of n, or None where every row is wanted."""
    if samples is None or samples >= n:
        return None
    check_positive(samples, "samples", 2)
    return generator(seed).choice(n, size=samples, replace=False, shuffle=False)


def subsample(codes: Array, factors: Array, samples: int | None, seed: Seed) -> tuple[Array, Array]:
    """Return codes and factors of `samples` rows drawn without replacement, or of all."""
    rows = draw_rows(len(codes), samples, seed)
    return (codes, factors) if rows is None else (codes[rows], factors[rows])


def train_and_test(
    codes: ArrayLike,
    factors: ArrayLike,
    test_codes: ArrayLike | None,
    test_factors: ArrayLike | None,
    train_samples: int | None,
    test_samples: int | None,
    seed: Seed,
    test_fraction: float = 1 / 3,
) -> tuple[Array, Array, Array, Array]:
    """Return train codes, train factors, test codes and test factors.

    With test arrays given, those are the test rows and all others train. Without, the rows are
    shuffled by the seed and split two to one, or into the numbers asked for as far as the rows
    reach.
    """
    train_z, train_y = check_pair(codes, factors)
    if (test_codes is None) != (test_factors is None):
        raise ValueError("test_codes and test_factors must be given together, got only one of them")
    rng = generator(seed)
    if test_codes is not None and test_factors is not None:
        test_z = check_codes(test_codes, "test_codes")
        test_y = check_factors(test_factors, len(test_z), "test_factors")
        if test_z.shape[1] != train_z.shape[1] or test_y.shape[1] != train_y.shape[1]:
            raise ValueError(
                "test_codes and test_factors must have the columns of codes and factors, got "
                f"{test_z.shape} and {test_y.shape} for {train_z.shape} and {train_y.shape}"
            )
        return (
            *subsample(train_z, train_y, train_samples, rng),
            *subsample(test_z, test_y, test_samples, rng),
        )
    n = len(train_z)
    if n < 3:
        raise ValueError(f"codes must have at least 3 rows to be split in train and test, got {n}")
    order = rng.permutation(n)
    tested = max(1, int(n * test_fraction))
    if test_samples is not None:
        tested = min(tested, test_samples)
    trained = n - tested if train_samples is None else min(train_samples, n - tested)
    train, test = order[:trained], order[n - tested :]
    return train_z[train], train_y[train], train_z[test], train_y[test]


def chosen_rows(
    codes: ArrayLike,
    factors: ArrayLike,
    test_codes: ArrayLike | None,
    test_factors: ArrayLike | None,
    settings: dict[str, Any],
    seed: Seed,
) -> tuple[Array, Array, Array, Array]:
    """Return train and test rows as settings say, the same twice where train rows are scored."""
    on_train = settings.get("evaluate_on") == "train"
    if on_train:
        test_codes, test_factors = codes, factors
    z, y, z_test, y_test = train_and_test(
        codes, factors, test_codes, test_factors, settings["train_samples"],
        settings["test_samples"], seed, settings.get("test_fraction", 1 / 3),
    )  # fmt: skip
    return (z, y, z, y) if on_train else (z, y, z_test, y_test)
