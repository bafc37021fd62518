"""What the weights of MWS, MSS and LOO promise, code by code."""

import math

import pytest
import torch
from torch.distributions import Normal

from unweave_estimators import total_correlation
from unweave_estimators.posterior_sums import pool_of, posterior_sums
from unweave_estimators.weights import log_densities


def estimate(z, mean, std, n, estimator, constants="loo"):
    sums = posterior_sums(z, pool_of(Normal(mean, std)), stratify=estimator == "mss")
    return log_densities(sums, n, estimator, constants)


def data_set(n, d, seed=0):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(n, d, generator=g, dtype=torch.float64)
    std = 0.3 + torch.rand(n, d, generator=g, dtype=torch.float64)
    return mean, std, g


@pytest.mark.parametrize("others", [1, 3, 15, 63])
@pytest.mark.parametrize("estimator", ["loo", "mss"])
def test_q_is_unbiased_over_batches(estimator, others):
    n, d = 200, 2
    mean, std, g = data_set(n, d)
    z = mean[:1] + 0.5 * std[:1]
    joint = Normal(mean, std).log_prob(z).sum(1).exp().mean()
    marginal = Normal(mean, std).log_prob(z).exp().mean(0)
    drawn = []
    for _ in range(1500):
        rows = torch.cat([torch.zeros(1, dtype=torch.long), 1 + torch.randperm(n - 1, generator=g)])
        rows = rows[: others + 1]
        q = estimate(z, mean[rows], std[rows], n, estimator)
        drawn.append(torch.cat([q.aggregate, q.marginals[0]]).exp())
    draws = torch.stack(drawn)
    error = (draws.mean(0) - torch.cat([joint[None], marginal])).abs()
    assert (error < 3 * draws.std(0) / math.sqrt(len(draws))).all()


def test_loo_is_mss_averaged_over_the_stratified_other():
    """Exactly so for q; for log q up to Jensen's gap, which is of second order."""
    mean, std, g = data_set(12, 3)
    z = mean + std * torch.randn(12, 3, generator=g, dtype=torch.float64)
    loo = estimate(z, mean, std, 300, "loo").aggregate[0]
    each = []
    for k in range(1, 12):
        order = torch.tensor([0, k, *(j for j in range(1, 12) if j != k)])
        each.append(estimate(z[order], mean[order], std[order], 300, "mss").aggregate[0])
    mss = torch.stack(each)
    torch.testing.assert_close(mss.exp().mean(), loo.exp(), rtol=1e-12, atol=0.0)
    gap = loo - mss.mean()
    second_order = 0.5 * (mss.exp() / loo.exp()).var(correction=0)
    assert gap >= 0
    torch.testing.assert_close(gap, second_order, rtol=0.05, atol=1e-12)


@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
def test_equal_posteriors_leave_the_density_alone(estimator):
    """The weights sum to one, once in the joint and once in each of ten marginals."""
    z = torch.randn(8, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    mean, std = torch.zeros_like(z), torch.ones_like(z)
    q = estimate(z, mean, std, 5000, estimator)
    torch.testing.assert_close(q.marginals, Normal(0.0, 1.0).log_prob(z))
    torch.testing.assert_close(q.aggregate, Normal(0.0, 1.0).log_prob(z).sum(1))


@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
def test_the_own_posterior_weighs_one_over_n(estimator):
    """Posteriors far apart leave it alone in the sum: the weight 1/N is on the diagonal."""
    mean = 1e3 * torch.arange(7.0, dtype=torch.float64)[:, None].expand(7, 2)
    q = estimate(mean, mean, torch.ones_like(mean), 5000, estimator)
    torch.testing.assert_close(q.aggregate, q.posterior - math.log(5000))


def test_the_stratified_other_weighs_what_is_left():
    """Two codes at one place: q = q_ii (1/N + (N - M) / (N M)) for the first of the pair."""
    mean = 1e3 * torch.tensor([0.0, 0.0, 2.0, 3.0], dtype=torch.float64)[:, None]
    n, m = 100, 3
    q = estimate(mean, mean, torch.ones_like(mean), n, "mss")
    weights = torch.tensor([1 / n + (n - m) / (n * m), 1 / n + 1 / m, 1 / n, 1 / n])
    torch.testing.assert_close(q.aggregate, q.posterior + weights.double().log())


def test_mss_is_near_the_truth_where_a_misplaced_diagonal_is_not():
    """A stride of M + 1 over a B x B matrix fills two columns; it is off by nats."""
    n, b, d = 4000, 64, 10
    mean, _, g = data_set(n, d, seed=5)
    std = torch.full_like(mean, 0.3)
    z = mean + std * torch.randn(n, d, generator=g, dtype=torch.float64)
    mss, wrong = [], []
    for _ in range(12):
        some = torch.randperm(n, generator=g)[:b]
        s = Normal(mean, std).log_prob(z[some, None])
        joint, marginals = s.sum(2).logsumexp(1), s.logsumexp(1)
        exact = (joint - marginals.sum(1)).mean() + (d - 1) * math.log(n)
        batch = z[some], mean[some], std[some]
        mss.append(total_correlation(*batch, dataset_size=n, estimator="mss") - exact)
        weights = torch.full((b, b), 1 / (b - 1), dtype=torch.float64)
        weights.view(-1)[::b] = 1 / n
        weights.view(-1)[1::b] = (n - b + 1) / (n * (b - 1))
        s = Normal(mean[some], std[some]).log_prob(z[some, None])
        joint = (s.sum(2) + weights.log()).logsumexp(1)
        marginals = (s + weights.log()[:, :, None]).logsumexp(1)
        wrong.append((joint - marginals.sum(1)).mean() - exact)
    assert abs(torch.stack(mss).mean()) < 0.7
    assert torch.stack(wrong).mean() > 2.5


@pytest.mark.parametrize("constants", ["loo", "batch", "paper"])
@pytest.mark.parametrize("b", [2, 5, 64])
def test_mws_has_the_gradient_of_its_paper_whatever_its_value(b, constants):
    mean, std, g = data_set(b, 4, seed=b)
    noise = torch.randn(b, 4, generator=g, dtype=torch.float64)
    mean, std = mean.requires_grad_(), std.requires_grad_()
    z = mean + std * noise

    s = Normal(mean, std).log_prob(z[:, None])
    log_nb = math.log(1000 * b)
    plain = ((s.sum(2).logsumexp(1) - log_nb) - (s.logsumexp(1) - log_nb).sum(1)).mean()
    ours = total_correlation(z, mean, std, dataset_size=1000, estimator="mws", constants=constants)
    torch.testing.assert_close(
        torch.autograd.grad(ours, (mean, std), retain_graph=True),
        torch.autograd.grad(plain, (mean, std)),
    )
    if constants == "paper":
        torch.testing.assert_close(ours, plain)
    if constants == "batch":
        torch.testing.assert_close(ours, plain - 3 * math.log(1000))
    if constants == "loo":
        loo = total_correlation(z, mean, std, dataset_size=1000, estimator="loo")
        torch.testing.assert_close(ours, loo)
