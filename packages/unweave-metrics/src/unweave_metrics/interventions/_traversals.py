"""Whole traversals: rows that share all factors but one, one row per value of that factor."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_pair
from unweave_metrics._binning import factor_labels
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared, FactorKinds, kinds_of
from unweave_metrics._scaling import Exponents, largest, shifted
from unweave_metrics.interventions._groups import Rows, mixed_numbers

# Number of floats that are processed together: 32 MB.
TOGETHER = 2**22

# Neither differences of codes below 2^900 nor sums of their magnitudes overflow.
REACH = 900

# Power of two for moves that are all 0. The smallest doubles then become 2^-74, whose squares fit.
LOWEST = -1000

# Most values of a factor, because all pairs of values of a traversal are in memory at once.
MOST_VALUES = 2_048

MEANS = ("geometric", "arithmetic")
NORMS = ("l1", "l2")


@dataclass(frozen=True)
class Table:
    """Codes (n, d) divided by 2^power, classes of factors (k, n), and the kinds of the factors."""

    z: Floats
    power: int
    labels: Array
    kinds: FactorKinds

    def traversals(self) -> list[Rows]:
        """Return for each factor the rows (t, v) of its whole traversals, in order of its values.

        Among rows with the same factors, the first is used.
        """
        return [whole_traversals(self.labels, k) for k in range(len(self.labels))]


def table_of(codes: ArrayLike, factors: ArrayLike, bins: int, factor_kinds: Declared) -> Table:
    """Check codes and factors, and return their table."""
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, bins)
    power = max(0, int(np.frexp(largest(z))[1]) - REACH)
    return Table(shifted(z.astype(np.float64), -power), power, labels, kinds)


def whole_traversals(labels: Array, k: int) -> Rows:
    """Return the rows (t, v) of the whole traversals of factor k, by classes (k, n)."""
    v = int(labels[k].max()) + 1
    last = np.concatenate([np.delete(labels, k, axis=0), labels[k : k + 1]])
    numbers, rows = np.unique(mixed_numbers(last, labels.shape[1]), return_index=True)
    line = numbers // v
    starts = np.flatnonzero(np.diff(line, prepend=line[0] - 1))
    counts = np.diff(np.append(starts, len(line)))
    traversals: Rows = rows[np.repeat(counts == v, counts)].reshape(-1, v)
    if not len(traversals):
        raise ValueError(
            f"factors must have whole traversals, but no rows have all {v} values of column {k} "
            "with the other columns constant; use codes of the whole grid, or fewer bins for "
            "measurements"
        )
    if v > MOST_VALUES:
        raise ValueError(
            f"factors must have at most {MOST_VALUES:,} values per column, because all pairs of "
            f"values are compared, got {v:,} in column {k}; set factor_kinds='measurement' to bin "
            "them"
        )
    return traversals


def moves_of(z: Floats, rows: Rows) -> Iterator[tuple[Floats, Exponents]]:
    """Yield the moves (t, v, d) of some traversals at a time, and powers of two (t,).

    A move is a code minus the code of the first row of its traversal, divided by 2^power: the
    largest magnitude of each traversal is in [1/2, 1).
    """
    size = max(1, TOGETHER // (rows.shape[1] * z.shape[1]))
    for first in range(0, len(rows), size):
        some = rows[first : first + size]
        moves = z[some] - z[some[:, :1]]
        widest = np.abs(moves).reshape(len(some), -1).max(axis=1)
        powers = np.where(widest > 0, np.frexp(widest)[1].astype(np.int64), LOWEST)
        yield np.ldexp(moves, -powers[:, None, None]), powers


def pair_distances(z: Floats, rows: Rows, norm: str) -> tuple[Floats, Exponents]:
    """Return the distances (t, v (v - 1) / 2) of codes for all pairs of rows of each traversal.

    `rows` has shape (t, v), and pairs are in the order of ``numpy.triu_indices(v, 1)``. The
    distances are divided by powers of two, whose exponents (t,) are returned too, so that the
    largest of each traversal is near 1.
    """
    t, v = rows.shape
    distances, powers = np.empty((t, v * (v - 1) // 2)), np.empty(t, dtype=np.int64)
    _fill_distances(z, rows, norm == "l2", LOWEST, distances, powers)
    return distances, powers


@Kernel
def _fill_distances(z, rows, squared, lowest, distances, powers):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write distances of codes, l2 if `squared`, otherwise l1, and the power of each traversal."""
    for s in range(rows.shape[0]):
        widest = 0.0
        for i in range(1, rows.shape[1]):
            for c in range(z.shape[1]):
                widest = max(widest, abs(z[rows[s, i], c] - z[rows[s, 0], c]))
        powers[s] = max(math.frexp(widest)[1], lowest) if widest > 0 else lowest
        scale = math.ldexp(1.0, -powers[s])
        p = 0
        for i in range(rows.shape[1]):
            for j in range(i + 1, rows.shape[1]):
                total = 0.0
                for c in range(z.shape[1]):
                    step = (z[rows[s, i], c] - z[rows[s, j], c]) * scale
                    total += step * step if squared else abs(step)
                distances[s, p] = np.sqrt(total) if squared else total
                p += 1


def mean_of_factors(values: Floats, mean: str, name: str) -> tuple[float, tuple[str, ...]]:
    """Return the mean of the values (k,) of factors, and a note if the geometric mean is 0."""
    if mean == "arithmetic":
        return float(values.mean()), ()
    if (values > 0).all():
        return float(np.exp(np.log(values).mean())), ()
    return 0.0, (
        f"{name}: the geometric mean is 0, because a factor has 0 or less; mean='arithmetic' is "
        "not affected",
    )
