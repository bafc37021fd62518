"""Facts of each code dimension: its information, and the range of its codes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch.distributions import Independent

from unweave.codetable import ACTIVE, encode_table
from unweave.report.aggregate import aggregate_kl
from unweave.saved_codes import read_means
from unweave.trained import Trained

PRIOR_DRAWS = 10_000
ROWS = 10_000
"""Number of images to encode if a run has no code table yet."""
QUANTILES = (0.02, 0.98)
"""Quantiles of the codes between which a dimension is varied."""
MARGINAL_BINS = 200
LEAST_LOG = math.log(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class Codes:
    """Codes of a sample of images: means and standard deviations of q(z|x), and draws from it.

    Attributes
    ----------
    index
        Rows of the data set, shape (n,).
    mean, std, z : float arrays, shape (n, D).
    """

    index: NDArray[np.int64]
    mean: NDArray[np.float32]
    std: NDArray[np.float32]
    z: NDArray[np.float32]


@dataclass(frozen=True)
class Dimensions:
    """Facts of every code dimension; arrays have shape (D,) unless noted.

    Attributes
    ----------
    kl
        E_x KL(q(z_d|x) ‖ p(z_d)), nats; infinite where the posterior is a point.
    aggregate
        KL(q(z_d) ‖ p(z_d)) of the aggregate posterior, nats.
    deviation
        Standard deviation of the means between images.
    share
        Share of the codes' variance that lies between images, in [0, 1].
    active
        Whether share is above `codetable.ACTIVE`.
    order
        Dimensions, the most informative first.
    codes_range, prior_range
        2 % and 98 % quantiles of codes and of the prior, shape (D, 2).
    """

    kl: NDArray[np.float64]
    aggregate: NDArray[np.float64]
    deviation: NDArray[np.float64]
    share: NDArray[np.float64]
    active: NDArray[np.bool_]
    order: NDArray[np.int64]
    codes_range: NDArray[np.float64]
    prior_range: NDArray[np.float64]

    def label(self, d: int) -> str:
        """Name a dimension with its KL divergence on a second line, and say if it is inactive."""
        text = (
            f"KL {max(0.0, self.kl[d]):.2f} nats"
            if np.isfinite(self.kl[d])
            else f"sd of means {self.deviation[d]:.2f}"
        )
        return f"{name(d)}{'' if self.active[d] else ' (inactive)'}\n{text}"


def name(d: int) -> str:
    """Return the name of dimension d, counted from one: z₁ for 0."""
    return "z" + str(d + 1).translate(str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉"))


def read_codes(run: Trained, seed: int = 0) -> Codes:
    """Read the codes of the run's table; encode a sample of images if it holds other codes."""
    arrays = read_means(run, run.dataset, names=("index", "codes", "std"))
    if arrays is None:
        table = encode_table(run, run.model, rows=ROWS, seed=seed)
        arrays = table.index, table.codes, table.std
    index, mean, std = arrays
    noise = np.random.default_rng(seed).standard_normal(mean.shape)
    return Codes(index, mean, std, (mean + std * noise).astype(np.float32))


def describe_dimensions(run: Trained, codes: Codes, seed: int = 0) -> Dimensions:
    """Compute the facts of every dimension from the codes of a sample of images.

    The posterior is taken as Gaussian with the table's means and standard deviations.
    """
    prior = run.prior_codes(PRIOR_DRAWS, seed)
    kl = mean_kl(codes, log_prior(run, codes.z, prior))
    deviation = codes.mean.std(axis=0, dtype=np.float64)
    share = _share(deviation**2, np.square(codes.std, dtype=np.float64).mean(axis=0), prior)
    importance = np.where(np.isfinite(kl).all(), kl, deviation)
    return Dimensions(
        kl=kl,
        aggregate=aggregate_kl(codes.mean, codes.std, prior, seed),
        deviation=deviation,
        share=share,
        active=share > ACTIVE,
        order=np.argsort(-importance, kind="stable"),
        codes_range=_range(codes.z),
        prior_range=_range(prior),
    )


def _range(codes: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    return np.quantile(codes.astype(np.float64), QUANTILES, axis=0).T


def mean_kl(codes: Codes, log_p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate E_x KL(q(z_d|x) ‖ p(z_d)) = E[log q(z_d|x)] - E[log p(z_d)], nats, shape (D,).

    log q is exact for a Gaussian, -log(std) - log(2 pi e) / 2; log p is the mean over the draws.

    Parameters
    ----------
    log_p
        Log p(z_d) of the draws `codes.z`, shape (n, D).
    """
    with np.errstate(divide="ignore"):
        log_std = np.log(codes.std.astype(np.float64))
    negative_entropy = -log_std.mean(axis=0) - 0.5 * math.log(2 * math.pi * math.e)
    return cast(NDArray[np.float64], negative_entropy - log_p.mean(axis=0))


@torch.no_grad()
def log_prior(
    run: Trained, z: NDArray[np.floating[Any]], draws: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return log p(z_d) of codes, shape (n, D): exact where the prior is a product of marginals.

    Elsewhere the marginals are histograms of draws from the prior.
    """
    distribution = run.model.prior()
    if isinstance(distribution, Independent) and distribution.reinterpreted_batch_ndims == 1:
        codes = torch.as_tensor(z, dtype=torch.float32, device=run.device)
        exact: NDArray[np.float64] = distribution.base_dist.log_prob(codes).double().cpu().numpy()
        if exact.shape == z.shape:
            # The divergence is infinite outside the support; a finite number can be sorted.
            return np.asarray(np.maximum(exact, LEAST_LOG))
    columns = [_log_histogram(z[:, d], draws[:, d]) for d in range(z.shape[1])]
    return np.stack(columns, axis=1)


def _log_histogram(z: NDArray[Any], draws: NDArray[Any]) -> NDArray[np.float64]:
    """Return the log density at z of a histogram of draws; half a count is added to every bin."""
    low = min(float(z.min()), float(draws.min()))
    high = max(float(z.max()), float(draws.max()))
    if low == high:
        return np.zeros(len(z))
    edges = np.linspace(low, high, MARGINAL_BINS + 1)
    counts = np.histogram(draws, edges)[0] + 0.5
    density = counts / counts.sum() / (edges[1] - edges[0])
    places = np.clip(np.searchsorted(edges, z, side="right") - 1, 0, MARGINAL_BINS - 1)
    return np.asarray(np.log(density[places]))


def _share(
    between: NDArray[np.float64], within: NDArray[np.float64], prior: NDArray[np.floating[Any]]
) -> NDArray[np.float64]:
    """Return the share of the variance between images in the total variance, shape (D,).

    If the posterior is a point, all of the variance is between images, even if it is tiny. In this
    case the variance within images is replaced by a hundredth of the variance of the prior.
    """
    within = np.where(within > 0, within, 0.01 * prior.var(axis=0, dtype=np.float64))
    return between / np.maximum(between + within, np.finfo(np.float64).tiny)
