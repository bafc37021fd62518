"""The two levels of a hierarchically factorised prior against exact sums and closed forms."""

import math

import pytest
import torch
from torch.distributions import Independent, Laplace, MixtureSameFamily, MultivariateNormal, Normal

from unweave_estimators import LOO, Hierarchical, decompose, decompose_by_groups
from unweave_estimators.hierarchical import group_sizes


def problem(b, d, seed=0):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(b, d, generator=g, dtype=torch.float64)
    std = 0.2 + 0.6 * torch.rand(b, d, generator=g, dtype=torch.float64)
    return mean + std * torch.randn(b, d, generator=g, dtype=torch.float64), mean, std


@pytest.mark.parametrize("family", [Normal, Laplace])
@pytest.mark.parametrize(("d", "groups"), [(5, (2, 1, 2)), (3, (3,)), (4, (1, 1, 1, 1)), (2, ())])
def test_the_whole_data_set_gives_the_exact_sums(d, groups, family, exact):
    z, mean, std = problem(40, d)
    posterior = Independent(family(mean, std), 1)
    q, marginals = exact(z, posterior)
    sizes = groups or (1, 1)
    parts = zip(*(x.split(sizes, 1) for x in (z, mean, std)), strict=True)
    q_groups = sum(exact(z_g, Independent(family(m, s), 1))[0] for z_g, m, s in parts)
    prior = Normal(0.0, 1.0).log_prob(z).sum(1)
    got = decompose_by_groups(z, posterior=posterior, groups=groups, dataset_size=40)
    torch.testing.assert_close(got.index_code_mi, (posterior.log_prob(z) - q).mean())
    torch.testing.assert_close(got.group_total_correlation, (q - q_groups).mean())
    within = (q_groups - marginals.sum(1)).mean()
    torch.testing.assert_close(got.within_group_total_correlation, within)
    torch.testing.assert_close(got.dimension_wise_kl, (marginals.sum(1) - prior).mean())


@pytest.mark.parametrize("family", [Normal, Laplace])
def test_gradients_are_those_of_the_exact_sums(family, exact):
    leaves = [x.requires_grad_() for x in problem(20, 4)]

    def loss(group, within):
        return torch.autograd.grad(3.0 * group + within, leaves)

    z, mean, std = leaves
    posterior = Independent(family(mean, std), 1)
    q, marginals = exact(z, posterior)
    parts = zip(*(x.split((3, 1), 1) for x in leaves), strict=True)
    q_groups = sum(exact(z_g, Independent(family(m, s), 1))[0] for z_g, m, s in parts)
    got = decompose_by_groups(z, posterior=posterior, groups=(3, 1), dataset_size=20)
    torch.testing.assert_close(
        loss(got.group_total_correlation, got.within_group_total_correlation),
        loss((q - q_groups).mean(), (q_groups - marginals.sum(1)).mean()),
    )


def test_correlations_are_counted_on_the_level_where_they_are():
    """Four Gaussian dimensions: rho = .8 inside the first pair, .5 across the pairs."""
    n, noise, g = 2048, 0.3, torch.Generator().manual_seed(1)
    cov = torch.eye(4, dtype=torch.float64)
    for i, j, rho in ((0, 1, 0.8), (1, 2, 0.5), (0, 2, 0.4)):
        cov[i, j] = cov[j, i] = rho
    of_means = MultivariateNormal(torch.zeros(4).double(), cov - noise**2 * torch.eye(4))
    scale = of_means.scale_tril.mT
    mean = torch.randn(n, 4, generator=g, dtype=torch.float64) @ scale
    z = mean + noise * torch.randn(n, 4, generator=g, dtype=torch.float64)
    got = decompose_by_groups(z, mean, torch.full_like(mean, noise), dataset_size=n)
    within = -0.5 * math.log(1 - 0.8**2)
    whole = -0.5 * math.log(torch.linalg.det(cov))
    assert float(got.within_group_total_correlation) == pytest.approx(within, abs=0.06)
    # log q of few narrow posteriors in four dimensions comes out high by a tenth
    assert float(got.group_total_correlation) == pytest.approx(whole - within, abs=0.12)


@pytest.mark.parametrize("groups", [(), (1, 4), (2, 2, 1)])
def test_the_four_terms_add_up_to_the_sampled_kl(groups):
    z, mean, std = problem(24, 5)
    terms = decompose_by_groups(z, mean, std, groups=groups, dataset_size=500)
    kl = (Normal(mean, std).log_prob(z) - Normal(0.0, 1.0).log_prob(z)).sum(1).mean()
    assert abs(float(sum(terms)) - float(kl)) < 1e-5
    mi, tc, dwkl = decompose(z, mean, std, dataset_size=500)
    torch.testing.assert_close(terms[1] + terms[2], tc)
    torch.testing.assert_close((terms[0], terms[3]), (mi, dwkl))


def test_the_module_gives_the_same_and_remembers(latent_of):
    module, whole = Hierarchical(3, groups=(2, 1), memory=20), LOO(3, memory=20)
    for seed in range(3):
        latent = latent_of(b=8, seed=seed)
        terms, expected = module(latent), whole(latent)
        both = terms["group_total_correlation"] + terms["within_group_total_correlation"]
        torch.testing.assert_close(both, expected["total_correlation"])
        torch.testing.assert_close(terms["index_code_mi"], expected["index_code_mi"])
    assert module.bank is not None
    assert int(module.bank.filled) == 20
    mean, std = latent.posterior.mean, latent.posterior.std
    alone = decompose_by_groups(latent.z, mean, std, groups=(2, 1), dataset_size=1000)
    torch.testing.assert_close(
        Hierarchical(3, groups=(2, 1))(latent), alone._asdict(), check_stride=False
    )


def test_impossible_groups_get_one_sentence():
    z, mean, std = problem(4, 3)
    with pytest.raises(ValueError, match=r"add up to the 3 code dimensions, got \(2, 2\)"):
        decompose_by_groups(z, mean, std, groups=(2, 2), dataset_size=10)
    with pytest.raises(ValueError, match=r"sizes of at least 1 .* got \(3, 0\)"):
        Hierarchical(3, groups=(3, 0))
    with pytest.raises(TypeError, match="groups must be a sequence of integers, got 3"):
        group_sizes(3, 3)
    with pytest.raises(ValueError, match="groups need at least 2 code dimensions, got 1"):
        Hierarchical(1)
    with pytest.raises(ValueError, match="std must be positive"):
        decompose_by_groups(z, mean, -std, dataset_size=10)


def test_posteriors_and_priors_that_cannot_be_split_are_named(latent_of):
    z, mean, std = problem(4, 3)
    two = torch.distributions.Categorical(torch.ones(4, 3, 2).double())
    bimodal = MixtureSameFamily(two, Normal(mean[..., None] + torch.tensor([-1.0, 1.0]), 0.5))
    with pytest.raises(ValueError, match="group of dimensions needs .* got MixtureSameFamily"):
        decompose_by_groups(z, posterior=Independent(bimodal, 1), dataset_size=10)
    correlated = MultivariateNormal(torch.zeros(3), torch.eye(3))
    with pytest.raises(ValueError, match="dimension_wise_kl needs a prior that factorises"):
        Hierarchical(3)(latent_of(prior=correlated))
