"""Whether attributes rise or fall along a whole traversal."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_positive
from unweave_metrics._scaling import shifted
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.pairs._traversals import check_traversals, each_in_reach, mean_by_attribute
from unweave_metrics.score import Score


@metric(
    "attributes that rise along traversals",
    interval=Rows(),
    bounds=(-1.0, 1.0),
    cost="O(n k t)",
    rewards="attributes that only rise, or only fall (-1)",
    misses="how far they move, and what else moves",
    undefined="no attribute moves along any traversal",
)
def monotonicity(positions: ArrayLike, attributes: ArrayLike, *, threshold: float = 1e-3) -> Score:
    """Compute the monotonicity of attributes along traversals of the codes that control them.

    D_t = (a_{t+1} - a_t) / (z_{t+1} - z_t), where a is the attribute measured on the image decoded
    at position z. Monotonicity = sum_t sign(D_t) / #{t}, over steps with |D_t| above `threshold`,
    averaged over traversals, then over attributes. Range -1 (falls everywhere) to 1 (rises
    everywhere). A traversal along which nothing changes is left out; if nothing changes at all:
    NaN.

    Parameters
    ----------
    positions
        Positions of the code that controls each attribute, shape (n, k, t), (n, t) or (t,).
    attributes
        Attributes measured there, shape (n, k, t), or (n, t) for one attribute; t at least 2.
    threshold
        Smaller slopes count as noise.

    Returns
    -------
    Score, with parts `per_factor` (k,) and `per_traversal` (n, k).

    Raises
    ------
    ValueError
        For inconsistent shapes, equal positions, NaN or infinite values.

    References
    ----------
    K. N. Watcharasupat, "Controllable music: supervised learning of disentangled representations
    for music generation", 2021.

    Examples
    --------
    >>> z = np.linspace(-1, 1, 5)
    >>> float(monotonicity(z, np.stack([z**3, -z])[None]))
    0.0
    """
    check_positive(threshold, "threshold", 0)
    z, a = check_traversals(positions, attributes, 2)
    (z, power), (a, other) = each_in_reach(z), each_in_reach(a)
    steps, rises = np.diff(z, axis=2), np.diff(a, axis=2)
    with np.errstate(over="ignore"):  # a slope beyond the largest float has its sign
        # A step that is 0 relative to the others is left out.
        slopes = np.divide(rises, steps, out=np.zeros_like(rises), where=steps != 0)
    least = shifted(np.full(power.shape, float(threshold)), power - other)
    signs = np.where(np.abs(slopes) > least, np.sign(slopes), 0.0)
    moving = (signs != 0).sum(axis=2)
    each = np.where(moving > 0, signs.sum(axis=2) / np.where(moving > 0, moving, 1), np.nan)
    per_factor = mean_by_attribute(each)
    finite = per_factor[np.isfinite(per_factor)]
    value = float(finite.mean()) if len(finite) else float("nan")
    parts = {"per_factor": per_factor, "per_traversal": each}
    settings = {"threshold": threshold, "rows": len(a)}
    return Score(value, name="monotonicity", parts=parts, settings=settings)
