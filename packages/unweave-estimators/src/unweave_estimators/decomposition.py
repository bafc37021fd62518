"""Index-code mutual information, total correlation and dimension-wise KL of a batch of codes.

[Chen] splits the mean KL(q(z|x_i) || p(z)) over a data set of N samples, with q(z) = (1/N) sum_j
q(z|x_j) and its marginals q_d, into

    index_code_mi     = E log q(z_i|x_i) - log q(z_i)
    total_correlation = E log q(z_i) - sum_d log q_d(z_id)
    dimension_wise_kl = E sum_d log q_d(z_id) - log p_d(z_id)

and the batch estimators put a weighted sum over the posteriors of one batch in the place of q and
q_d: `mws`, `mss` and `loo` differ in the weights alone (see `log_mixture`).

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


def checked_batch(
    z: Tensor,
    mean: Tensor | None,
    std: Tensor | None,
    posterior: Distribution | None,
    dataset_size: int,
) -> tuple[Tensor, Distribution]:
    """Return codes in a dtype to compute in, and the distribution of their single dimensions.

    Raises
    ------
    ValueError
        If a shape, a value, or the size of the data set is impossible.
    """
    check_codes(z)
    check_dataset_size(dataset_size, z.shape[0])
    if posterior is None:
        if mean is None or std is None:
            raise ValueError("give both mean and std, or a posterior")
        check_same_shape(z, mean=mean, std=std)
        check_finite(z=z, mean=mean, std=std)
        check_positive(std=std)
        z, mean, std = wide(z, mean, std)
        return z, Normal(mean, std, validate_args=False)
    if mean is not None or std is not None:
        raise ValueError("give either posterior, or mean and std, not both")
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
    z, base = checked_batch(z, mean, std, posterior, dataset_size)
    sums = posterior_sums(z, pool_of(base), stratify=estimator == "mss")
    return log_densities(sums, dataset_size, estimator, constants)


def marginal_prior(prior: Distribution | None, z: Tensor) -> Tensor:
    """Return log p_d(z_id), shape (b, d), of a prior or else of the standard normal.

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

    TC = (1/b) sum_i [log q(z_i) - sum_d log q_d(z_id)], q and q_d as `weights.log_mixture` says.

    Returns a scalar tensor; 0 for independent dimensions, not bounded below by 0 as an estimate.
    O(b^2 d) time, O(b d) memory.

    Parameters
    ----------
    z : float tensor, shape (b, d), z_i drawn from the posterior of x_i.
    mean, std : float tensors, shape (b, d), of Gaussian posteriors; or
    posterior
        A factorised Distribution, batch shape (b,), event shape (d,).
    dataset_size
        N, the number of samples that the batch was drawn from without replacement.
    estimator
        "loo" (default), "mss" or "mws".
    constants
        What the value of "mws" is; its gradient is the same for all.

    Raises
    ------
    ValueError
        If a shape, a value, or the size of the data set is impossible.

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

    MI = (1/b) sum_i [log q(z_i|x_i) - log q(z_i)]. Arguments and errors as `total_correlation`.

    Returns a scalar tensor, 0 where codes tell nothing; the truth is at most log N.
    O(b^2 d) time, O(b d) memory.

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
    arguments and errors as `total_correlation`.

    Returns a scalar tensor, or shape (d,) per dimension. O(b^2 d) time, O(b d) memory.

    Parameters
    ----------
    prior
        A factorised Distribution with event shape (d,); the standard normal if None.

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
    per = (q.marginals - marginal_prior(prior, codes)).mean(0)
    return per if per_dimension else per.sum()


class Decomposition(NamedTuple):
    """The three terms of a batch, scalar tensors in nats, and their sum, the mean KL."""

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

    Their sum is (1/b) sum_i [log q(z_i|x_i) - log p(z_i)], whatever the estimator. Arguments and
    errors as `total_correlation` and `dimension_wise_kl`. O(b^2 d) time, O(b d) memory.

    References
    ----------
    Chen et al. 2018, equation 2.

    Examples
    --------
    >>> import torch
    >>> mean = torch.tensor([[-50.0], [50.0]])
    >>> mi, tc, kl = decompose(mean, mean, torch.ones(2, 1), dataset_size=2)
    >>> f"{mi:.2f} {tc:.2f} {mi + tc + kl:.2f}"  # log 2, none, 50^2 / 2
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
    dimension-wise KL. Arguments and errors as `total_correlation`, and

    Returns a scalar tensor. O(b^2 d) time, O(b d) memory.

    Parameters
    ----------
    prior
        A Distribution with event shape (d,); the standard normal if None.

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
