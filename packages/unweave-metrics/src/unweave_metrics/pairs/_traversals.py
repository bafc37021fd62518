"""Check attributes of decoded images along traversals of codes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import as_array, check_finite
from unweave_metrics._counting import Floats
from unweave_metrics._scaling import Exponents, in_reach


def check_traversals(
    positions: ArrayLike, attributes: ArrayLike, steps: int
) -> tuple[Floats, Floats]:
    """Return positions and attributes as arrays (n, k, t) with t at least `steps`.

    Positions of shape (t,) are those of every traversal.
    """
    a = as_array(attributes, "attributes").astype(np.float64)
    if a.ndim == 2:
        a = a[:, None, :]
    if a.ndim != 3 or a.size == 0 or a.shape[2] < steps:
        raise ValueError(
            f"attributes must have shape (n, k, t) or (n, t) with t at least {steps}, got "
            f"{np.shape(attributes)}"
        )
    z = as_array(positions, "positions").astype(np.float64)
    if z.ndim == 2:
        z = z[:, None, :]
    if z.ndim not in (1, 3) or z.shape[-1] != a.shape[2]:
        raise ValueError(
            f"positions must have shape (t,) or that of attributes, {a.shape}, got "
            f"{np.shape(positions)}"
        )
    check_finite(a, "attributes")
    check_finite(z, "positions")
    try:
        z = np.broadcast_to(z, a.shape)
    except ValueError:
        raise ValueError(
            f"positions must have shape (t,) or that of attributes, {a.shape}, got "
            f"{np.shape(positions)}"
        ) from None
    if (z[..., 1:] == z[..., :-1]).any():
        raise ValueError("positions must differ from step to step, got two equal ones in a row")
    return z, a


def each_in_reach(traversals: Floats) -> tuple[Floats, Exponents]:
    """Return scaled traversals (n, k, t), and exponents (n, k, 1) of the powers divided out."""
    n, k, t = traversals.shape
    values, powers = in_reach(traversals.reshape(-1, t).T)
    return values.T.reshape(n, k, t), powers.reshape(n, k, 1)


def mean_by_attribute(values: Floats) -> Floats:
    """Return the mean of the finite values (n, k) over traversals; NaN if there are none."""
    finite = np.isfinite(values)
    count = finite.sum(axis=0)
    total = np.where(finite, values, 0.0).sum(axis=0)
    return np.where(count > 0, total / np.where(count > 0, count, 1), np.nan)
