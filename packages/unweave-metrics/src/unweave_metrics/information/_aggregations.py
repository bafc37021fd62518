"""Scores of a matrix (d, k) of importances or of information of codes about factors."""

from __future__ import annotations

import numpy as np

from unweave_metrics._counting import Floats


def entropy_of_shares(matrix: Floats) -> Floats:
    """Return 1 - H_K of the shares of each row, to the base K of their number; 0 for zero rows."""
    total = matrix.sum(axis=1, keepdims=True)
    share = matrix / np.where(total > 0, total, 1.0)
    terms = share * np.log(np.where(share > 0, share, 1.0))
    certainty = 1 + terms.sum(axis=1) / np.log(matrix.shape[1])
    return np.where(total[:, 0] > 0, certainty, 0.0)


def disentanglement(matrix: Floats) -> tuple[Floats, float]:
    """Return 1 - entropy of each row (d,), and the mean weighted by the sums of the rows."""
    per_row, weight = entropy_of_shares(matrix), matrix.sum(axis=1)
    total = float(weight.sum())
    return per_row, float((per_row * weight).sum() / total) if total > 0 else 0.0


def shares_of_factors(matrix: Floats) -> Floats:
    """Divide each column by its sum; a column of zeros stays as it is."""
    total = matrix.sum(axis=0)
    return np.asarray(matrix / np.where(total > 0, total, 1.0))


def modular(matrix: Floats) -> tuple[Floats, float]:
    """Return m_i = 1 - (sum_k r_ik^2 - largest) / ((K - 1) largest) of each row, and their mean.

    `largest` is the largest square of the row. A row of zeros has m_i = 0.
    """
    largest = matrix.max(axis=1)
    squares = (matrix / np.where(largest > 0, largest, 1.0)[:, None]) ** 2
    others = squares.sum(axis=1) - 1
    per_row = np.where(largest > 0, 1 - others / (matrix.shape[1] - 1), 0.0)
    return per_row, float(per_row.mean())


def independent_groups(matrix: Floats) -> tuple[Floats, Floats]:
    """Return the different values of the matrix, and the number of groups at each as threshold.

    The graph at a threshold links code i and factor k if their entry is at least the threshold. A
    group is a connected component with at least one code and one factor.
    """
    thresholds = np.unique(matrix)
    return thresholds, np.array([float(_groups(matrix >= t)) for t in thresholds])


def _groups(linked: np.ndarray[tuple[int, int], np.dtype[np.bool_]]) -> int:
    """Return the number of connected components with at least one row and one column."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    d, k = linked.shape
    rows, columns = np.nonzero(linked)
    graph = coo_matrix((np.ones(len(rows)), (rows, columns + d)), shape=(d + k, d + k))
    _, group = connected_components(graph, directed=False)
    return len(np.intersect1d(group[:d], group[d:]))


def precision_area_of(matrix: Floats) -> float:
    """Return the integral of the number of groups over the threshold, by the trapezoid rule."""
    thresholds, groups = independent_groups(matrix)
    return float((np.diff(thresholds) * (groups[1:] + groups[:-1]) / 2).sum())
