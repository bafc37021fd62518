"""Estimate the information of one code about classes by nearest neighbours."""

from __future__ import annotations

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats

# Relative size of the noise that breaks ties, as in the program of the estimator's author.
JITTER = 1e-10


def class_information(code: Floats, label: Array, neighbors: int, jitter: Floats) -> float:
    """Estimate I(z; y) of a code and classes by nearest neighbours, in nats, at least 0.

    I = psi(n) + mean_j [psi(m_j) - psi(n_j) - psi(c_j)], where psi is the digamma function, n_j is
    the number of rows of the class of row j, m_j is the smaller of `neighbors` and n_j - 1, and c_j
    is the number of rows, row j included, that are nearer to row j than its m_j-th neighbour in its
    class. Rows that are the only one of their class are left out. Neighbours in one dimension
    follow from the sorted values: O(n log n) time, and distances are exact differences, not the
    rounded expansion of their squares.

    Parameters
    ----------
    code
        Values of the code, standardised or not, shape (n,).
    label
        Class of each row, from 0, shape (n,).
    neighbors
        Number of neighbours, at least 1.
    jitter
        Standard normal numbers, shape (n,). They are multiplied by 1e-10 times the mean magnitude
        of the standardised code (at least 1) and added to it.

    References
    ----------
    B. Ross, "Mutual information between discrete and continuous data sets", 2014.
    """
    from scipy.special import digamma

    spread = code.std()
    values = code / spread if spread > 0 else code
    values = values + JITTER * max(1.0, float(np.abs(values).mean())) * jitter
    counts = np.bincount(label)
    several = counts[label] > 1
    values, label = values[several], label[several].astype(np.int64)
    if len(values) == 0:
        return 0.0
    order = np.argsort(values, kind="stable")
    line, own = values[order], label[order]
    by_class = np.argsort(own, kind="stable")
    radius, closer = np.empty(len(line)), np.empty(len(line), dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=len(counts)))])
    _class_radii(line, by_class, starts.astype(np.int64), neighbors, radius)
    # The largest float below the radius, so that only strictly nearer rows count.
    _count_within(line, np.nextafter(radius, 0.0), closer)
    of_class = counts[own]
    value = (
        digamma(len(line))
        + digamma(np.minimum(neighbors, of_class - 1)).mean()
        - digamma(of_class).mean()
        - digamma(closer).mean()
    )
    return max(0.0, float(value))


@Kernel
def _class_radii(line, by_class, starts, neighbors, radius):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write the distance of each row to its m-th neighbour in its class to `radius`.

    `line` is ascending; `by_class` holds the indices of each class in it, also ascending. The m
    nearest rows of a row are in one window around it.
    """
    for c in range(starts.size - 1):
        first, last = starts[c], starts[c + 1]
        m = min(neighbors, last - first - 1)
        low = first
        for j in range(first, last):
            here = line[by_class[j]]
            low = max(low, j - m, first)
            while (
                low + m + 1 < last
                and low < j
                and (line[by_class[low + m + 1]] - here < here - line[by_class[low]])
            ):
                low += 1
            left = here - line[by_class[low]]
            right = line[by_class[low + m]] - here
            radius[by_class[j]] = max(left, right)


@Kernel
def _count_within(line, radius, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the rows within the radius of each row, itself included."""
    n = line.size
    for j in range(n):
        here = line[j]
        low, high = 0, j  # binary search for the first row within the radius
        while low < high:
            middle = (low + high) // 2
            if here - line[middle] <= radius[j]:
                high = middle
            else:
                low = middle + 1
        first = low
        low, high = j, n - 1  # and for the last
        while low < high:
            middle = (low + high + 1) // 2
            if line[middle] - here <= radius[j]:
                low = middle
            else:
                high = middle - 1
        out[j] = low - first + 1
