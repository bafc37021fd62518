"""Attributes measured along traversals: what a decoder makes of codes moved step by step."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import as_array, check_finite
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import Exponents, in_reach


def check_traversals(
    positions: ArrayLike, attributes: ArrayLike, steps: int
) -> tuple[Floats, Floats]:
    """Return positions and attributes as arrays (n, k, t) with at least so many steps.

    Positions (t,) hold for every traversal.
    """
    measured = as_array(attributes, "attributes").astype(np.float64)
    if measured.ndim == 2:
        measured = measured[:, None, :]
    if measured.ndim != 3 or measured.size == 0 or measured.shape[2] < steps:
        raise ValueError(
            f"attributes must have shape (n, k, t) or (n, t) with t at least {steps}, got "
            f"{np.shape(attributes)}"
        )
    moved = as_array(positions, "positions").astype(np.float64)
    if moved.ndim == 2:
        moved = moved[:, None, :]
    if moved.ndim not in (1, 3) or moved.shape[-1] != measured.shape[2]:
        raise ValueError(
            f"positions must have shape (t,) or that of attributes {measured.shape}, got "
            f"{np.shape(positions)}"
        )
    check_finite(measured, "attributes")
    check_finite(moved, "positions")
    try:
        moved = np.broadcast_to(moved, measured.shape)
    except ValueError:
        raise ValueError(
            f"positions must have shape (t,) or that of attributes {measured.shape}, got "
            f"{np.shape(positions)}"
        ) from None
    if (moved[..., 1:] == moved[..., :-1]).any():
        raise ValueError("positions must differ from step to step, got the same position twice")
    return moved, measured


def each_in_reach(traversals: Floats) -> tuple[Floats, Exponents]:
    """Return traversals (n, k, t), each within reach of squares, and powers (n, k, 1) taken out."""
    n, k, t = traversals.shape
    values, powers = in_reach(traversals.reshape(-1, t).T)
    return values.T.reshape(n, k, t), powers.reshape(n, k, 1)


def mean_by_attribute(values: Floats) -> Floats:
    """Return the mean over traversals (n, k) of those that are known; NaN where none is."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
