"""Gradient boosting of shallow trees with exact splits, for their importances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unweave_metrics.arrays import Array
from unweave_metrics.compiled import Kernel
from unweave_metrics.counting import Floats

Labels = NDArray[np.int64]
Numbers = NDArray[np.int32]

# Coarse bins of a code: splits are found exactly, bins only say where not to look.
BINS = 256

# The settings of the reference, scikit-learn's defaults.
ROUNDS, DEPTH, RATE = 100, 3, 0.1

# Gains of one partition by two codes differ by rounding; within this ratio they are equal.
TIE = 1e-10


@dataclass(frozen=True)
class Ranked:
    """Codes as trees see them: only their order counts.

    `ranks` (d, n) and `test_ranks` (d, m) are places among the different train values, `order` (d,
    n) the rows by rank, `bins` (d, n) the coarse bins, and `starts` (d, BINS + 1) where each begins
    in `order`.
    """

    ranks: Numbers
    test_ranks: Numbers
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
    """Rank train codes (n, d) and place test codes (m, d) among them, in single precision.

    A test value lies above a train value if it is above the middle between that and the next one,
    where trees put their thresholds.
    """
    n, d = z.shape
    ranks = np.empty((d, n), dtype=np.int32)
    test_ranks = np.empty((d, len(z_test)), dtype=np.int32)
    order = np.empty((d, n), dtype=np.int32)
    bins = np.empty((d, n), dtype=np.uint8)
    starts = np.full((d, BINS + 1), n, dtype=np.int32)
    for i in range(d):
        column = np.ascontiguousarray(z[:, i], dtype=np.float32)
        values, inverse = np.unique(column, return_inverse=True)
        ranks[i] = inverse.reshape(-1)
        middles = (values[:-1].astype(np.float64) + values[1:]) / 2
        test_ranks[i] = np.searchsorted(middles, z_test[:, i].astype(np.float32), side="left")
        order[i] = np.argsort(ranks[i], kind="stable")
        # Equal values share a bin: that of the first of them.
        ends = np.cumsum(np.bincount(ranks[i]))
        first = np.concatenate([[0], ends[:-1]])
        bins[i] = (first * BINS // n)[ranks[i]]
        starts[i] = np.searchsorted(bins[i][order[i]], np.arange(BINS + 1), side="left")
    return Ranked(ranks, test_ranks, order, bins, starts)


def boost(codes: Ranked, labels: Labels, classes: int, seed: int) -> Boosted:
    """Boost one tree a class and round on the multinomial deviance, as the reference does.

    100 rounds of trees of depth 3 at rate .1: residuals y - p, exact splits by the reduction of
    their squares (ties go to a random code), leaf values by one Newton step. An importance is a
    code's share of all reductions. O(rounds * classes * n * d) time.

    Parameters
    ----------
    codes : what `rank_codes` gave
    labels : class of each train row, 0 to `classes` - 1, shape (n,)
    seed : decides ties

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
    raw_test = np.repeat(start[:, None], codes.test_ranks.shape[1], axis=1)
    importances = np.zeros(len(codes.ranks))
    rng = np.random.default_rng(seed)
    room = _Room.of(len(codes.ranks), len(labels))
    chance, residual = np.empty(raw.shape), np.empty(raw.shape)
    members = [np.flatnonzero(labels == c) for c in range(classes)]
    for _ in range(ROUNDS):
        _residuals(raw, labels, chance, residual)
        for c in range(1 if classes == 2 else 0, classes):
            splits = _grow(codes, residual[c], members[c], room, importances, rng)
            # The multinomial deviance corrects its steps by (classes - 1) / classes.
            scale = RATE if classes == 2 else RATE * (classes - 1) / classes
            steps = _step_leaves(residual[c], chance[c], scale, room.span, room.rows, raw[c])
            _add_to_test(codes.test_ranks, splits, steps, raw_test[c])
    total = importances.sum()
    return Boosted(
        importances / total if total > 0 else importances,
        np.asarray(raw.argmax(axis=0), dtype=np.int64),
        np.asarray(raw_test.argmax(axis=0), dtype=np.int64),
    )


