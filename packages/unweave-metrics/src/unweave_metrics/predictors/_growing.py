"""Kernels that grow one tree of a boosted classifier: splits, histograms, leaves."""

from __future__ import annotations

import numpy as np

from unweave_metrics._compiled import Kernel

# Gains of one partition by two codes differ by rounding; within this ratio they are equal.
TIE = 1e-10


@Kernel
def add_to_test(test, split, threshold, steps, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the step of the leaf that each column of test codes (d, m) leads to."""
    for j in range(raw.size):
        g = 0
        for level in range(split.shape[0]):
            i = split[level, g]
            right = i >= 0 and test[max(i, 0), j] > threshold[level, g]
            g = 2 * g + (1 if right else 0)
        raw[j] += steps[g]


@Kernel
def find_splits(level, r, ranks, order, starts, shuffled, node, span, hist, best, split):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
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
def split_nodes(level, last, r, ranks, bins, node, span, rows, spare, split, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Hand each node's rows to its children 2g and 2g + 1, and make their histograms unless `last`.

    From the last node on, so that children overwrite nothing. The smaller child is counted, the
    other is the rest. The ranks on both sides of the cut are written to split[g, 1:].
    """
    parent = np.empty((hist.shape[2], 3))
    for g in range(2**level - 1, -1, -1):
        start, stop = span[g, 0], span[g, 1]
        i, cut = max(split[g, 0], 0), split[g, 1]
        middle, held = start, 0
        below, above = -1, ranks.shape[1]
        for p in range(start, stop):
            row = rows[p]
            if split[g, 0] >= 0 and ranks[i, row] > cut:
                spare[held] = row
                held += 1
                node[row] = 2 * g + 1
                above = min(above, ranks[i, row])
            else:
                rows[middle] = row
                middle += 1
                node[row] = 2 * g
                below = max(below, ranks[i, row])
        for p in range(held):
            rows[middle + p] = spare[p]
        split[g, 1], split[g, 2] = below, above
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
def root(r, own, bins, starts, node, span, rows, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
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
def step_leaves(r, chance, scale, span, rows, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
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
