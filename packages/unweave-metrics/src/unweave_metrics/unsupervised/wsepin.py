"""WSEPIN: what each code tells about the input that no other does."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.score import Score
from unweave_metrics.unsupervised._posteriors import posteriors


@metric(
    "what only one code tells about the input (nats)",
    interval=Subsets(seconds=200.0),
    best="high",
    bounds=ANY,
    cost="O(samples n d)",
    rewards="informative codes without redundancy",
    misses="factors",
    with_rows="Grows with the rows: no code tells more than log n nats about its row.",
)
def wsepin(
    codes: ArrayLike, *, std: ArrayLike | None = None, samples: int = 1_000, seed: int = 0
) -> Score:
    """Compute WSEPIN, the weighted separability of informative codes.

    WSEPIN = sum_i r_i I(x; z_i | z_j, j != i), r_i = I(x; z_i) / sum_j I(x; z_j), x
    a row drawn uniformly and z of its posterior N(codes, std^2); logarithms of the mixture over all
    rows, at `samples` draws. In nats. Range 0 upward, best: high.

    Parameters
    ----------
    codes
        Posterior means, shape (n, d).
    std
        Posterior standard deviations, shape (n, d), above 0.
    samples
        Draws.
    seed
        Decides them.

    Returns
    -------
    Score, with parts `informativeness` I(x; z_i), `separate` I(x; z_i | others), `shared`
    I(z_i; others), each (d,); `order` of the codes by informativeness; `at_k` SEPIN@k and
    `shared_at_k` INDIN@k, the means of the first k in that order, (d,); `information` I(x; z).

    Raises
    ------
    ValueError
        For no std, std of another shape or not above 0, NaN or infinite values.

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
