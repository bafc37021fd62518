"""The number of codes that vary over the data."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_codes
from unweave_metrics._scaling import shifted
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._moments import moments_of


@metric(
    "number of codes that vary",
    interval=Rows(method="percentile"),
    best="-",
    bounds=UPWARD,
    usual=True,
    cost="O(n d)",
    rewards="nothing: a count",
    misses="-",
)
def active_units(codes: ArrayLike, *, threshold: float = 0.01) -> Score:
    """Count the codes whose mean varies over the data.

    The score is the number of codes with Var(z_i) > `threshold` (in squared units of the codes),
    where codes are posterior means. Range 0 to d; neither more nor fewer is better in itself.

    Parameters
    ----------
    codes : float array, shape (n, d)
    threshold
        Codes with a larger variance are active.

    Returns
    -------
    Score, with parts `active` (d,) and `variances` (d,); a variance that overflows is infinite.

    Raises
    ------
    ValueError
        For NaN or infinite values, a negative threshold.

    References
    ----------
    Y. Burda, R. Grosse, R. Salakhutdinov, "Importance weighted autoencoders", 2016, sect. 5.

    Examples
    --------
    >>> codes = np.random.default_rng(0).normal(size=(100, 3)) * [1, 0.01, 1]
    >>> float(active_units(codes))
    2.0
    """
    moments = moments_of(check_codes(codes))
    variances = shifted(moments.variances, 2 * moments.powers)
    active = variances > threshold
    return Score(
        active.sum(),
        name="active_units",
        parts={"active": active, "variances": variances},
        settings={"threshold": threshold},
    )
