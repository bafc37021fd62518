import math

import pytest
import torch

from unweave_priors import Normal, StudentT

# Closed forms of the distribution function for one to four degrees of freedom.
CDF = {
    1.0: lambda t: 0.5 + t.atan() / math.pi,
    2.0: lambda t: 0.5 + t / (2 * (2 + t**2).sqrt()),
    3.0: lambda t: (
        0.5 + ((t / math.sqrt(3)) / (1 + t**2 / 3) + (t / math.sqrt(3)).atan()) / math.pi
    ),
    4.0: lambda t: 0.5 + 0.375 * (t / (1 + t**2 / 4).sqrt()) * (1 - t**2 / (1 + t**2 / 4) / 12),
}


@pytest.mark.parametrize("df", sorted(CDF))
def test_density_is_the_slope_of_the_distribution_function(df):
    prior = StudentT(1, df=df).double()
    t = torch.linspace(-6, 6, 41, dtype=torch.float64)
    slope = (CDF[df](t + 1e-5) - CDF[df](t - 1e-5)) / 2e-5
    torch.testing.assert_close(prior().log_prob(t[:, None]).exp(), slope, rtol=1e-5, atol=1e-8)


@pytest.mark.parametrize("df", sorted(CDF))
def test_samples_follow_the_student_t_distribution(df, generator, assert_drawn_from):
    prior = StudentT(2, df=df, loc=1.0, scale=0.5).double()
    for column in prior.sample(20_000, generator).T:
        assert_drawn_from((column - 1.0) / 0.5, CDF[df])


@pytest.mark.parametrize("df", [0.7, 5.0, 40.0])
def test_samples_pass_the_kolmogorov_smirnov_test_of_scipy(df, generator):
    stats = pytest.importorskip("scipy.stats")
    z = StudentT(1, df=df).double().sample(20_000, generator)[:, 0]
    assert stats.kstest(z.tolist(), stats.t(df).cdf).pvalue > 1e-4


def test_dimensions_are_independent_and_not_only_uncorrelated(generator):
    # A chi-squared draw that is shared by the dimensions correlates their sizes by far more.
    sizes = StudentT(2, df=3.0).sample(20_000, generator).abs().argsort(dim=0).argsort(dim=0)
    assert torch.corrcoef(sizes.T.float())[0, 1].abs() < 5 / math.sqrt(20_000)


def test_becomes_normal_as_df_grows():
    z = torch.linspace(-4, 4, 30).reshape(10, 3).double()
    expected = Normal(3).double()().log_prob(z)
    gaps = [
        float((StudentT(3, df=df).double()().log_prob(z) - expected).abs().max())
        for df in (1e2, 1e4, 1e6)
    ]
    # The leading term of log t - log N is of order z^4 / df.
    assert gaps[0] > 50 * gaps[1] > 2500 * gaps[2]
    assert gaps[2] < 1e-3


def test_small_df_gives_finite_samples(generator):
    assert StudentT(4, df=0.05).double().sample(10_000, generator).isfinite().all()


def test_learned_df_recovers_the_tails(generator):
    codes = StudentT(2, df=3.0).sample(20_000, generator)
    prior = StudentT(2, df=30.0, learned=True)
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.1)
    for _ in range(150):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    # The standard error of the maximum likelihood estimate is about 0.07 here.
    torch.testing.assert_close(prior().base_dist.df, torch.full((2,), 3.0), rtol=0, atol=0.3)


def test_expanding_keeps_the_density():
    p = StudentT(3, df=2.0)()
    z = torch.linspace(-2, 2, 12).reshape(4, 3)
    torch.testing.assert_close(p.expand((4,)).log_prob(z), p.log_prob(z))
    assert p.expand((4,)).rsample().shape == (4, 3)
