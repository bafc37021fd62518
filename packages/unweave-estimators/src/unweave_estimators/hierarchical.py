"""Total correlation split in two levels: between groups of code dimensions, and within them.

[HFVAE] writes the mean KL(q(z|x_i) || p(z)), for a prior that factorises, as the sum of

    index_code_mi                  = E log q(z_i|x_i) - log q(z_i)
    group_total_correlation        = E log q(z_i) - sum_g log q_g(z_ig)
    within_group_total_correlation = E sum_g [log q_g(z_ig) - sum_{d in g} log q_d(z_id)]
    dimension_wise_kl              = E sum_d log q_d(z_id) - log p_d(z_id)

where z_ig are the dimensions of group g. The middle two add up to the total correlation: a group
may stay entangled, such as the two coordinates of an angle, while the groups become independent.

References
    [HFVAE] B. Esmaeili et al., Structured disentangled representations, 2019, section 3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from unweave_estimators.batch_estimators import BatchEstimator
from unweave_estimators.decomposition import check_batch, marginal_prior
from unweave_estimators.latent import Latent
from unweave_estimators.memory_bank import parameters_of, rebuild
from unweave_estimators.posterior_sums import Pool, pool_of, posterior_sums
from unweave_estimators.weights import log_densities

# torch's distributions and Tensor.split carry no annotations
# mypy: disable-error-code="no-untyped-call"


class HierarchicalDecomposition(NamedTuple):
    """The four terms of a batch, scalar tensors in nats; their sum is the mean KL."""

    index_code_mi: Tensor
    group_total_correlation: Tensor
    within_group_total_correlation: Tensor
    dimension_wise_kl: Tensor


def decompose_by_groups(
    z: Tensor,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    *,
    groups: Sequence[int] = (),
    dataset_size: int,
    prior: Distribution | None = None,
    posterior: Distribution | None = None,
) -> HierarchicalDecomposition:
    """Estimate the four terms of a hierarchically factorised prior, in nats, with weights of `loo`.

    Other arguments and errors are those of `decompose`. O(b^2 d) time, O(b d) memory.

    Parameters
    ----------
    groups
        Number of consecutive dimensions of each group, which add up to d; empty for two halves,
        of which the first is larger if d is odd.

    Returns
    -------
    terms : HierarchicalDecomposition

    Raises
    ------
    ValueError
        If the groups do not add up to d, or there is only one dimension.

    References
    ----------
    Esmaeili et al., Structured disentangled representations, 2019, section 3.

    Examples
    --------
    >>> import torch
    >>> mean = torch.tensor([[-50.0, -50.0, 0.0], [50.0, 50.0, 0.0]])
    >>> terms = decompose_by_groups(mean, mean, torch.ones(2, 3), groups=(2, 1), dataset_size=2)
    >>> [f"{term:.2f}" for term in terms]  # the group of two holds log 2
    ['0.69', '0.00', '0.69', '2498.61']
    """
    z, base = check_batch(z, mean, std, posterior, dataset_size)
    sizes = group_sizes(z.shape[1], groups)
    terms = _terms(z, pool_of(base), sizes, dataset_size, marginal_prior(prior, z))
    return HierarchicalDecomposition(*(term.mean() for term in terms))


def group_sizes(dim: int, groups: Sequence[int] = ()) -> tuple[int, ...]:
    """Return the sizes of consecutive groups of d dimensions, by default two halves.

    Raises
    ------
    ValueError
        If the sizes do not add up to d, one is below 1, or there is only one dimension.
    TypeError
        If the groups are not a sequence of integers.

    Examples
    --------
    >>> group_sizes(5)
    (3, 2)
    """
    if dim < 2:
        raise ValueError(f"groups need at least 2 code dimensions, got {dim}")
    if not isinstance(groups, Sequence) or not all(isinstance(size, int) for size in groups):
        raise TypeError(f"groups must be a sequence of integers, got {groups!r}")
    sizes = tuple(groups) or (dim - dim // 2, dim // 2)
    if min(sizes) < 1 or sum(sizes) != dim:
        raise ValueError(
            f"groups must be sizes of at least 1 that add up to the {dim} code dimensions, "
            f"got {sizes}"
        )
    return sizes


def _terms(
    z: Tensor, pool: Pool, sizes: tuple[int, ...], dataset_size: int, log_prior: Tensor
) -> HierarchicalDecomposition:
    """Return the four terms per code, shape (b,)."""
    q = log_densities(posterior_sums(z, pool), dataset_size, "loo")
    parts = zip(z.split(sizes, 1), _split(pool, sizes), strict=True)
    sums = [posterior_sums(z_g, pool_g) for z_g, pool_g in parts]
    q_groups = torch.stack([log_densities(s, dataset_size, "loo").aggregate for s in sums], 1)
    return HierarchicalDecomposition(
        index_code_mi=q.posterior - q.aggregate,
        group_total_correlation=q.aggregate - q_groups.sum(1),
        within_group_total_correlation=q_groups.sum(1) - q.marginals.sum(1),
        dimension_wise_kl=(q.marginals - log_prior).sum(1),
    )


def _split(pool: Pool, sizes: tuple[int, ...]) -> list[Pool]:
    """Return one pool per group, with the dimensions of the group alone."""
    parameters = parameters_of(pool.factors, "a group of dimensions")
    parts = zip(*(parameter.split(sizes, 1) for parameter in parameters.values()), strict=True)
    family = type(pool.factors)
    return [
        pool._replace(factors=rebuild(family, dict(zip(parameters, part, strict=True))))
        for part in parts
    ]


class Hierarchical(BatchEstimator):
    """The four terms of a hierarchically factorised prior, `decompose_by_groups`.

    Parameters
    ----------
    dim
        Number d of code dimensions, at least 2.
    groups
        Number of consecutive dimensions of each group; empty for two halves.
    memory, gather
        As in `BatchEstimator`.
    """

    estimator = "loo"

    def __init__(
        self, dim: int, *, groups: tuple[int, ...] = (), memory: int = 0, gather: bool = False
    ) -> None:
        super().__init__(dim, memory=memory, gather=gather)
        self.groups = group_sizes(dim, groups)
        self.terms = HierarchicalDecomposition._fields

    def per_code(self, latent: Latent, z: Tensor) -> dict[str, Tensor]:
        """Return the four terms of each code."""
        pool = self.pool(latent, z)
        log_prior = marginal_prior(latent.prior(), z)
        return _terms(z, pool, self.groups, latent.dataset_size, log_prior)._asdict()
