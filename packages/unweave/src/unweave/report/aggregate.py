"""The divergence of the aggregate posterior to the prior, one dimension at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 60


def aggregate_kl(
    means: NDArray[np.floating[Any]],
    stds: NDArray[np.floating[Any]],
    prior_codes: NDArray[np.floating[Any]],
    seed: int = 0,
) -> NDArray[np.float64]:
    """Estimate KL(q(z_d) ‖ p(z_d)) for every d, in nats.

        q(z_d) = 1/n sum_i N(z_d; mean_i,d, std_i,d²)

    Draws from q and from p are counted in the same bins (equal-width between the outermost
    1/1000 quantiles of p, and two open ones), and the divergence is that of the two histograms
    with half a count added to every bin. So any prior that can be sampled will do, and a
    deterministic posterior too; it is a lower bound that ranks dimensions, not a density
    estimate.

    Parameters
    ----------
    means, stds : float arrays, shape (n, D).
    prior_codes
        Draws from the prior, float array, shape (m, D).
    seed
        Of the draws from q.
    """
    rng = np.random.default_rng(seed)
    draws = means + stds * rng.standard_normal(means.shape)
    return np.array([_histogram_kl(draws[:, d], prior_codes[:, d]) for d in range(means.shape[1])])


def _histogram_kl(draws: NDArray[Any], prior: NDArray[Any]) -> float:
    low, high = np.quantile(prior, [0.001, 0.999])
    edges = np.concatenate([[-np.inf], np.linspace(low, high, BINS + 1), [np.inf]])
    q, p = (np.histogram(x, edges)[0] + 0.5 for x in (draws, prior))
    q, p = q / q.sum(), p / p.sum()
    return float((q * np.log(q / p)).sum())
