"""Whether attributes change evenly along a traversal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._counting import Floats
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.pairs._traversals import check_traversals, each_in_reach
from unweave_metrics.score import Score


@metric(
    "attributes that change evenly along traversals",
    interval=Rows(),
    cost="O(n k t)",
    rewards="slopes that change little from step to step",
    misses="whether anything changes: a constant attribute counts 1",
)
def smoothness(positions: ArrayLike, attributes: ArrayLike) -> Score:
    """Compute the smoothness of attributes along traversals of the codes that control them.

    With slopes D_t = (a_{t+1} - a_t) / (z_{t+1} - z_t), their changes C_t = (D_{t+1} - D_t) / h and
    the step h, smoothness = 1 - h (sum C_t^2 / sum |C_t|) / (max D - min D), averaged over
    traversals, then over attributes. Range 0 to 1, best 1, for a straight line.

    Parameters
    ----------
    positions
        Equally spaced positions of the code that controls each attribute, shape (n, k, t), (n, t)
        or (t,).
    attributes
        Attributes measured there, shape (n, k, t), or (n, t) for one attribute; t at least 3.

    Returns
    -------
    Score, with parts `per_factor` (k,) and `per_traversal` (n, k).

    Raises
    ------
    ValueError
        For inconsistent shapes, unequal steps, NaN or infinite values.

    References
    ----------
    K. N. Watcharasupat, "Controllable music: supervised learning of disentangled representations
    for music generation", 2021; the mean of sum C^2 / sum |C| as in the program of that author.

    Examples
    --------
    >>> z = np.linspace(-1, 1, 5)
    >>> float(smoothness(z, 2 * z[None]))
    1.0
    """
    z, a = check_traversals(positions, attributes, 3)
    z, a = (each_in_reach(part)[0] for part in (z, a))  # only proportions count
    steps = np.diff(z, axis=2)
    if not np.allclose(steps, steps[..., :1], atol=0):
        raise ValueError("positions must be equally spaced, got unequal steps")
    slopes = np.diff(a, axis=2) / steps
    each = 1 - steps[..., 0] * _unevenness(np.diff(slopes, axis=2) / steps[..., :1], slopes)
    per_factor = each.mean(axis=0)
    parts = {"per_factor": per_factor, "per_traversal": each}
    return Score(per_factor.mean(), name="smoothness", parts=parts, settings={"rows": len(a)})


def _unevenness(changes: Floats, slopes: Floats) -> Floats:
    """Return (sum C^2 / sum |C|) over the range of the slopes; 0 if the slopes are equal.

    Slopes whose range is below 1e-9 of the steepest one differ only by rounding, and are equal.
    """
    size = np.abs(changes)
    total = size.sum(axis=2)
    mean = (size**2).sum(axis=2) / np.where(total > 0, total, 1.0)
    width = np.ptp(slopes, axis=2)
    even = width <= 1e-9 * np.abs(slopes).max(axis=2)
    return np.where(even, 0.0, mean / np.where(even, 1.0, width))
