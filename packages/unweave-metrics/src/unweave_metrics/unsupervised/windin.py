"""WINDIN: the information that each code shares with the others."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._posteriors import posteriors


@metric(
    "information that codes share (nats)",
    interval=Subsets(seconds=200.0),
    best="low",
    bounds=ANY,
    cost="O(samples n d)",
    rewards="independent informative codes",
    misses="factors; codes without information are independent",
    with_rows="Grows with the number of rows: no code has more than log n nats about its row.",
)
def windin(
    codes: ArrayLike, *, std: ArrayLike | None = None, samples: int = 1_000, seed: int = 0
) -> Score:
    """Compute WINDIN, the weighted dependence of the codes, lowest for independent codes.

    WINDIN = sum_i r_i I(z_i; z_j, j != i) with r_i = I(x; z_i) / sum_j I(x; z_j), where x is a
    uniform random row and z is drawn from its posterior N(codes, std^2). It is estimated from the
    log-densities of the mixture over all rows, at `samples` draws. In nats. Range 0 upward, best 0.

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
    >>> abs(round(float(windin(corners, std=0.01 * np.ones((4, 2)))), 3))
    0.0
    """
    posterior = posteriors(codes, std, samples, seed)
    value = float((posterior.weights * posterior.shared).sum())
    return Score(value, name="windin", parts=posterior.parts, settings=posterior.settings)