@dataclass(frozen=True)
class _Room:
    """Memory that every tree uses again: rows by node, spans, histograms, gains, splits."""

    node: NDArray[np.uint8]
    rows: Numbers
    spare: Numbers
    span: Labels
    hist: Floats
    best: Floats
    split: Labels

    @classmethod
    def of(cls, d: int, n: int) -> _Room:
        """Return room for d codes and n rows."""
        width = 2**DEPTH
        return cls(
            np.empty(n, dtype=np.uint8), np.empty(n, dtype=np.int32), np.empty(n, dtype=np.int32),
            np.zeros((width, 2), dtype=np.int64), np.zeros((width, d, BINS, 3)), np.zeros(width),
            np.zeros((width, 2), dtype=np.int64),
        )  # fmt: skip


def _grow(
    codes: Ranked,
    r: Floats,
    own: Labels,
    room: _Room,
    importances: Floats,
    rng: np.random.Generator,
) -> Labels:
    """Grow one tree on residuals r of a class, `own` its rows; return the splits."""
    _root(r, own, codes.bins, codes.starts, room.node, room.span, room.rows, room.hist)
    splits = np.full((DEPTH, 2**DEPTH, 2), -1, dtype=np.int64)
    for level in range(DEPTH):
        nodes = 2**level
        # A random order of codes for each node: ties are fair.
        shuffled = rng.random((nodes, len(importances))).argsort(axis=1)
        _find_splits(
            level, r, codes.ranks, codes.order, codes.starts, shuffled,
            room.node, room.span, room.hist, room.best, room.split,
        )  # fmt: skip
        found = room.split[:nodes].copy()
        used = found[:, 0] >= 0
        np.add.at(importances, found[used, 0], room.best[:nodes][used])
        splits[level, :nodes] = found
        _split_nodes(
            level, level == DEPTH - 1, r, codes.ranks, codes.bins,
            room.node, room.span, room.rows, room.spare, room.split, room.hist,
        )  # fmt: skip
    return splits


