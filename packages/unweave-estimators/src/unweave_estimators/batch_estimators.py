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
        How many earlier posteriors the inner sums also run over; 0 for none.
    gather
        Whether the inner sums run over the posteriors of all ranks, and the terms are the mean
        over ranks.
    dimension_wise
        Whether the third term is `dimension_wise_kl`, which needs a factorised prior; if not it
        is `marginal_kl`, which takes any.
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
        """Return the three terms in nats, and those named in `gradient_of`.

        Raises
        ------
        ValueError
            If the posterior has no density or does not factorise, the prior does not factorise
            where a dimension-wise term is wanted, or a shape is wrong.
        """
        check_codes(latent.z)
        (z,) = wide(latent.z)
        mean = {name: value.mean() for name, value in self.per_code(latent, z).items()}
        return {k: mean_over_ranks(v) for k, v in mean.items()} if self.gather else mean

    def per_code(self, latent: Latent, z: Tensor) -> dict[str, Tensor]:
        """Return what a call returns, of each code, shape (b,), in nats."""
        pool, prior = self.pool(latent, z), latent.prior()
        require_event(prior, z.shape[1])
        log_prior = marginal_prior(prior, z) if self.dimension_wise else prior.log_prob(z)
        sums = posterior_sums(z, pool, stratify=self.estimator == "mss")

        def differences(constants: str) -> tuple[Tensor, Tensor, Tensor]:
            q = log_densities(sums, latent.dataset_size, self.estimator, constants)
            third = (q.marginals - log_prior).sum(1) if self.dimension_wise else None
            return (
                q.posterior - q.aggregate,
                q.aggregate - q.marginals.sum(1),
                q.aggregate - log_prior if third is None else third,
            )

        values = dict(zip(self.terms, differences(self.constants), strict=True))
        if self.gradient_of:
            published = zip(self.gradient_of.values(), differences("paper"), strict=True)
            values |= dict(published)
        return values

    def pool(self, latent: Latent, z: Tensor) -> Pool:
        """Return the posteriors that the inner sums run over, and remember those of the batch."""
        base = posterior_factors(latent.posterior, self.estimator)
        check_same_shape(z, posterior=base)
        pool = pool_of(base)
        if self.gather and several_ranks():
            pool = _gathered(pool)
        batch = pool.factors
        if self.bank is not None:
            pool = self.bank.extend(pool)
        check_dataset_size(latent.dataset_size, pool.factors.batch_shape[0])
        if self.bank is not None and self.training:
            self.bank.push(batch)
        return pool


def _gathered(pool: Pool) -> Pool:
    """Return the pool of all ranks' posteriors."""
    own = parameters_of(pool.factors, "gather")
    everyone = rebuild(type(pool.factors), {name: gather_rows(own[name]) for name in own})
    return pool_of(everyone)._replace(first=rank() * pool.batch)


class MWS(BatchEstimator):
    """Minibatch-weighted sampling: every posterior of the batch weighs the same.

    Other options are those of `BatchEstimator`.

    Parameters
    ----------
    constants
        What the value is, "loo", "batch" or "paper"; the gradient is the same for all three,
        that of [Chen] equation S5. See `unweave_estimators.weights.log_mixture`.

    Attributes
    ----------
    gradient_of
        Term -> the name under which a call also returns the value of the published formula, such
        as `total_correlation_mws`; empty if the terms have that value.
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
    """Minibatch stratified sampling, [Chen] equation S8; options are those of `BatchEstimator`."""

    estimator = "mss"


class LOO(BatchEstimator):
    """Stratified sampling made symmetric: the own posterior weighs 1/N, all others alike.

    Options are those of `BatchEstimator`.
    """

    estimator = "loo"
