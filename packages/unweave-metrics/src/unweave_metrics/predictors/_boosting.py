"""Gradient boosting of shallow trees with exact splits, for their importances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._arrays import Array
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import train_and_test_in_reach
from unweave_metrics._softmax import softmax
from unweave_metrics.predictors._growing import add_trees

Labels = NDArray[np.int64]
Numbers = NDArray[np.int32]
Singles = NDArray[np.float32]

# Number of coarse bins per code. Splits are exact; the bins only narrow down the search.
BINS = 128

# The settings of the reference implementation, which are scikit-learn's defaults.
ROUNDS, DEPTH, RATE = 100, 3, 0.1


@dataclass(frozen=True)
class RankedCodes:
    """Codes by rank: a tree depends only on the order of the values.

    `ranks` (d, n) are the ranks of the rows among the different train values, `values` (d, n) are
    these values in ascending order, `test` (d, m) are the test codes, `order` (d, n) are the rows
    by rank, `bins` (n, d) are the coarse bins, and `starts` (d, BINS + 1) is the index in `order`
    at which each bin begins.
    """

    ranks: Numbers
    values: Singles
    test: Singles
    order: Numbers
    bins: NDArray[np.uint8]
    starts: Numbers


@dataclass(frozen=True)
class BoostingResult:
    """Importances (d,), which sum to 1 or are all 0, and predictions for train and test rows."""

    importances: Floats
    train: Labels
    test: Labels


def rank_codes(z: Array, z_test: Array) -> RankedCodes:
    """Rank train codes (n, d) in single precision; test codes (m, d) keep their values."""
    z, z_test, _ = train_and_test_in_reach(z, z_test, single=True)
    n, d = z.shape
    ranks = np.empty((d, n), dtype=np.int32)
    different = np.zeros((d, n), dtype=np.float32)
    order = np.empty((d, n), dtype=np.int32)
    bins = np.empty((n, d), dtype=np.uint8)
    starts = np.full((d, BINS + 1), n, dtype=np.int32)
    for i in range(d):
        column = np.ascontiguousarray(z[:, i], dtype=np.float32)
        values, inverse = np.unique(column, return_inverse=True)
        ranks[i] = inverse.reshape(-1)
        different[i, : len(values)] = values
        order[i] = np.argsort(ranks[i], kind="stable")
        # Equal values share a bin, that of the first one.
        ends = np.cumsum(np.bincount(ranks[i]))
        first = np.concatenate([[0], ends[:-1]])
        bins[:, i] = (first * BINS // n)[ranks[i]]
        starts[i] = np.searchsorted(bins[order[i], i], np.arange(BINS + 1), side="left")
    test = np.ascontiguousarray(z_test.T, dtype=np.float32)
    return RankedCodes(ranks, different, test, order, bins, starts)


def boost(codes: RankedCodes, labels: Labels, classes: int, seed: int) -> BoostingResult:
    """Boost one tree per class and round on the multinomial deviance, as the reference does.

    There are 100 rounds of trees of depth 3 with learning rate 0.1. The trees are fitted to the
    residuals y - p, splits are exact and maximise the reduction of the squared error (ties go to a
    random code), and the value of a leaf is one Newton step. The importance of a code is its share
    of all reductions. O(rounds * classes * n * d) time.

    Parameters
    ----------
    codes
        Result of `rank_codes`.
    labels
        Class of each train row, 0 to `classes` - 1, shape (n,).
    seed
        Seed of the random codes that ties go to.

    References
    ----------
    J. H. Friedman, "Greedy function approximation: a gradient boosting machine", 2001, algorithms 5
    and 6.
    """
    counts = np.bincount(labels, minlength=classes)
    start = np.log(np.maximum(counts / len(labels), np.finfo(np.float32).eps))
    if classes == 2:  # one tree per round, for the log odds of the second class
        start -= start[0]
    raw = np.repeat(start[:, None], len(labels), axis=1)
    raw_test = np.repeat(start[:, None], codes.test.shape[1], axis=1)
    importances = np.zeros(len(codes.ranks))
    rng = np.random.default_rng(seed)
    room = _Room.of(len(codes.ranks), len(labels))
    residual = np.empty(raw.shape)
    members = np.argsort(labels, kind="stable")
    begins = np.concatenate([[0], np.cumsum(counts)])
    # Two classes need only one tree; for more, the Newton step of the multinomial deviance has the
    # factor (classes - 1) / classes.
    first, scale = (1, RATE) if classes == 2 else (0, RATE * (classes - 1) / classes)
    for _ in range(ROUNDS):
        _residuals(raw, labels, residual)
        code_orders = rng.random((classes - first, 2**DEPTH - 1, len(importances))).argsort(axis=2)
        add_trees(
            first, scale, residual, members, begins, codes.ranks, codes.values,
            codes.order, codes.bins, codes.starts, codes.test, code_orders, room.node, room.rows,
            room.spare, room.span, room.hist, room.edges, room.best, room.split, importances, raw,
            raw_test,
        )  # fmt: skip
    total = importances.sum()
    return BoostingResult(
        importances / total if total > 0 else importances,
        np.asarray(raw.argmax(axis=0), dtype=np.int64),
        np.asarray(raw_test.argmax(axis=0), dtype=np.int64),
    )


def _residuals(raw: Floats, labels: Labels, residual: Floats) -> None:
    """Write y - p for raw scores to `residual`; both have shape (classes, n)."""
    softmax(raw, residual)
    np.negative(residual, out=residual)
    residual[labels, np.arange(len(labels))] += 1.0


@dataclass(frozen=True)
class _Room:
    """Buffers that all trees share: rows by node, spans, histograms, edges, gains and splits."""

    node: NDArray[np.uint8]
    rows: Numbers
    spare: Numbers
    span: Labels
    hist: Floats
    edges: Floats
    best: Floats
    split: Labels

    @classmethod
    def of(cls, d: int, n: int) -> _Room:
        """Return the buffers for d codes and n rows."""
        width = 2**DEPTH
        return cls(
            np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32),
            np.zeros((width, 2), dtype=np.int64), np.zeros((width, 3, d, BINS)),
            np.zeros((d, 4, BINS)), np.zeros(width), np.zeros((width, 3), dtype=np.int64),
        )  # fmt: skip
