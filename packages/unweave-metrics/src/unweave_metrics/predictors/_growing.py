"""Kernels that grow one tree of gradient boosting: splits, histograms and leaves."""

from __future__ import annotations

import numpy as np

from unweave_metrics._compiled import Kernel

# Gains whose relative difference is below this are equal: two codes with the same partition have
# gains that differ by rounding.
TIE = 1e-10

# A bin is not searched if its gain cannot come within NEAR of the best so far. NEAR is far above
# TIE, so that all candidates of a tie are compared. ROUNDING bounds the relative error of sums.
NEAR, ROUNDING = 1e-9, 1e-12


@Kernel
def add_to_test(test, split, threshold, steps, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add to `raw` (m,) the step of the leaf that each column of test codes (d, m) reaches."""
    for j in range(raw.size):
        g = 0
        for level in range(split.shape[0]):
            # A node without a split has an infinite threshold: every row goes left.
            g = 2 * g + (test[max(split[level, g], 0), j] > threshold[level, g])
        raw[j] += steps[g]


@Kernel
def gains_at_edges(sums, counts, size, whole, edges):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write sum, count and gain below the upper edge of each bin; return the largest gain.

    The loops have no branches, so that the compiler vectorises them.
    """
    left, below = 0.0, 0.0
    for b in range(sums.size):
        left += sums[b]
        below += counts[b]
        edges[0, b], edges[1, b] = left, below
    for b in range(sums.size):
        gap = edges[0, b] * size - whole * edges[1, b]
        scale = edges[1, b] * (size - edges[1, b]) * size
        edges[2, b] = gap * gap / scale if scale > 0.0 else -1.0
    first, second, third, fourth = 0.0, 0.0, 0.0, 0.0
    for b in range(0, sums.size, 4):
        first, second = max(first, edges[2, b]), max(second, edges[2, b + 1])
        third, fourth = max(third, edges[2, b + 2]), max(fourth, edges[2, b + 3])
    return max(max(first, second), max(third, fourth))


@Kernel
def mark_open(sums, positive, counts, size, whole, slack, enough, edges):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write to edges[3] a number of at least 0 for each bin that may contain a better split.

    The gain is a convex function of sum and count of the left side. Inside a bin it is therefore at
    most its largest value at the corners of the box that contains them.
    """
    for b in range(sums.size):
        count = counts[b]
        left, below = edges[0, b] - sums[b], edges[1, b] - count
        low, high = max(below, 1.0), min(below + count, size - 1.0)
        most = (left + positive[b]) * size
        least = (edges[0, b] - positive[b]) * size
        near = max(abs(most - whole * low), abs(least - whole * low)) + slack
        far = max(abs(most - whole * high), abs(least - whole * high)) + slack
        near = near * near - enough * (low * (size - low) * size)
        far = far * far - enough * (high * (size - high) * size)
        edges[3, b] = max(near, far) if count > 1.0 else -1.0


@Kernel
def best_inside(  # type: ignore[no-untyped-def]  # noqa: ANN202
    g, start, stop, r, ranks, order, node, spare, left, below, size, whole, limit,  # noqa: ANN001
):  # fmt: skip
    """Return the best gain above `limit` of a split inside a bin, and its rank, or (0, -1).

    `left` and `below` are sum and count of the node's rows below the bin.
    """
    count = 0  # rows of the node; no branch, because it would be unpredictable
    for p in range(start, stop):
        spare[count] = order[p]
        count += node[order[p]] == g
    best, place, last = 0.0, -1, -1
    for p in range(count):
        row = spare[p]
        rank = ranks[row]
        if last >= 0 and rank != last:
            gap = left * size - whole * below
            scale = below * (size - below) * size
            if gap * gap > limit * scale:
                best, place = gap * gap / scale, last
                limit = best * (1.0 + TIE)
        left += r[row]
        below += 1.0
        last = rank
    return best, place


@Kernel
def find_splits(  # type: ignore[no-untyped-def]  # noqa: ANN202
    level, r, ranks, order, starts, code_orders, node, spare, span, hist, edges, best, split,  # noqa: ANN001
):  # fmt: skip
    """Find the best split of each node of a level; write gains to `best`, code and rank to `split`.

    Histograms (node, kind, code, bin) have three kinds: the sum of the residuals, the sum of the
    positive residuals and the number of rows. The search starts with the edges of the bins; rows
    are visited only in bins that may contain a better split. `edges` (code, 4, bin) is a buffer for
    `gains_at_edges` and `mark_open`, and `spare` is a buffer for rows.
    """
    for g in range(2**level):
        best[g], split[g, 0], limit = 0.0, -1, 0.0
        size = float(span[g, 1] - span[g, 0])
        if size < 2.0:
            continue
        sums, positive, counts = hist[g, 0], hist[g, 1], hist[g, 2]
        whole, most, floor = sums[0].sum(), positive[0].sum(), 0.0
        for i in range(ranks.shape[0]):
            floor = max(floor, gains_at_edges(sums[i], counts[i], size, whole, edges[i]))
        # A smaller gain is never the best; among nearly equal gains the order of codes decides.
        floor *= 1.0 - NEAR
        slack = ROUNDING * size * (2.0 * most - whole)
        for t in range(ranks.shape[0]):
            i = code_orders[g, t]
            for b in range(sums.shape[1]):  # first at the edges of bins
                if edges[i, 2, b] >= floor and edges[i, 2, b] > limit:
                    best[g] = edges[i, 2, b]
                    limit = best[g] * (1.0 + TIE)
                    split[g, 0], split[g, 1] = i, ranks[i, order[i, starts[i, b + 1] - 1]]
            enough = max(floor, limit * (1.0 - NEAR))
            mark_open(sums[i], positive[i], counts[i], size, whole, slack, enough, edges[i])
            for b in range(sums.shape[1]):  # then inside the bins that may contain a better split
                if edges[i, 3, b] >= 0.0:
                    gain, place = best_inside(
                        g, starts[i, b], starts[i, b + 1], r, ranks[i], order[i], node, spare,
                        edges[i, 0, b] - sums[i, b], edges[i, 1, b] - counts[i, b],
                        size, whole, limit,
                    )  # fmt: skip
                    if place >= 0:
                        best[g], limit = gain, gain * (1.0 + TIE)
                        split[g, 0], split[g, 1] = i, place


@Kernel
def split_nodes(level, last, r, ranks, bins, node, span, rows, spare, split, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Assign the rows of each node g to its children 2g and 2g + 1; make histograms unless `last`.

    The nodes are visited from the last to the first, so that no node is overwritten before its
    turn. The ranks below and above the threshold are written to split[g, 1:].
    """
    for g in range(2**level - 1, -1, -1):
        start, stop = span[g, 0], span[g, 1]
        i, cut = max(split[g, 0], 0), split[g, 1] if split[g, 0] >= 0 else ranks.shape[1]
        middle, count = start, 0
        below, above = -1, ranks.shape[1]
        for p in range(start, stop):
            row = rows[p]
            rank = ranks[i, row]
            right = 1 if rank > cut else 0
            spare[count], rows[middle] = row, row
            count += right
            middle += 1 - right
            node[row] = 2 * g + right
            above = min(above, rank if right else above)
            below = max(below, below if right else rank)
        for p in range(count):
            rows[middle + p] = spare[p]
        split[g, 1], split[g, 2] = below, above
        span[2 * g, 0], span[2 * g, 1] = start, middle
        span[2 * g + 1, 0], span[2 * g + 1, 1] = middle, stop
        if not last:
            halve(g, middle - start < stop - middle, r, bins, span, rows, hist)


@Kernel
def halve(g, first_is_small, r, bins, span, rows, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the histogram of the smaller child of node g; that of the other is the difference."""
    small = 2 * g if first_is_small else 2 * g + 1
    big = 4 * g + 1 - small
    parent = hist[g].copy()
    hist[small] = 0.0
    for p in range(span[small, 0], span[small, 1]):
        row = rows[p]
        residual = r[row]
        for i in range(bins.shape[1]):
            b = bins[row, i]
            hist[small, 0, i, b] += residual
            hist[small, 2, i, b] += 1.0
        if residual > 0.0:  # only for rows of the class
            for i in range(bins.shape[1]):
                hist[small, 1, i, bins[row, i]] += residual
    for kind in range(3):
        for i in range(bins.shape[1]):
            for b in range(hist.shape[3]):
                hist[big, kind, i, b] = parent[kind, i, b] - hist[small, kind, i, b]


@Kernel
def root(r, own, bins, starts, node, span, rows, hist):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Put all rows in node 0 and make its histogram; only `own` rows, of the class, have r > 0."""
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
def step_leaves(r, scale, span, rows, raw):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add one Newton step per leaf to the raw scores (n,); return the steps."""
    steps = np.zeros(span.shape[0])
    for g in range(span.shape[0]):
        above, below = 0.0, 0.0
        for p in range(span[g, 0], span[g, 1]):
            row = rows[p]
            above += r[row]
            below += abs(r[row]) * (1.0 - abs(r[row]))  # p (1 - p), as r is 1 - p or -p
        if below > 1e-150:  # the limit of the reference implementation
            steps[g] = scale * above / below
        for p in range(span[g, 0], span[g, 1]):
            raw[rows[p]] += steps[g]
    return steps


@Kernel
def add_trees(  # type: ignore[no-untyped-def]  # noqa: ANN202
    first, scale, residual, members, begins, ranks, values, order, bins, starts, test,  # noqa: ANN001
    code_orders, node, rows, spare, span, hist, edges, best, split, importances, raw, raw_test,  # noqa: ANN001
):  # fmt: skip
    """Grow one tree per class from `first` on; add its steps to raw scores, its gains to codes.

    The rows of class c are members[begins[c] : begins[c + 1]]. `code_orders` (tree, node, code) is
    a random order of the codes per node, which breaks ties fairly. A threshold is halfway between
    the two nearest values of the node on either side of it.
    """
    depth = int(np.log2(span.shape[0]))
    split_codes = np.empty((depth, span.shape[0]), dtype=np.int64)
    threshold = np.empty(split_codes.shape)
    for c in range(first, residual.shape[0]):
        r = residual[c]
        root(r, members[begins[c] : begins[c + 1]], bins, starts, node, span, rows, hist)
        split_codes[:], threshold[:] = -1, np.inf
        for level in range(depth):
            nodes = 2**level
            order_of_codes = code_orders[c - first, nodes - 1 :]
            find_splits(
                level, r, ranks, order, starts, order_of_codes, node, spare, span, hist, edges,
                best, split,
            )  # fmt: skip
            split_codes[level, :nodes] = split[:nodes, 0]
            split_nodes(
                level, level == depth - 1, r, ranks, bins, node, span, rows, spare, split, hist
            )
            for g in range(nodes):
                i = split_codes[level, g]
                if i >= 0:
                    importances[i] += best[g]
                    low, high = values[i, split[g, 1]], values[i, split[g, 2]]
                    threshold[level, g] = (np.float64(low) + np.float64(high)) / 2
        steps = step_leaves(r, scale, span, rows, raw[c])
        add_to_test(test, split_codes, threshold, steps, raw_test[c])
