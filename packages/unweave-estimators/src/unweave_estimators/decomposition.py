"""Index-code mutual information, total correlation and dimension-wise KL of a batch of codes.

[Chen] splits the mean KL(q(z|x_i) || p(z)) over a data set of N samples, with q(z) = (1/N) sum_j
q(z|x_j) and its marginals q_d, into

    index_code_mi     = E log q(z_i|x_i) - log q(z_i)
    total_correlation = E log q(z_i) - sum_d log q_d(z_id)
    dimension_wise_kl = E sum_d log q_d(z_id) - log p_d(z_id)

and the batch estimators replace q and q_d by a weighted sum over the posteriors of one batch:
`mws`, `mss` and `loo` differ in the weights alone (see `log_mixture`).

References
    [Chen] R. T. Q. Chen, X. Li, R. Grosse, D. Duvenaud, Isolating sources of disentanglement in
    variational autoencoders, 2018, equation 2 and appendix C.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.distributions import Distribution, Normal

from unweave_estimators.checks import (
    check_choice,
    check_codes,
    check_dataset_size,
    check_finite,
    check_parameters,
    check_positive,
    check_same_shape,
    wide,
)
from unweave_estimators.latent import factors, require_event, standard_normal
from unweave_estimators.posterior_sums import pool_of, posterior_sums
from unweave_estimators.weights import CONSTANTS, ESTIMATORS, LogDensities, log_densities

# torch's distributions carry no annotations
# mypy: disable-error-code="no-untyped-call"


def check_batch(
    z: Tensor,
    mean: Tensor | None,
    std: Tensor | None,
    posterior: Distribution | None,
    dataset_size: int,
) -> tuple[Tensor, Distribution]:
    """Check a batch; return its codes in a dtype for sums, and the marginals of its posteriors.

    Raises
    ------
    ValueError
        If a shape, a value, or the size of the data set is invalid.
    """
    check_codes(z)
    check_dataset_size(dataset_size, z.shape[0])
    if posterior is None:
        if mean is None or std is None:
            raise ValueError("mean or std is missing; pass both, or a posterior")
        check_same_shape(z, mean=mean, std=std)
        check_finite(z=z, mean=mean, std=std)
        check_positive(std=std)
        z, mean, std = wide(z, mean, std)
        return z, Normal(mean, std, validate_args=False)
    if mean is not None or std is not None:
        raise ValueError("posterior replaces mean and std, got both; pass one of the two")
    base = factors(posterior, "posterior", "a batch estimate")
    check_same_shape(z, posterior=base)
    check_finite(z=z)
    check_parameters(base, "posterior")
    return wide(z)[0], base


def _estimate(
    z: Tensor,
    mean: Tensor | None,
    std: Tensor | None,
    posterior: Distribution | None,
    dataset_size: int,
    estimator: str,
    constants: str,
) -> LogDensities:
    """Check the arguments of the public functions and return the estimated log-densities."""
    check_choice("estimator", estimator, ESTIMATORS)
    check_choice("constants", constants, CONSTANTS)
    z, base = check_batch(z, mean, std, posterior, dataset_size)
    sums = posterior_sums(z, pool_of(base), stratify=estimator == "mss")
    return log_densities(sums, dataset_size, estimator, constants)


def marginal_prior(prior: Distribution | None, z: Tensor) -> Tensor:
    """Return log p_d(z_id), shape (b, d), of a prior, by default the standard normal.

    Raises
    ------
    ValueError
        If the prior does not factorise, or has another width than z.
    """
    prior = prior or standard_normal(z)
    require_event(prior, z.shape[1])
    log_prior: Tensor = factors(prior, "prior", "dimension_wise_kl").log_prob(z)
    return log_prior


def total_correlation(
    z: Tensor,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    *,
    dataset_size: int,
    estimator: str = "loo",
    posterior: Distribution | None = None,
    constants: str = "loo",
) -> Tensor:
    """Estimate the total correlation KL(q(z) || prod_d q_d(z_d)) of codes, in nats.

    TC = (1/b) sum_i [log q(z_i) - sum_d log q_d(z_id)], with q and q_d from `weights.log_mixture`.
    O(b^2 d) time, O(b d) memory.

    Parameters
    ----------
    z : float tensor, shape (b, d)
        Codes, z_i drawn from the posterior of x_i.
    mean, std : float tensors, shape (b, d)
        Parameters of Gaussian posteriors; pass these, or `posterior`.
    posterior
        A factorised Distribution, batch shape (b,), event shape (d,).
    dataset_size
        Number N of samples in the data set. The batch is drawn from it without replacement.
    estimator
        "loo" (default), "mss" or "mws".
    constants
        Value of "mws": "loo" (default), "batch" or "paper". Its gradient is the same for all.

    Returns
    -------
    total_correlation : scalar tensor
        0 for independent dimensions; an estimate may be negative.

    Raises
    ------
    ValueError
        If a shape, a value, or the size of the data set is invalid.

    References
    ----------
    Chen et al. 2018, equation 2 and appendix C.

    Examples
    --------
    >>> import torch
    >>> g = torch.Generator().manual_seed(0)
    >>> mean = torch.randn(2048, 1, generator=g).expand(2048, 2)
    >>> std = torch.full((2048, 2), 0.5)
    >>> z = mean + std * torch.randn(2048, 2, generator=g)
    >>> f"{total_correlation(z, mean, std, dataset_size=2048):.2f}"  # -1/2 log(1 - .8^2) = .51
    '0.52'
    """
    q = _estimate(z, mean, std, posterior, dataset_size, estimator, constants)
    return (q.aggregate - q.marginals.sum(1)).mean()


def index_code_mi(
    z: Tensor,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    *,
    dataset_size: int,
    estimator: str = "loo",
    posterior: Distribution | None = None,
    constants: str = "loo",
) -> Tensor:
    """Estimate the mutual information of a sample's index and its code, in nats.

    MI = (1/b) sum_i [log q(z_i|x_i) - log q(z_i)]. Arguments and errors are those of
    `total_correlation`. O(b^2 d) time, O(b d) memory.

    Returns
    -------
    index_code_mi : scalar tensor
        0 if a code tells nothing about its sample; the true value is at most log N.

    References
    ----------
    Chen et al. 2018, equation 2.

    Examples
    --------
    >>> import torch
    >>> mean = torch.tensor([[-50.0], [50.0]])
    >>> f"{index_code_mi(mean, mean, torch.ones(2, 1), dataset_size=2):.4f}"  # log 2
    '0.6931'
    """
    q = _estimate(z, mean, std, posterior, dataset_size, estimator, constants)
    return (q.posterior - q.aggregate).mean()


def dimension_wise_kl(
    z: Tensor,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    *,
    dataset_size: int,
    prior: Distribution | None = None,
    estimator: str = "loo",
    posterior: Distribution | None = None,
    constants: str = "loo",
    per_dimension: bool = False,
) -> Tensor:
    """Estimate the dimension-wise KL sum_d KL(q_d(z_d) || p_d(z_d)) of codes, in nats.

    (1/b) sum_i [log q_d(z_id) - log p_d(z_id)], summed over d unless `per_dimension`. Other
    arguments and errors are those of `total_correlation`. O(b^2 d) time, O(b d) memory.

    Parameters
    ----------
    prior
        A factorised Distribution with event shape (d,); the standard normal if None.
    per_dimension
        Whether to return the d terms of the sum.

    Returns
    -------
    dimension_wise_kl : scalar tensor, or shape (d,) with `per_dimension`

    References
    ----------
    Chen et al. 2018, equation 2.

    Examples
    --------
    >>> import torch
    >>> g = torch.Generator().manual_seed(0)
    >>> mean, std = torch.zeros(100, 2), torch.tensor([1.0, 2.0]).expand(100, 2)
    >>> z = mean + std * torch.randn(100, 2, generator=g)
    >>> dimension_wise_kl(z, mean, std, dataset_size=100, per_dimension=True).shape
    torch.Size([2])
    """
    q = _estimate(z, mean, std, posterior, dataset_size, estimator, constants)
    (codes,) = wide(z)
    terms = (q.marginals - marginal_prior(prior, codes)).mean(0)
    return terms if per_dimension else terms.sum()


class Decomposition(NamedTuple):
    """The three terms of a batch, scalar tensors in nats; their sum is the mean KL."""

    index_code_mi: Tensor
    total_correlation: Tensor
    dimension_wise_kl: Tensor


def decompose(
    z: Tensor,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    *,
    dataset_size: int,
    prior: Distribution | None = None,
    estimator: str = "loo",
    posterior: Distribution | None = None,
    constants: str = "loo",
) -> Decomposition:
    """Estimate index-code MI, total correlation and dimension-wise KL from one pass, in nats.

    Their sum is (1/b) sum_i [log q(z_i|x_i) - log p(z_i)] for every estimator. Arguments and errors
    are those of `total_correlation` and `dimension_wise_kl`. O(b^2 d) time, O(b d) memory.

    Returns
    -------
    terms : Decomposition

    References
    ----------
    Chen et al. 2018, equation 2.

    Examples
    --------
    >>> import torch
    >>> mean = torch.tensor([[-50.0], [50.0]])
    >>> mi, tc, kl = decompose(mean, mean, torch.ones(2, 1), dataset_size=2)
    >>> f"{mi:.2f} {tc:.2f} {mi + tc + kl:.2f}"  # log 2, 0, 50^2 / 2
    '0.69 0.00 1250.00'
    """
    q = _estimate(z, mean, std, posterior, dataset_size, estimator, constants)
    (codes,) = wide(z)
    return Decomposition(
        index_code_mi=(q.posterior - q.aggregate).mean(),
        total_correlation=(q.aggregate - q.marginals.sum(1)).mean(),
        dimension_wise_kl=(q.marginals - marginal_prior(prior, codes)).sum(1).mean(),
    )


def marginal_kl(
    z: Tensor,
    mean: Tensor | None = None,
    std: Tensor | None = None,
    *,
    dataset_size: int,
    prior: Distribution | None = None,
    estimator: str = "loo",
    posterior: Distribution | None = None,
    constants: str = "loo",
) -> Tensor:
    """Estimate KL(q(z) || p(z)) of codes against any prior, in nats.

    (1/b) sum_i [log q(z_i) - log p(z_i)]; for a factorised prior this is total correlation plus
    dimension-wise KL. Other arguments and errors are those of `total_correlation`. O(b^2 d) time,
    O(b d) memory.

    Parameters
    ----------
    prior
        A Distribution with event shape (d,); the standard normal if None.

    Returns
    -------
    marginal_kl : scalar tensor

    References
    ----------
    Hoffman and Johnson, ELBO surgery, 2016.

    Examples
    --------
    >>> import torch
    >>> g = torch.Generator().manual_seed(0)
    >>> mean, std = torch.zeros(100, 2), torch.ones(100, 2)
    >>> z = torch.randn(100, 2, generator=g)
    >>> f"{abs(marginal_kl(z, mean, std, dataset_size=100)):.4f}"
    '0.0000'
    """
    q = _estimate(z, mean, std, posterior, dataset_size, estimator, constants)
    (codes,) = wide(z)
    prior = prior or standard_normal(codes)
    require_event(prior, codes.shape[1])
    return (q.aggregate - prior.log_prob(codes)).mean()
