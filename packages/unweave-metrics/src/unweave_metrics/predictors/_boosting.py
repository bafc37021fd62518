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

# Coarse bins of a code: splits are found exactly, bins only say where not to look.
BINS = 128

# The settings of the reference, scikit-learn's defaults.
ROUNDS, DEPTH, RATE = 100, 3, 0.1


@dataclass(frozen=True)
class Ranked:
    """Codes as trees see them: only their order counts.

    `ranks` (d, n) are places among the different train values, `values` (d, n) those values in
    rising order, `test` (d, m) the test codes, `order` (d, n) the rows by rank, `bins` (n, d) the
    coarse bins, and `starts` (d, BINS + 1) where each begins in `order`.
    """

    ranks: Numbers
    values: Singles
    test: Singles
    order: Numbers
    bins: NDArray[np.uint8]
    starts: Numbers


@dataclass(frozen=True)
class Boosted:
    """Importances (d,), summing to one or all zero, and predictions of train and test rows."""

    importances: Floats
    train: Labels
    test: Labels


def rank_codes(z: Array, z_test: Array) -> Ranked:
    """Rank train codes (n, d), in single precision; test codes (m, d) go down the trees later."""
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
        # Equal values share a bin: that of the first of them.
        ends = np.cumsum(np.bincount(ranks[i]))
        first = np.concatenate([[0], ends[:-1]])
        bins[:, i] = (first * BINS // n)[ranks[i]]
        starts[i] = np.searchsorted(bins[order[i], i], np.arange(BINS + 1), side="left")
    test = np.ascontiguousarray(z_test.T, dtype=np.float32)
    return Ranked(ranks, different, test, order, bins, starts)


def boost(codes: Ranked, labels: Labels, classes: int, seed: int) -> Boosted:
    """Boost one tree a class and round on the multinomial deviance, as the reference does.

    100 rounds of trees of depth 3 at rate .1: residuals y - p, exact splits by the reduction of
    their squares (ties go to a random code), leaf values by one Newton step. An importance is a
    code's share of all reductions. O(rounds * classes * n * d) time.

    Parameters
    ----------
    codes
        What `rank_codes` gave.
    labels
        Class of each train row, 0 to `classes` - 1, shape (n,).
    seed
        Seed of the order of ties.

    References
    ----------
    J. H. Friedman, "Greedy function approximation: a gradient boosting machine", 2001, algorithms 5
    and 6.
    """
    counts = np.bincount(labels, minlength=classes)
    start = np.log(np.maximum(counts / len(labels), np.finfo(np.float32).eps))
    if classes == 2:  # one tree a round, for the log odds of the second class
        start -= start[0]
    raw = np.repeat(start[:, None], len(labels), axis=1)
    raw_test = np.repeat(start[:, None], codes.test.shape[1], axis=1)
    importances = np.zeros(len(codes.ranks))
    rng = np.random.default_rng(seed)
    room = _Room.of(len(codes.ranks), len(labels))
    residual = np.empty(raw.shape)
    members = np.argsort(labels, kind="stable")
    begins = np.concatenate([[0], np.cumsum(counts)])
    # Two classes need one tree; the multinomial deviance corrects its steps by (classes - 1) /
    # classes.
    first, scale = (1, RATE) if classes == 2 else (0, RATE * (classes - 1) / classes)
    for _ in range(ROUNDS):
        _residuals(raw, labels, residual)
        shuffled = rng.random((classes - first, 2**DEPTH - 1, len(importances))).argsort(axis=2)
        add_trees(
            first, scale, residual, members, begins, codes.ranks, codes.values,
            codes.order, codes.bins, codes.starts, codes.test, shuffled, room.node, room.rows,
            room.spare, room.span, room.hist, room.edges, room.best, room.split, importances, raw,
            raw_test,
        )  # fmt: skip
    total = importances.sum()
    return Boosted(
        importances / total if total > 0 else importances,
        np.asarray(raw.argmax(axis=0), dtype=np.int64),
        np.asarray(raw_test.argmax(axis=0), dtype=np.int64),
    )


def _residuals(raw: Floats, labels: Labels, residual: Floats) -> None:
    """Write y - p of raw scores; both are (classes, n)."""
    softmax(raw, residual)
    np.negative(residual, out=residual)
    residual[labels, np.arange(len(labels))] += 1.0


@dataclass(frozen=True)
class _Room:
    """Memory that every tree uses again: rows by node, spans, histograms, edges, gains, splits."""

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
        """Return room for d codes and n rows."""
        width = 2**DEPTH
        return cls(
            np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32),
            np.zeros((width, 2), dtype=np.int64), np.zeros((width, 3, d, BINS)),
            np.zeros((d, 4, BINS)), np.zeros(width), np.zeros((width, 3), dtype=np.int64),
        )  # fmt: skip
