"""Check two sets of features."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_matrix
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import together_in_reach


def check_two(x: ArrayLike, y: ArrayLike, rows: int = 2) -> tuple[Floats, Floats, int]:
    """Return both sets as float64 arrays (n, d) and (m, d), scaled so that squares do not overflow.

    Both are divided by 2^power; the power is returned too, and is 0 for ordinary numbers.
    """
    first = check_matrix(x, "x", rows=rows)
    second = check_matrix(y, "y", rows=rows)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"y must have as many columns as x ({first.shape[1]}), got shape {second.shape}"
        )
    (first, second), power = together_in_reach(first, second)
    return first, second, power


def pair_mean(kernel: Floats, unbiased: bool) -> float:
    """Return the mean of a square matrix, without its diagonal if unbiased."""
    n = len(kernel)
    if not unbiased:
        return float(kernel.mean())
    return float((kernel.sum() - np.trace(kernel)) / (n * (n - 1)))
