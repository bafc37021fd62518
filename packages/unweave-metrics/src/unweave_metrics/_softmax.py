"""Kernels of the softmax: probabilities of columns of logits, and the loss of a linear model."""

from __future__ import annotations

import math

import numpy as np

from unweave_metrics._compiled import Kernel

# Number of columns per block: eight of the widest registers, and a block of 40 classes stays in
# the first-level cache.
COLUMNS = 64

# exp(x) = 2^k exp(r), x = k ln 2 + r: ln 2 in two parts, whose first times k is exact (W. J. Cody,
# W. Waite, "Software manual for the elementary functions", 1980), and the Taylor series of exp(r)
# for |r| <= ln 2 / 2, whose remainder is below 1e-17. The sum of ROUNDER and a number below 2^51
# has the nearest integer in its lowest bits. exp(LEAST) is close to the smallest normal number.
PER_LN2, LN2_HIGH, LN2_LOW = 1 / math.log(2), 6.93147180369123816490e-01, 1.90821492927058770002e-10
ROUNDER, LEAST = 1.5 * 2.0**52, -708.0
T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13 = (1 / math.factorial(i) for i in range(3, 14))
MANTISSA, BIAS = 52, 1023


@Kernel
def exponentiate(values, powers, bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Replace numbers of at most 0 by their exponentials, accurate to the last bit but one.

    There are no branches, so that the compiler vectorises the loops. `powers` is a buffer, and
    `bits` is a view of it as integers. (The compiler would unroll loops of constant length, and
    would then take ten times as long.)
    """
    for p in range(values.size):
        values[p] = max(values[p], LEAST)
        powers[p] = values[p] * PER_LN2 + ROUNDER
    for p in range(values.size):
        k = powers[p] - ROUNDER
        r = (values[p] - k * LN2_HIGH) - k * LN2_LOW
        rest = ((((T13 * r + T12) * r + T11) * r + T10) * r + T9) * r + T8
        rest = (((((rest * r + T7) * r + T6) * r + T5) * r + T4) * r + T3) * r + 0.5
        values[p] = rest * r * r + r + 1.0
    for p in range(values.size):
        bits[p] = (bits[p] + BIAS) << MANTISSA
    for p in range(values.size):
        values[p] *= powers[p]


@Kernel
def chances(block, largest, total, powers, bits):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Replace logits (classes, COLUMNS) by exp(logit - largest); write `largest` and `total`.

    `largest` and `total` are the maximum and the sum of the exponentials of each column.
    """
    largest[:], total[:] = -np.inf, 0.0
    for c in range(block.shape[0]):
        for p in range(total.size):
            largest[p] = max(largest[p], block[c, p])
    for c in range(block.shape[0]):
        for p in range(total.size):
            block[c, p] -= largest[p]
        exponentiate(block[c], powers, bits)
        for p in range(total.size):
            total[p] += block[c, p]


@Kernel
def softmax(logits, chance):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the softmax of each column of logits (classes, n) to `chance`."""
    classes, n = logits.shape
    block = np.zeros((classes, COLUMNS))
    largest, total, powers = np.empty(COLUMNS), np.empty(COLUMNS), np.empty(COLUMNS)
    bits = powers.view(np.int64)
    for start in range(0, n, COLUMNS):
        m = min(COLUMNS, n - start)
        for c in range(classes):
            for p in range(m):
                block[c, p] = logits[c, start + p]
        chances(block, largest, total, powers, bits)
        for c in range(classes):
            for p in range(m):
                chance[c, start + p] = block[c, p] / total[p]


@Kernel
def loss_and_gradient(x, y, weight, w, gradient):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Return the weighted cross-entropy of classes y (n,), summed; add its gradient to `gradient`.

    The last column of x (n or more, d + 1) is 1 for the first n rows; zero rows follow up to a
    multiple of COLUMNS. `gradient` has shape (classes, d + 1).
    """
    n, classes = y.size, w.shape[0]
    block, part = np.empty((classes, COLUMNS)), np.empty(gradient.shape)
    largest, total, powers = np.empty(COLUMNS), np.empty(COLUMNS), np.empty(COLUMNS)
    bits = powers.view(np.int64)
    loss = 0.0
    for start in range(0, n, COLUMNS):
        rows = x[start : start + COLUMNS]
        m = min(COLUMNS, n - start)
        np.dot(w, rows.T, block)
        for p in range(m):
            loss -= weight[y[start + p]] * block[y[start + p], p]
        chances(block, largest, total, powers, bits)
        for p in range(m):
            factor = weight[y[start + p]]
            loss += factor * (np.log(total[p]) + largest[p])
            total[p] = factor / total[p]
        for c in range(classes):
            for p in range(total.size):
                block[c, p] *= total[p]
        for p in range(m):
            block[y[start + p], p] -= weight[y[start + p]]
        np.dot(block, rows, part)  # the rows after n are zero
        gradient += part
    return loss
