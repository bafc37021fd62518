"""The weights by which MWS, MSS and LOO turn densities under a batch's posteriors into log q.

References
    [Chen] R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud, Isolating sources of disentanglement in
    variational autoencoders, 2018, appendix C.
    [TCWAE] B. Gaujac, I. Feige, D. Barber, Learning disentangled representations with the
    Wasserstein autoencoder, 2020, equation 10.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor

from unweave_estimators.posterior_sums import PosteriorSums

ESTIMATORS = ("mws", "mss", "loo")
CONSTANTS = ("loo", "batch", "paper")


class LogDensities(NamedTuple):
    """log q(z_i|x_i) (b,), log q(z_i) (b,), log q_d(z_id) (b, d) of a batch, in nats."""

    posterior: Tensor
    aggregate: Tensor
    marginals: Tensor


def log_mixture(
    own: Tensor,
    stratified: Tensor | None,
    rest: Tensor,
    others: int | Tensor,
    dataset_size: int,
    estimator: str,
    constants: str = "loo",
) -> Tensor:
    """Return log q from the parts of a sum over posteriors, for the joint or for each marginal.

    With q_ii the density of z_i under its own posterior, q_ij under the M others (q_ik the one
    other that MSS singles out) and N the size of the data set:

        mws : 1/(N (M+1)) (q_ii + sum_j q_ij)                          [TCWAE] equation 10
        mss : 1/N q_ii + (N-M)/(N M) q_ik + 1/M sum_{j != k} q_ij      [Chen] appendix C
        loo : 1/N q_ii + (N-1)/(N M) sum_j q_ij

    The weights of mss and loo sum to one, and loo is mss averaged over k. Those of mws sum to 1/N.
    If posteriors overlap, its log q is therefore too low by log N, and its total correlation too
    high by (d-1) log N; and the share of q_ii in the sum of weights is N/(M+1) times too large. A
    constant has no gradient, so that `constants` may choose the value of mws: "loo" for the value
    of loo, which is nearly unbiased; "batch" for the mixture of the batch, with weights 1/(M+1);
    "paper" for the formula above. The gradient is that of the formula in all three.
    """
    n, m = dataset_size, others
    if estimator == "loo":
        return torch.logaddexp(own - math.log(n), rest + _log((n - 1) / (n * m)))
    if estimator == "mss":
        assert stratified is not None
        pair = torch.logaddexp(own - math.log(n), stratified + _log((n - m) / (n * m)))
        return torch.logaddexp(pair, rest - _log(m))
    log_sum = torch.logaddexp(own, rest)
    if constants == "paper":
        return log_sum - _log(n * (m + 1))
    if constants == "batch":
        return log_sum - _log(m + 1)
    with torch.no_grad():
        constant = log_mixture(own, None, rest, others, dataset_size, "loo") - log_sum
    return log_sum + constant


def _log(x: float | Tensor) -> float | Tensor:
    return x.log() if isinstance(x, Tensor) else math.log(x)


def log_densities(
    sums: PosteriorSums, dataset_size: int, estimator: str, constants: str = "loo"
) -> LogDensities:
    """Return log q(z_i|x_i) and the estimates of log q(z_i) and log q_d(z_id)."""
    joint = None if sums.stratified is None else sums.stratified.sum(1)
    weights = (sums.others, dataset_size, estimator, constants)
    return LogDensities(
        posterior=sums.own.sum(1),
        aggregate=log_mixture(sums.own.sum(1), joint, sums.rest, *weights),
        marginals=log_mixture(sums.own, sums.stratified, sums.rest_marginal, *weights),
    )
