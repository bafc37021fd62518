"""MWS, MSS and LOO as modules that the registry offers."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor, nn

from unweave_estimators.checks import (
    check_choice,
    check_codes,
    check_dataset_size,
    check_same_shape,
    wide,
)
from unweave_estimators.decomposition import marginal_prior
from unweave_estimators.latent import Latent, posterior_factors, require_event
from unweave_estimators.memory_bank import MemoryBank, parameters_of, rebuild
from unweave_estimators.posterior_sums import Pool, pool_of, posterior_sums
from unweave_estimators.ranks import gather_rows, mean_over_ranks, rank, several_ranks
from unweave_estimators.weights import CONSTANTS, log_densities

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


class BatchEstimator(nn.Module):
    """Index-code MI, total correlation and dimension-wise KL of a batch, from shared sums.

    See `unweave_estimators.decompose` for the formulas.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    memory
        Number of earlier posteriors in the inner sums; 0 for none.
    gather
        Whether the inner sums run over the posteriors of all ranks, and the terms are the mean
        over ranks.
    dimension_wise
        Whether the third term is `dimension_wise_kl`, which needs a factorised prior, or
        `marginal_kl`, which takes any prior.
    """

    estimator: str
    constants = "loo"
    gradient_of: Mapping[str, str] = {}
    needs_density = True
    terms: tuple[str, ...] = ("index_code_mi", "total_correlation", "dimension_wise_kl")

    def __init__(
        self, dim: int, *, memory: int = 0, gather: bool = False, dimension_wise: bool = True
    ) -> None:
        super().__init__()
        self.dim, self.gather, self.dimension_wise = dim, gather, dimension_wise
        self.bank = MemoryBank(memory) if memory else None
        third = "dimension_wise_kl" if dimension_wise else "marginal_kl"
        self.terms = ("index_code_mi", "total_correlation", third)

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return the three terms in nats, and the values that `gradient_of` names.

        Raises
        ------
        ValueError
            If the posterior has no density or does not factorise, the prior does not factorise
            although `dimension_wise` is True, or a shape is wrong.
        """
        check_codes(latent.z)
        (z,) = wide(latent.z)
        mean = {name: value.mean() for name, value in self.per_code(latent, z).items()}
        return {k: mean_over_ranks(v) for k, v in mean.items()} if self.gather else mean

    def per_code(self, latent: Latent, z: Tensor) -> dict[str, Tensor]:
        """Return the values of a call per code, shape (b,), in nats."""
        pool, prior = self.pool(latent, z), latent.prior()
        require_event(prior, z.shape[1])
        log_prior = marginal_prior(prior, z) if self.dimension_wise else prior.log_prob(z)
        sums = posterior_sums(z, pool, stratify=self.estimator == "mss")

        def differences(constants: str) -> tuple[Tensor, Tensor, Tensor]:
            q = log_densities(sums, latent.dataset_size, self.estimator, constants)
            if self.dimension_wise:
                third = (q.marginals - log_prior).sum(1)
            else:
                third = q.aggregate - log_prior
            return q.posterior - q.aggregate, q.aggregate - q.marginals.sum(1), third

        values = dict(zip(self.terms, differences(self.constants), strict=True))
        if self.gradient_of:
            names = self.gradient_of.values()
            values |= dict(zip(names, differences("paper"), strict=True))
        return values

    def pool(self, latent: Latent, z: Tensor) -> Pool:
        """Return the posteriors of the inner sums, and store those of the batch in the memory."""
        base = posterior_factors(latent.posterior, self.estimator)
        check_same_shape(z, posterior=base)
        pool = pool_of(base)
        if self.gather and several_ranks():
            pool = _gather_pool(pool)
        batch = pool.factors
        if self.bank is not None:
            pool = self.bank.extend(pool)
        check_dataset_size(latent.dataset_size, pool.factors.batch_shape[0])
        if self.bank is not None and self.training:
            self.bank.push(batch)
        return pool


def _gather_pool(pool: Pool) -> Pool:
    """Return the pool of all ranks' posteriors."""
    own = parameters_of(pool.factors, "gather")
    factors = rebuild(type(pool.factors), {name: gather_rows(own[name]) for name in own})
    return pool_of(factors)._replace(first=rank() * pool.batch)


class MWS(BatchEstimator):
    """Minibatch-weighted sampling: all posteriors of the batch have the same weight.

    Other options are those of `BatchEstimator`.

    Parameters
    ----------
    constants
        Value of the terms: "loo", "batch" or "paper". The gradient is the same for all three,
        that of Chen et al. 2018, equation S5. See `unweave_estimators.weights.log_mixture`.

    Attributes
    ----------
    gradient_of
        Mapping from each term to a name, such as `total_correlation_mws`, under which a call also
        returns the value of the published formula; empty if the terms have this value.
    """

    estimator = "mws"

    def __init__(
        self,
        dim: int,
        *,
        constants: str = "loo",
        memory: int = 0,
        gather: bool = False,
        dimension_wise: bool = True,
    ) -> None:
        check_choice("constants", constants, CONSTANTS)
        super().__init__(dim, memory=memory, gather=gather, dimension_wise=dimension_wise)
        self.constants = constants
        if constants != "paper":
            self.gradient_of = {term: f"{term}_mws" for term in self.terms}


class MSS(BatchEstimator):
    """Minibatch stratified sampling, Chen et al. 2018, equation S8.

    Options are those of `BatchEstimator`.
    """

    estimator = "mss"


class LOO(BatchEstimator):
    """Symmetric stratified sampling: a code's own posterior has weight 1/N, the others share 1-1/N.

    Options are those of `BatchEstimator`.
    """

    estimator = "loo"
