"""The three terms against exact sums, closed forms and what must not change them."""

import math

import pytest
import torch
from torch.distributions import Independent, Laplace, Normal, StudentT

from unweave_estimators import (
    decompose,
    dimension_wise_kl,
    index_code_mi,
    marginal_kl,
    total_correlation,
)

ESTIMATORS = ("mws", "mss", "loo")


def problem(b, d, seed=0, noise=(0.2, 0.9)):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(b, d, generator=g, dtype=torch.float64) * 1.5
    low, high = noise
    std = low + (high - low) * torch.rand(b, d, generator=g, dtype=torch.float64)
    z = mean + std * torch.randn(b, d, generator=g, dtype=torch.float64)
    return z, mean, std


@pytest.mark.parametrize("estimator", ["loo", "mws"])
@pytest.mark.parametrize("d", [1, 2, 7])
def test_the_whole_data_set_gives_the_exact_sums(estimator, d, exact):
    z, mean, std = problem(50, d)
    posterior = Independent(Normal(mean, std), 1)
    joint, marginals = exact(z, posterior)
    prior = Normal(0.0, 1.0).log_prob(z)
    got = decompose(z, mean, std, dataset_size=50, estimator=estimator)
    torch.testing.assert_close(got.index_code_mi, (posterior.log_prob(z) - joint).mean())
    torch.testing.assert_close(got.total_correlation, (joint - marginals.sum(1)).mean())
    torch.testing.assert_close(got.dimension_wise_kl, (marginals - prior).sum(1).mean())


@pytest.mark.parametrize("family", [Laplace, lambda m, s: StudentT(4.0 + s, m, s)])
@pytest.mark.parametrize("estimator", ["loo", "mws"])
def test_other_families_give_the_exact_sums_and_gradients(family, estimator, exact):
    z, mean, std = problem(40, 3)

    def gradients(value):
        leaves = (z, mean, std)
        return torch.autograd.grad(value(*leaves), leaves)

    def ours(z, mean, std):
        posterior = Independent(family(mean, std), 1)
        return total_correlation(z, posterior=posterior, dataset_size=40, estimator=estimator)

    def truth(z, mean, std):
        joint, marginals = exact(z, Independent(family(mean, std), 1))
        return (joint - marginals.sum(1)).mean()

    z, mean, std = (x.requires_grad_() for x in (z, mean, std))
    torch.testing.assert_close(ours(z, mean, std), truth(z, mean, std))
    torch.testing.assert_close(gradients(ours), gradients(truth))


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.6, 0.9])
def test_correlated_gaussians_have_their_total_correlation(rho):
    n, g = 2048, torch.Generator().manual_seed(1)
    noise = math.sqrt((1 - rho) / 2)
    cov = torch.tensor([[1 - noise**2, rho], [rho, 1 - noise**2]], dtype=torch.float64)
    mean = torch.randn(n, 2, generator=g, dtype=torch.float64) @ torch.linalg.cholesky(cov).mT
    z = mean + noise * torch.randn(n, 2, generator=g, dtype=torch.float64)
    got = total_correlation(z, mean, torch.full_like(mean, noise), dataset_size=n)
    # the log-ratio of a code has standard deviation rho; the finite mixture adds under .02
    truth = -0.5 * math.log(1 - rho**2)
    assert abs(float(got) - truth) < 3 * (rho + 0.1) / math.sqrt(n) + 0.02


@pytest.mark.parametrize("constants", ["loo", "batch", "paper"])
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_terms_add_up_to_the_mean_kl(estimator, constants):
    z, mean, std = problem(24, 5)
    options = {"dataset_size": 500, "estimator": estimator, "constants": constants}
    q, p = Normal(mean, std), Normal(0.0, 1.0)
    kl = (q.log_prob(z) - p.log_prob(z)).sum(1).mean()
    terms = decompose(z, mean, std, **options)
    assert abs(float(sum(terms)) - float(kl)) < 1e-5
    both = terms.total_correlation + terms.dimension_wise_kl
    torch.testing.assert_close(marginal_kl(z, mean, std, **options), both)
    single = [f(z, mean, std, **options) for f in (index_code_mi, total_correlation)]
    torch.testing.assert_close(tuple(terms[:2]), tuple(single))


@pytest.mark.parametrize("estimator", ["loo", "mws"])
def test_the_order_of_the_batch_changes_nothing(estimator):
    z, mean, std = problem(33, 4)
    order = torch.randperm(33, generator=torch.Generator().manual_seed(3))
    options = {"dataset_size": 100, "estimator": estimator}
    torch.testing.assert_close(
        decompose(z, mean, std, **options),
        decompose(z[order], mean[order], std[order], **options),
    )