@Kernel
def _add_to_test(ranks, splits, steps, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the step of the leaf that each row's ranks (d, m) lead to."""
    for j in range(raw.size):
        g = 0
        for level in range(splits.shape[0]):
            i = splits[level, g, 0]
            right = i >= 0 and ranks[max(i, 0), j] > splits[level, g, 1]
            g = 2 * g + (1 if right else 0)
        raw[j] += steps[g]


@Kernel
def _residuals(raw, labels, chance, residual):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write probabilities and y - p of raw scores; all three are (classes, n)."""
    n = raw.shape[1]
    largest, total = raw[0].copy(), np.zeros(n)
    for c in range(1, raw.shape[0]):
        for j in range(n):
            largest[j] = max(largest[j], raw[c, j])
    for c in range(raw.shape[0]):
        for j in range(n):
            chance[c, j] = np.exp(raw[c, j] - largest[j])
            total[j] += chance[c, j]
    for c in range(raw.shape[0]):
        for j in range(n):
            chance[c, j] /= total[j]
            residual[c, j] = -chance[c, j]
    for j in range(n):
        residual[labels[j], j] += 1.0


@Kernel
def _find_splits(level, r, ranks, order, starts, shuffled, node, span, hist, best, split):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Find the best split of each node of a level: gains in best, code and rank in split.

    Histograms hold, per node, code and bin, the sum of residuals, that of the positive ones and the
    number of rows. The gain is convex in (sum, count) of the left side: inside a bin it is at most
    its largest value on the corners of the box that they can reach there, and rows are visited only
    where that beats the best split so far.
    """
    bins = starts.shape[1] - 1
    for g in range(2**level):
        best[g] = 0.0
        limit = 0.0
        split[g, 0] = -1
        size = float(span[g, 1] - span[g, 0])
        if size < 2.0:
            continue
        whole = 0.0
        for b in range(bins):
            whole += hist[g, 0, b, 0]
        for t in range(shuffled.shape[1]):
            i = shuffled[g, t]
            for visit in range(
                2
            ):  # first the edges of bins, then inside those that may hold better
                left, below = 0.0, 0.0
                for b in range(bins):
                    count = hist[g, i, b, 2]
                    if count == 0.0:
                        continue
                    total = hist[g, i, b, 0]
                    if visit == 0:
                        left += total
                        below += count
                        if below >= size:
                            break
                        gap = left * size - whole * below
                        scale = below * (size - below) * size
                        if gap * gap > limit * scale:
                            best[g] = gap * gap / scale
                            limit = best[g] * (1.0 + TIE)
                            split[g, 0] = i
                            split[g, 1] = ranks[i, order[i, starts[i, b + 1] - 1]]
                        continue
                    if count > 1.0:
                        low, high = max(below, 1.0), min(below + count, size - 1.0)
                        most = (left + hist[g, i, b, 1]) * size
                        least = (left + total - hist[g, i, b, 1]) * size
                        gap = max(abs(most - whole * low), abs(least - whole * low))
                        open_bin = gap * gap > limit * (low * (size - low) * size)
                        gap = max(abs(most - whole * high), abs(least - whole * high))
                        if open_bin or gap * gap > limit * (high * (size - high) * size):
                            sum_in, count_in, last = left, below, -1
                            for p in range(starts[i, b], starts[i, b + 1]):
                                row = order[i, p]
                                if node[row] != g:
                                    continue
                                rank = ranks[i, row]
                                if last >= 0 and rank != last:
                                    gap = sum_in * size - whole * count_in
                                    scale = count_in * (size - count_in) * size
                                    if gap * gap > limit * scale:
                                        best[g] = gap * gap / scale
                                        limit = best[g] * (1.0 + TIE)
                                        split[g, 0] = i
                                        split[g, 1] = last
                                sum_in += r[row]
                                count_in += 1.0
                                last = rank
                    left += total
                    below += count


@Kernel
def _split_nodes(level, last, r, ranks, bins, node, span, rows, spare, split, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Hand each node's rows to its children 2g and 2g + 1, and make their histograms unless `last`.

    From the last node on, so that children overwrite nothing. The smaller child is counted, the
    other is the rest.
    """
    parent = np.empty((hist.shape[2], 3))
    for g in range(2**level - 1, -1, -1):
        start, stop = span[g, 0], span[g, 1]
        i, cut = max(split[g, 0], 0), split[g, 1]
        middle, held = start, 0
        for p in range(start, stop):
            row = rows[p]
            if split[g, 0] >= 0 and ranks[i, row] > cut:
                spare[held] = row
                held += 1
                node[row] = 2 * g + 1
            else:
                rows[middle] = row
                middle += 1
                node[row] = 2 * g
        for p in range(held):
            rows[middle + p] = spare[p]
        span[2 * g, 0], span[2 * g, 1] = start, middle
        span[2 * g + 1, 0], span[2 * g + 1, 1] = middle, stop
        if last:
            continue
        small = 2 * g if middle - start < stop - middle else 2 * g + 1
        big = 4 * g + 1 - small
        for i in range(ranks.shape[0]):
            for b in range(hist.shape[2]):
                for t in range(3):
                    parent[b, t] = hist[g, i, b, t]
                    hist[small, i, b, t] = 0.0
            for p in range(span[small, 0], span[small, 1]):
                row = rows[p]
                b = bins[i, row]
                hist[small, i, b, 0] += r[row]
                hist[small, i, b, 1] += max(r[row], 0.0)
                hist[small, i, b, 2] += 1.0
            for b in range(hist.shape[2]):
                for t in range(3):
                    hist[big, i, b, t] = parent[b, t] - hist[small, i, b, t]


@Kernel
def _root(r, own, bins, starts, node, span, rows, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put all rows in node 0 and make its histogram; only the class's own rows have r > 0."""
    n = r.size
    span[0, 0], span[0, 1] = 0, n
    for j in range(n):
        rows[j] = j
        node[j] = 0
    for i in range(bins.shape[0]):
        for b in range(hist.shape[2]):
            hist[0, i, b, 0] = 0.0
            hist[0, i, b, 1] = 0.0
            hist[0, i, b, 2] = starts[i, b + 1] - starts[i, b]
        for j in range(n):
            hist[0, i, bins[i, j], 0] += r[j]
        for p in range(own.size):
            hist[0, i, bins[i, own[p]], 1] += r[own[p]]


@Kernel
def _step_leaves(r, chance, scale, span, rows, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add one Newton step a leaf to raw scores (n,); return the steps."""
    steps = np.zeros(span.shape[0])
    for g in range(span.shape[0]):
        above, below = 0.0, 0.0
        for p in range(span[g, 0], span[g, 1]):
            row = rows[p]
            above += r[row]
            below += chance[row] * (1.0 - chance[row])
        if below > 1e-150:  # the reference's own limit
            steps[g] = scale * above / below
        for p in range(span[g, 0], span[g, 1]):
            raw[rows[p]] += steps[g]
    return steps
