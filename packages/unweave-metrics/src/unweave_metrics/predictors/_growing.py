"""Kernels that grow one tree of a boosted classifier: splits, histograms, leaves."""

from __future__ import annotations

import numpy as np

from unweave_metrics._compiled import Kernel

# Gains of one partition by two codes differ by rounding; within this ratio they are equal.
TIE = 1e-10

# Bins whose gain cannot come within this ratio of the best so far are left out of the search; it is
# far above TIE, so that what ties is decided among all candidates. Sums differ by rounding.
NEAR, ROUNDING = 1e-9, 1e-12


@Kernel
def add_to_test(test, split, threshold, steps, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the step of the leaf that each column of test codes (d, m) leads to."""
    for j in range(raw.size):
        g = 0
        for level in range(split.shape[0]):
            # The threshold of a node that is not split is infinite: all go left.
            g = 2 * g + (test[max(split[level, g], 0), j] > threshold[level, g])
        raw[j] += steps[g]


@Kernel
def find_splits(  # type: ignore[no-untyped-def]  # noqa: ANN202
    level, r, ranks, order, starts, shuffled, node, spare, span, hist, edges, best, split,  # noqa: ANN001
):  # fmt: skip
    """Find the best split of each node of a level: gains in best, code and rank in split.

    Histograms (node, kind, code, bin) hold the sum of residuals, that of the positive ones and the
    number of rows. The gain is convex in (sum, count) of the left side: inside a bin it is at most
    its largest value on the corners of the box that they can reach there. So the best edge of a bin
    of any code is found first, and rows are visited only in bins that may hold a better split.
    `edges` (code, 3, bin) is room for sum and count below the upper edge of a bin, and its gain;
    `spare` is room for rows.
    """
    codes, bins = ranks.shape[0], starts.shape[1] - 1
    for g in range(2**level):
        best[g] = 0.0
        limit = 0.0
        split[g, 0] = -1
        size = float(span[g, 1] - span[g, 0])
        if size < 2.0:
            continue
        whole, positive = 0.0, 0.0
        for b in range(bins):
            whole += hist[g, 0, 0, b]
            positive += hist[g, 1, 0, b]
        floor = 0.0
        for i in range(codes):
            left, below = 0.0, 0.0
            for b in range(bins):
                count = hist[g, 2, i, b]
                edges[i, 2, b] = -1.0
                if count > 0.0:
                    left += hist[g, 0, i, b]
                    below += count
                    if below < size:
                        gap = left * size - whole * below
                        edges[i, 2, b] = gap * gap / (below * (size - below) * size)
                        floor = max(floor, edges[i, 2, b])
                edges[i, 0, b], edges[i, 1, b] = left, below
        # What is less than this is never the best, and what is nearly equal goes by the order.
        floor *= 1.0 - NEAR
        slack = ROUNDING * size * (2.0 * positive - whole)
        for t in range(codes):
            i = shuffled[g, t]
            for b in range(bins):  # first the edges of bins
                if edges[i, 2, b] >= floor:
                    below = edges[i, 1, b]
                    gap = edges[i, 0, b] * size - whole * below
                    scale = below * (size - below) * size
                    if gap * gap > limit * scale:
                        best[g] = gap * gap / scale
                        limit = best[g] * (1.0 + TIE)
                        split[g, 0] = i
                        split[g, 1] = ranks[i, order[i, starts[i, b + 1] - 1]]
            enough = max(floor, limit * (1.0 - NEAR))
            for b in range(bins):  # then inside those that may hold better
                count = hist[g, 2, i, b]
                if count <= 1.0:
                    continue
                left = edges[i, 0, b - 1] if b > 0 else 0.0
                below = edges[i, 1, b - 1] if b > 0 else 0.0
                low, high = max(below, 1.0), min(below + count, size - 1.0)
                most = (left + hist[g, 1, i, b]) * size
                least = (left + hist[g, 0, i, b] - hist[g, 1, i, b]) * size
                gap = max(abs(most - whole * low), abs(least - whole * low)) + slack
                opened = gap * gap >= enough * (low * (size - low) * size)
                gap = max(abs(most - whole * high), abs(least - whole * high)) + slack
                if not (opened or gap * gap >= enough * (high * (size - high) * size)):
                    continue
                held = 0  # the node's rows, without a branch that nobody could foresee
                for p in range(starts[i, b], starts[i, b + 1]):
                    spare[held] = order[i, p]
                    held += node[order[i, p]] == g
                sum_in, count_in, last = left, below, -1
                for p in range(held):
                    row = spare[p]
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


@Kernel
def split_nodes(level, last, r, ranks, bins, node, span, rows, spare, split, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Hand each node's rows to its children 2g and 2g + 1, and make their histograms unless `last`.

    From the last node on, so that children overwrite nothing. The smaller child is counted, the
    other is the rest. The ranks on both sides of the cut are written to split[g, 1:].
    """
    for g in range(2**level - 1, -1, -1):
        start, stop = span[g, 0], span[g, 1]
        i, cut = max(split[g, 0], 0), split[g, 1] if split[g, 0] >= 0 else ranks.shape[1]
        middle, held = start, 0
        below, above = -1, ranks.shape[1]
        for p in range(start, stop):
            row = rows[p]
            rank = ranks[i, row]
            right = 1 if rank > cut else 0
            spare[held], rows[middle] = row, row
            held += right
            middle += 1 - right
            node[row] = 2 * g + right
            above = min(above, rank if right else above)
            below = max(below, below if right else rank)
        for p in range(held):
            rows[middle + p] = spare[p]
        split[g, 1], split[g, 2] = below, above
        span[2 * g, 0], span[2 * g, 1] = start, middle
        span[2 * g + 1, 0], span[2 * g + 1, 1] = middle, stop
        if last:
            continue
        small = 2 * g if middle - start < stop - middle else 2 * g + 1
        big = 4 * g + 1 - small
        parent = hist[g].copy()
        hist[small] = 0.0
        for p in range(span[small, 0], span[small, 1]):
            row = rows[p]
            for i in range(bins.shape[1]):
                b = bins[row, i]
                hist[small, 0, i, b] += r[row]
                hist[small, 1, i, b] += max(r[row], 0.0)
                hist[small, 2, i, b] += 1.0
        for t in range(3):
            for i in range(bins.shape[1]):
                for b in range(hist.shape[3]):
                    hist[big, t, i, b] = parent[t, i, b] - hist[small, t, i, b]


@Kernel
def root(r, own, bins, starts, node, span, rows, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put all rows in node 0 and make its histogram; only the class's own rows have r > 0."""
    n, codes = bins.shape
    span[0, 0], span[0, 1] = 0, n
    for i in range(codes):
        for b in range(hist.shape[3]):
            hist[0, 0, i, b] = 0.0
            hist[0, 1, i, b] = 0.0
            hist[0, 2, i, b] = starts[i, b + 1] - starts[i, b]
    for j in range(n):
        rows[j] = j
        node[j] = 0
        for i in range(codes):
            hist[0, 0, i, bins[j, i]] += r[j]
    for p in range(own.size):
        for i in range(codes):
            hist[0, 1, i, bins[own[p], i]] += r[own[p]]


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


@Kernel
def add_trees(  # type: ignore[no-untyped-def]  # noqa: ANN202
    first, scale, residual, chance, members, begins, ranks, values, order, bins, starts, test,  # noqa: ANN001
    shuffled, node, rows, spare, span, hist, edges, best, split, importances, raw, raw_test,  # noqa: ANN001
):  # fmt: skip
    """Grow the tree of each class from `first` on; add its steps to raw scores, gains to codes.

    The rows of class c are members[begins[c] : begins[c + 1]]; `shuffled` (tree, node, code) holds
    a random order of codes for each node, so that ties are fair. A threshold is in the middle
    between the two values of the node that it parts.
    """
    depth = int(np.log2(span.shape[0]))
    chosen = np.empty((depth, span.shape[0]), dtype=np.int64)
    threshold = np.empty(chosen.shape)
    for c in range(first, residual.shape[0]):
        r = residual[c]
        root(r, members[begins[c] : begins[c + 1]], bins, starts, node, span, rows, hist)
        chosen[:], threshold[:] = -1, np.inf
        for level in range(depth):
            nodes = 2**level
            order_of_codes = shuffled[c - first, nodes - 1 :]
            find_splits(
                level, r, ranks, order, starts, order_of_codes, node, spare, span, hist, edges,
                best, split,
            )  # fmt: skip
            chosen[level, :nodes] = split[:nodes, 0]
            split_nodes(
                level, level == depth - 1, r, ranks, bins, node, span, rows, spare, split, hist
            )
            for g in range(nodes):
                i = chosen[level, g]
                if i >= 0:
                    importances[i] += best[g]
                    low, high = values[i, split[g, 1]], values[i, split[g, 2]]
                    threshold[level, g] = (np.float64(low) + np.float64(high)) / 2
        steps = step_leaves(r, chance[c], scale, span, rows, raw[c])
        add_to_test(test, chosen, threshold, steps, raw_test[c])