def test_mss_changes_only_with_the_cyclic_order():
    z, mean, std = problem(33, 4)
    options = {"dataset_size": 100, "estimator": "mss"}
    rolled = (x.roll(5, 0) for x in (z, mean, std))
    torch.testing.assert_close(decompose(z, mean, std, **options), decompose(*rolled, **options))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_order_of_dimensions_permutes_their_terms(estimator):
    z, mean, std = problem(20, 4)
    order = torch.tensor([2, 0, 3, 1])
    options = {"dataset_size": 90, "estimator": estimator}
    permuted = [x[:, order] for x in (z, mean, std)]
    torch.testing.assert_close(
        dimension_wise_kl(z, mean, std, per_dimension=True, **options)[order],
        dimension_wise_kl(*permuted, per_dimension=True, **options),
    )
    torch.testing.assert_close(decompose(z, mean, std, **options), decompose(*permuted, **options))


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_shift_and_scale_leave_tc_and_mi_alone(estimator):
    z, mean, std = problem(20, 3)
    shift = torch.tensor([5.0, -2.0, 0.1], dtype=z.dtype)
    scale = torch.tensor([0.01, 3.0, 40.0], dtype=z.dtype)
    options = {"dataset_size": 90, "estimator": estimator}
    before = decompose(z, mean, std, **options)
    after = decompose(z * scale + shift, mean * scale + shift, std * scale, **options)
    torch.testing.assert_close(before[:2], after[:2])


def test_any_factorised_prior_is_taken_and_others_only_as_a_whole():
    z, mean, std = problem(20, 2)
    prior = Independent(Laplace(torch.zeros(2), torch.ones(2)), 1)
    part = dimension_wise_kl(z, mean, std, dataset_size=50, prior=prior)
    standard = dimension_wise_kl(z, mean, std, dataset_size=50)
    difference = (Normal(0.0, 1.0).log_prob(z) - Laplace(0.0, 1.0).log_prob(z)).sum(1).mean()
    torch.testing.assert_close(part - standard, difference)
    correlated = torch.distributions.MultivariateNormal(
        torch.zeros(2).double(), torch.tensor([[1.0, 0.5], [0.5, 1.0]]).double()
    )
    with pytest.raises(ValueError, match="prior that factorises.*MultivariateNormal"):
        dimension_wise_kl(z, mean, std, dataset_size=50, prior=correlated)
    whole = marginal_kl(z, mean, std, dataset_size=50, prior=correlated)
    standard = marginal_kl(z, mean, std, dataset_size=50)
    expected = (Normal(0.0, 1.0).log_prob(z).sum(1) - correlated.log_prob(z)).mean()
    torch.testing.assert_close(whole - standard, expected)


def nan_posterior():
    mean = torch.full((4, 2), math.nan)
    return Independent(Laplace(mean, 1.0, validate_args=False), 1, validate_args=False)


def changed(**changes):
    z, mean, std = problem(4, 2)
    return {"z": z, "mean": mean, "std": std, "dataset_size": 10} | changes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (changed(z=torch.zeros(4)), r"z must have shape \(b, d\), got \(4,\)"),
        (changed(z=torch.zeros(4, 0)), r"z must have shape \(b, d\), got \(4, 0\)"),
        (changed(mean=torch.zeros(4, 3)), r"mean must have the shape of z, \(4, 2\)"),
        (changed(std=torch.ones(3, 2)), r"std must have the shape of z, \(4, 2\)"),
        (changed(z=torch.zeros(1, 2)), "batch of at least 2 codes, got 1"),
        (changed(dataset_size=3), "dataset_size must be at least .* 4, got 3"),
        (changed(std=torch.zeros(4, 2)), "std must be positive, got a smallest value of 0"),
        (changed(z=torch.full((4, 2), math.nan)), "z must be finite"),
        (changed(mean=torch.full((4, 2), math.inf)), "mean must be finite"),
        (changed(std=torch.full((4, 2), math.nan)), "std must be finite"),
        (changed(std=None), "mean or std is missing"),
        (changed(estimator="tc"), "estimator must be one of mws, mss, loo, got 'tc'"),
        (changed(constants="none"), "constants must be one of loo, batch, paper"),
        (
            changed(posterior=nan_posterior(), mean=None, std=None),
            r"posterior's loc must satisfy Real\(\), got NaN",
        ),
        (
            changed(posterior=Independent(Normal(torch.zeros(4, 2), 1.0), 1)),
            "posterior replaces mean and std",
        ),
        (
            changed(posterior=Normal(torch.zeros(4, 2), 1.0), mean=None, std=None),
            "needs a posterior that factorises",
        ),
        (
            changed(posterior=Independent(Normal(torch.zeros(5, 2), 1.0), 1), mean=None, std=None),
            r"posterior must have the shape of z",
        ),
    ],
)
def test_impossible_arguments_get_one_sentence(arguments, message):
    with pytest.raises(ValueError, match=message) as error:
        total_correlation(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (changed(z=[[0.0, 1.0]]), "z must be a torch tensor, got list"),
        (
            changed(z=torch.zeros(4, 2, dtype=torch.int64)),
            "floating-point numbers, got torch.int64",
        ),
        (changed(std=0.3), "std must be a torch tensor, got float"),
        (changed(dataset_size=10.0), "dataset_size must be an integer, got float"),
        (changed(prior=3), "prior must be a torch Distribution, got int"),
    ],
)
def test_arguments_of_another_type_are_named(arguments, message):
    with pytest.raises(TypeError, match=message):
        dimension_wise_kl(**arguments)


def test_a_prior_of_another_width_is_named():
    with pytest.raises(ValueError, match=r"prior must have event shape \(2,\), got \(3,\)"):
        dimension_wise_kl(**changed(prior=Independent(Normal(torch.zeros(3), 1.0), 1)))
