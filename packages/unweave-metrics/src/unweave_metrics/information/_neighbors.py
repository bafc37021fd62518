"""Information of one code about classes by nearest neighbours, exact on a line."""

from __future__ import annotations

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats

# As the estimator's authors break ties: noise this far below the codes' size.
JITTER = 1e-10


def class_information(code: Floats, label: Array, neighbors: int, jitter: Floats) -> float:
    """Estimate I(z; y) of a code and classes by nearest neighbours, in nats, at least 0.

    I = psi(n) + mean_j psi(m_j) - psi(n_j) - psi(c_j): n_j rows are of row j's class, m_j is the
    smaller of `neighbors` and n_j - 1, and c_j rows, itself too, are nearer to row j than its
    m_j-th neighbour in its class. Rows that are alone in their class are left out. On a line
    neighbours are found by order: O(n log n) time, and distances are differences, not the rounded
    expansion of their squares.

    Parameters
    ----------
    code
        Standardised or not, shape (n,).
    label : classes, 0 upward, shape (n,)
    neighbors
        At least 1.
    jitter
        Standard normal numbers, shape (n,): 1e-10 of them times the code's size is added.

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
    grouped = np.argsort(own, kind="stable")
    radius, closer = np.empty(len(line)), np.empty(len(line), dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(np.bincount(own, minlength=len(counts)))])
    _class_radii(line, grouped, starts.astype(np.int64), neighbors, radius)
    # Strictly nearer, where not all are at one place.
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
def _class_radii(line, grouped, starts, neighbors, radius):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Write each row's distance to its m-th neighbour in its class.

    `line` rises; `grouped` holds the places of each class in it, rising too. The m nearest of a row
    are one window round it.
    """
    for c in range(starts.size - 1):
        first, last = starts[c], starts[c + 1]
        m = min(neighbors, last - first - 1)
        low = first
        for j in range(first, last):
            here = line[grouped[j]]
            low = max(low, j - m, first)
            while (
                low + m + 1 < last
                and low < j
                and (line[grouped[low + m + 1]] - here < here - line[grouped[low]])
            ):
                low += 1
            left = here - line[grouped[low]]
            right = line[grouped[low + m]] - here
            radius[grouped[j]] = max(left, right)


@Kernel
def _count_within(line, radius, out):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the rows within the radius of each row, itself too."""
    n = line.size
    for j in range(n):
        here = line[j]
        low, high = 0, j  # the first place that is near enough
        while low < high:
            middle = (low + high) // 2
            if here - line[middle] <= radius[j]:
                high = middle
            else:
                low = middle + 1
        first = low
        low, high = j, n - 1  # the last one
        while low < high:
            middle = (low + high + 1) // 2
            if line[middle] - here <= radius[j]:
                low = middle
            else:
                high = middle - 1
        out[j] = low - first + 1
