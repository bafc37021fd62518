"""Log-densities of codes under a pool of posteriors, split by the role of the posterior."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal
from torch.utils.checkpoint import checkpoint

from unweave_estimators.gaussian_sums import gaussian_log_sum_exp

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"

_BLOCK = 2**20  # values of s_ijd in one block of rows


class PosteriorSums(NamedTuple):
    """The parts of sum_j q(z_i|x_j) that the estimators weigh differently, as logarithms in nats.

    With s_ijd = log q(z_id|x_j), s_ij = sum_d s_ijd and k(i) the posterior after i's own:

    Attributes
    ----------
    own
        (b, d), s_iid.
    stratified
        (b, d), s_ik(i)d; None without `stratify`.
    rest, rest_marginal
        (b,) and (b, d), log sum_j exp s_ij and log sum_j exp s_ijd over every other j.
    others
        The number M of posteriors besides the own one, an integer or a scalar tensor.
    """

    own: Tensor
    stratified: Tensor | None
    rest: Tensor
    rest_marginal: Tensor
    others: int | Tensor


class Pool(NamedTuple):
    """The c posteriors of a sum: first those of the batch, then those of a memory bank.

    Attributes
    ----------
    factors
        Their distribution, batch shape (c, d).
    batch
        Number of posteriors of the batch.
    first
        Index of the first code's own posterior.
    absent
        (c,) bool tensor, True at places without a posterior yet; or None.
    present
        Number of places with a posterior, an integer or a scalar tensor.
    """

    factors: Distribution
    batch: int
    first: int = 0
    absent: Tensor | None = None
    present: int | Tensor = 0


def pool_of(factors: Distribution) -> Pool:
    """Return the pool of the posteriors of one batch."""
    batch = factors.batch_shape[0]
    return Pool(factors, batch, present=batch)


def posterior_sums(z: Tensor, pool: Pool, stratify: bool = False) -> PosteriorSums:
    """Sum the densities of codes under a pool of posteriors in blocks of rows.

    O(b c d) time; memory for one block in both passes.

    Parameters
    ----------
    z : float tensor, shape (b, d)
        Codes, z_i drawn from the pool's posterior with index first + i.
    """
    differences: tuple[int, ...] = (0,)
    if stratify:
        # the posterior after a code's own; for the last code of the batch, the first posterior
        differences = (0, 1, 1 - pool.batch)
    places = tuple(pool.first + difference for difference in differences)
    sums = _gaussian if isinstance(pool.factors, Normal) else _general
    own, stratified, rest, rest_marginal = sums(z, pool, places, stratify)
    others = pool.present - 1
    if isinstance(others, Tensor):
        others = others.to(z.dtype)
    return PosteriorSums(own, stratified, rest, rest_marginal, others)


_Parts = tuple[Tensor, Tensor | None, Tensor, Tensor]


def _gaussian(z: Tensor, pool: Pool, places: tuple[int, ...], stratify: bool) -> _Parts:
    mean, std = pool.factors.mean.to(z.dtype), pool.factors.stddev.to(z.dtype)
    rest, rest_marginal = gaussian_log_sum_exp(
        z, mean, std, absent=pool.absent, diagonals=places, batch=pool.batch
    )
    own = slice(pool.first, pool.first + z.shape[0])
    log_own = _log_normal(z, mean[own], std[own])
    if not stratify:
        return log_own, None, rest, rest_marginal
    mean, std = mean[: pool.batch].roll(-1, 0), std[: pool.batch].roll(-1, 0)
    return log_own, _log_normal(z, mean[own], std[own]), rest, rest_marginal


def _log_normal(z: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    return -0.5 * ((z - mean) / std).square() - std.log() - 0.5 * math.log(2.0 * math.pi)


def _general(z: Tensor, pool: Pool, places: tuple[int, ...], stratify: bool) -> _Parts:
    height = max(1, _BLOCK // (pool.factors.batch_shape[0] * z.shape[1]))
    starts = range(0, z.shape[0], height)
    parts = [
        _checkpoint(_general_block, z[start : start + height], pool, places, start, stratify)
        if len(starts) > 1
        else _general_block(z, pool, places, 0, stratify)
        for start in starts
    ]
    own, stratified, rest, rest_marginal = (torch.cat(part) for part in zip(*parts, strict=True))
    return own, stratified if stratify else None, rest, rest_marginal


def _checkpoint(block: Callable[..., Any], *inputs: Any) -> Any:
    """Call a function without saving its activations; the backward pass calls it again."""
    return checkpoint(block, *inputs, use_reentrant=False, preserve_rng_state=False)


def _general_block(
    rows: Tensor, pool: Pool, places: tuple[int, ...], start: int, stratify: bool
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    s = pool.factors.log_prob(rows[:, None, :]).to(rows.dtype)  # (rows, c, d)
    row = torch.arange(start, start + rows.shape[0], device=rows.device)[:, None]
    column = torch.arange(s.shape[1], device=rows.device)
    own = (row + pool.first)[:, :, None].expand(-1, -1, s.shape[2])
    after = (own + 1) % pool.batch
    mask = torch.zeros_like(row == column)
    for place in places:
        mask = mask | ((column - row == place) & (column < pool.batch))
    if pool.absent is not None:
        mask = mask | pool.absent
    rest = s.sum(2).masked_fill(mask, -math.inf).logsumexp(1)
    rest_marginal = s.masked_fill(mask[:, :, None], -math.inf).logsumexp(1)
    stratified = s.gather(1, after)[:, 0] if stratify else rows.new_empty(rows.shape[0], 0)
    return s.gather(1, own)[:, 0], stratified, rest, rest_marginal


def aggregate_log_density(z: Tensor, posterior: Distribution) -> Tensor:
    """Return log (1/c) sum_j q(z_i|x_j) in nats, shape (b,), for any codes.

    `posterior` has batch shape (c,) and event shape (d,), and its `log_prob` takes codes (b, 1, d).
    O(b c d) time.
    """
    base = posterior.base_dist if isinstance(posterior, Independent) else None
    count = posterior.batch_shape[0]
    if isinstance(base, Normal):
        mean, std = base.mean.to(z.dtype), base.stddev.to(z.dtype)
        joint, _ = gaussian_log_sum_exp(z, mean, std, marginals=False)
        return joint - math.log(count)
    blocks = z.split(max(1, _BLOCK // (count * z.shape[1])))
    sums = [
        _checkpoint(_log_sum, rows, posterior) if len(blocks) > 1 else _log_sum(rows, posterior)
        for rows in blocks
    ]
    return torch.cat(sums) - math.log(count)


def _log_sum(z: Tensor, posterior: Distribution) -> Tensor:
    log_sum: Tensor = posterior.log_prob(z[:, None, :]).logsumexp(1)
    return log_sum
