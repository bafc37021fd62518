"""Plug-in entropies and mutual information of all pairs of columns."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._compiled import Kernel

# Entropies are sums of rounded terms: information below this many nats is a rounding error.
ROUNDING = 1e-12

Labels = NDArray[np.uint16]
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class PairInformation:
    """Information between columns a and columns b, in nats.

    `mutual_information` (d, k), `entropy_a` (d,), `entropy_b` (k,); the joint entropy is
    `entropy_a` + `entropy_b` - `mutual_information`. `cells` (d, k), `cells_a` (d,) and `cells_b`
    (k,) are the numbers of cells with at least one row, and `rows` is the number of rows.
    """

    mutual_information: Floats
    entropy_a: Floats
    entropy_b: Floats
    cells: Counts
    cells_a: Counts
    cells_b: Counts
    rows: int

    def part(self, a: Counts, b: Counts) -> PairInformation:
        """Return the information of some columns a and some columns b."""
        pairs = np.ix_(a, b)
        return PairInformation(
            self.mutual_information[pairs], self.entropy_a[a], self.entropy_b[b],
            self.cells[pairs], self.cells_a[a], self.cells_b[b], self.rows,
        )  # fmt: skip


def pair_information(
    a: Labels, b: Labels, weights: NDArray[np.int64] | None = None
) -> PairInformation:
    """Count every pair of columns and return I(a_i; b_k), H(a_i) and H(b_k), in nats.

    I = H(a) + H(b) - H(a, b) with H = log n - (1/n) sum of c log c over the counts c of the cells.
    O(n d k) time; the memory is that of two tables of counts.

    Parameters
    ----------
    a
        Class numbers, shape (d, n).
    b
        Class numbers, shape (k, n).
    weights
        Weight of each row, shape (n,); by default 1.
    """
    same = a is b
    size_a, size_b = int(a.max()) + 1, int(b.max()) + 1
    total = a.shape[1] if weights is None else int(weights.sum())
    if weights is None:
        weights = np.ones(a.shape[1], np.int64)
    else:  # about a third of the rows are absent from a resample
        rows = np.empty(a.shape[1], np.int64)
        rows = rows[: _nonzero_rows(weights, rows)]
        weights, a = weights[rows], _rows_of(a, rows)
        b = a if same else _rows_of(b, rows)
    joint = np.zeros((len(a), len(b)))
    single_a, single_b = np.zeros(len(a)), np.zeros(len(b))
    cells, cells_a, cells_b = (np.zeros(s, np.int64) for s in (joint.shape, len(a), len(b)))
    _sum_count_logs(
        a, b, same, weights, count_logs(total), np.zeros((2, size_a, size_b), np.int64),
        joint, single_a, single_b, cells, cells_a, cells_b,
    )  # fmt: skip
    information = _information(joint, single_a, single_b, total)
    return PairInformation(*information, cells, cells_a, cells_b, total)


@functools.lru_cache(maxsize=4)
def count_logs(total: int) -> Floats:
    """Return c log c for c = 0 .. total; calls share the array, so it must not be changed."""
    counts = np.arange(total + 1, dtype=np.float64)
    counts[1:] *= np.log(counts[1:])
    return counts


def _information(
    joint: Floats, single_a: Floats, single_b: Floats, total: int
) -> tuple[Floats, Floats, Floats]:
    """Turn sums of c log c into mutual information and entropies."""
    entropy_a = np.maximum(np.log(total) - single_a / total, 0.0)
    entropy_b = np.maximum(np.log(total) - single_b / total, 0.0)
    entropy_a[entropy_a < ROUNDING] = 0.0
    entropy_b[entropy_b < ROUNDING] = 0.0
    both = np.log(total) - joint / total
    information = entropy_a[:, None] + entropy_b[None, :] - both
    information[information < ROUNDING] = 0.0
    information[entropy_a == 0.0] = 0.0
    information[:, entropy_b == 0.0] = 0.0
    return information, entropy_a, entropy_b


def _rows_of(columns: Labels, rows: Counts) -> Labels:
    """Return some rows of columns (c, n)."""
    out = np.empty((len(columns), len(rows)), columns.dtype)
    _take_rows(columns, rows, out)
    return out


@Kernel
def _nonzero_rows(weights, rows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the indices of the rows of positive weight, and return how many there are."""
    count = 0
    for j in range(weights.size):
        rows[count] = j  # no branch: the processor would mispredict about every third one
        count += weights[j] > 0
    return count


@Kernel
def _take_rows(columns, rows, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write some rows of every column to `out`."""
    for i in range(columns.shape[0]):
        for j in range(rows.size):
            out[i, j] = columns[i, rows[j]]


@Kernel
def _sum_count_logs(  # type: ignore[no-untyped-def]  # noqa: ANN202
    a, b, same, weights, logs, tables, joint, single_a, single_b, cells, cells_a, cells_b,  # noqa: ANN001
):  # fmt: skip
    """Sum c log c over the cells of each joint table and its margins; count the cells with rows.

    Two small tables are filled at a time: they stay in the first-level cache during the pass over
    the rows, and additions to one need not wait for the other. Where a and b are the `same` array,
    every pair is counted once.
    """
    for i in range(a.shape[0]):
        for first in range(0, b.shape[0], 2):
            count = min(2, b.shape[0] - first)
            if not same or first + count > i:
                _count_cells(a[i], b[first : first + count], weights, tables)
            for k in range(first, first + count):
                if same and k < i:
                    joint[i, k], cells[i, k] = joint[k, i], cells[k, i]
                    continue
                table = tables[k - first]
                sum_of_logs = 0.0
                for u in range(table.shape[0]):
                    for v in range(table.shape[1]):
                        sum_of_logs += logs[table[u, v]]
                        cells[i, k] += table[u, v] > 0
                joint[i, k] = sum_of_logs
                if k == (i if same else 0):
                    for u in range(table.shape[0]):
                        total = table[u].sum()
                        single_a[i] += logs[total]
                        cells_a[i] += total > 0
                if i == 0:
                    for v in range(table.shape[1]):
                        total = table[:, v].sum()
                        single_b[k] += logs[total]
                        cells_b[k] += total > 0


@Kernel
def _count_cells(a, b, weights, tables):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the rows of each pair of classes of a (n,) and of each column of b (1 or 2, n)."""
    tables[:] = 0
    if b.shape[0] == 1:
        for j in range(a.size):
            tables[0, a[j], b[0, j]] += weights[j]
    else:
        for j in range(a.size):
            u, weight = a[j], weights[j]
            tables[0, u, b[0, j]] += weight
            tables[1, u, b[1, j]] += weight
