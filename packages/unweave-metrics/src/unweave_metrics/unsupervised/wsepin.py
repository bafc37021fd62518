"""WSEPIN: the information of each code about the input that the others do not have."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._posteriors import posteriors


@metric(
    "information about the input in one code alone (nats)",
    interval=Subsets(seconds=200.0),
    best="high",
    bounds=ANY,
    cost="O(samples n d)",
    rewards="informative codes without redundancy",
    misses="factors",
    with_rows="Grows with the number of rows: no code has more than log n nats about its row.",
)
def wsepin(
    codes: ArrayLike, *, std: ArrayLike | None = None, samples: int = 1_000, seed: int = 0
) -> Score:
    """Compute WSEPIN, the weighted separability of informative codes.

    WSEPIN = sum_i r_i I(x; z_i | z_j, j != i) with r_i = I(x; z_i) / sum_j I(x; z_j), where x is a
    uniform random row and z is drawn from its posterior N(codes, std^2). It is estimated from the
    log-densities of the mixture over all rows, at `samples` draws. In nats. Range 0 upward; higher
    is better.

    Parameters
    ----------
    codes
        Posterior means, shape (n, d).
    std
        Posterior standard deviations, shape (n, d), above 0.
    samples
        Number of draws.
    seed
        Seed of these draws.

    Returns
    -------
    Score, with parts `informativeness` I(x; z_i), `separate` I(x; z_i | others), `shared`
    I(z_i; others), each (d,); `order` of the codes by informativeness; `at_k` SEPIN@k and
    `shared_at_k` INDIN@k, the means of the first k in that order, (d,); `information` I(x; z).

    Raises
    ------
    ValueError
        If std is missing, has another shape or is not above 0; for NaN or infinite values.

    References
    ----------
    K. Do, T. Tran, "Theory and evaluation metrics for learning disentangled representations",
    2020, sect. 4.

    Examples
    --------
    >>> import numpy as np
    >>> corners = np.array([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    >>> round(float(wsepin(corners, std=0.01 * np.ones((4, 2)))), 3)  # log 2
    0.693
    """
    posterior = posteriors(codes, std, samples, seed)
    value = float((posterior.weights * posterior.separate).sum())
    return Score(value, name="wsepin", parts=posterior.parts, settings=posterior.settings)
