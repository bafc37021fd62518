"""KL of the posteriors from the prior against closed forms and quadrature."""

import math

import pytest
import torch
from torch.distributions import (
    Independent,
    Laplace,
    MultivariateNormal,
    Normal,
    StudentT,
)

from unweave_estimators import AnalyticKL, SampledKL, analytic_kl, inclusive_kl, sampled_kl
from unweave_estimators.inclusive_kl import InclusiveKL


def gaussian_kl(mean, std, d):
    """1/2 (mean^2 + std^2 - 1) - log std, for each of d dimensions."""
    return d * (0.5 * (mean**2 + std**2 - 1) - math.log(std))


def batch(mean, std, b=2000, d=3):
    return Independent(Normal(torch.full((b, d), mean), torch.full((b, d), std)), 1)


def standard(d=3):
    return Independent(Normal(torch.zeros(d), torch.ones(d)), 1)


@pytest.mark.parametrize(("mean", "std"), [(0.0, 1.0), (2.0, 0.5), (-1.0, 3.0)])
def test_gaussians(mean, std):
    q = batch(mean, std)
    truth = gaussian_kl(mean, std, 3)
    assert float(analytic_kl(q, standard())) == pytest.approx(truth, rel=1e-5, abs=1e-6)
    parts = analytic_kl(q, standard(), per_dimension=True)
    torch.testing.assert_close(parts, torch.full((3,), truth / 3), rtol=1e-5, atol=1e-6)
    torch.manual_seed(0)
    z = q.sample()
    sampled = q.log_prob(z) - standard().log_prob(z)
    error = 3 * float(sampled.std()) / math.sqrt(2000) + 1e-6
    assert float(sampled_kl(z, q, standard())) == pytest.approx(truth, abs=error)
    per = sampled_kl(z, q, standard(), per_dimension=True)
    torch.testing.assert_close(per.sum(), sampled.mean())


def test_a_pair_without_closed_form_is_sampled_near_the_quadrature():
    q = Independent(Normal(torch.ones(20000, 1), 0.5), 1)
    p = Independent(StudentT(torch.full((1,), 5.0), 0.0, 1.0), 1)
    grid = torch.linspace(-5, 7, 20001, dtype=torch.float64)
    log_q, log_p = Normal(1.0, 0.5).log_prob(grid), StudentT(5.0, 0.0, 1.0).log_prob(grid)
    truth = torch.trapezoid(log_q.exp() * (log_q - log_p), grid)
    torch.manual_seed(0)
    z = q.sample()
    assert float(analytic_kl(q, p, z)) == pytest.approx(float(truth), abs=0.03)
    with pytest.raises(ValueError, match="the KL has no closed form from Normal to StudentT"):
        analytic_kl(q, p)


def test_what_does_not_factorise_has_no_parts():
    prior = MultivariateNormal(torch.zeros(3), torch.eye(3))
    with pytest.raises(ValueError, match="KL per dimension needs a prior that factorises"):
        analytic_kl(batch(0.0, 1.0), prior, per_dimension=True)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda q: analytic_kl(q, standard(2)), r"prior must have event shape \(3,\), got \(2,\)"),
        (lambda q: analytic_kl(q.base_dist, standard()), r"posterior must be .* of batch shape"),
        (lambda q: analytic_kl(q.mean, standard()), r"posterior must be a Distribution .*Tensor"),
        (lambda q: sampled_kl(q.mean[:, :2], q, standard()), r"z must have shape \(2000, 3\)"),
        (lambda q: sampled_kl(q.mean * math.nan, q, standard()), "z must be finite"),
        (lambda q: inclusive_kl(q.mean, q.stddev, q.mean[0]), r"prior_codes must have shape"),
        (lambda q: inclusive_kl(q.mean, q.stddev, q.mean[:, :2]), "mean and prior_codes must have"),
        (lambda q: inclusive_kl(q.mean, q.stddev, q.mean, standard(2)), "prior must have event"),
    ],
)
def test_impossible_arguments_get_one_sentence(call, message):
    with pytest.raises(ValueError, match=message) as error:
        call(batch(0.0, 1.0))
    assert "\n" not in str(error.value)


def test_modules_give_the_same(latent_of):
    latent = latent_of(b=64)
    mean, std = latent.posterior.mean.detach(), latent.posterior.std.detach()
    parts = (0.5 * (mean**2 + std**2 - 1) - std.log()).mean(0)
    torch.testing.assert_close(AnalyticKL(3)(latent)["kl"].detach(), parts.sum())
    free = AnalyticKL(3, free_bits=0.93)(latent)["kl"].detach()
    torch.testing.assert_close(free, parts.clamp(min=0.93).sum())
    assert (parts < 0.93).any()
    q, p = Normal(mean, std), Normal(0.0, 1.0)
    per = (q.log_prob(latent.z.detach()) - p.log_prob(latent.z.detach())).mean(0)
    torch.testing.assert_close(SampledKL(3)(latent)["kl"].detach(), per.sum())
    free = SampledKL(3, free_bits=0.93)(latent)["kl"].detach()
    torch.testing.assert_close(free, per.clamp(min=0.93).sum())
    with pytest.raises(ValueError, match="free_bits must not be negative"):
        AnalyticKL(3, free_bits=-1.0)


@pytest.mark.parametrize("kind", [AnalyticKL, SampledKL, InclusiveKL])
def test_a_posterior_without_density_is_refused(kind, latent_of):
    latent = latent_of()
    latent.posterior.has_density = False
    with pytest.raises(ValueError, match="needs a posterior with a density, got Posterior"):
        kind(3)(latent)


def test_inclusive_kl_of_one_gaussian():
    """KL(N(0,1) || N(m,s^2)) = log s + (1 + m^2) / (2 s^2) - 1/2."""
    torch.manual_seed(0)
    z = torch.randn(50000, 1)
    got = inclusive_kl(torch.full((5, 1), 1.0), torch.full((5, 1), 1.5), z)
    truth = math.log(1.5) + 2.0 / (2 * 2.25) - 0.5
    assert float(got) == pytest.approx(truth, abs=0.02)


def test_inclusive_kl_of_a_mixture_by_quadrature(latent_of):
    grid = torch.linspace(-9, 9, 20001, dtype=torch.float64)
    q = 0.5 * (Normal(-2.0, 0.5).log_prob(grid).exp() + Normal(1.0, 1.0).log_prob(grid).exp())
    prior = Laplace(torch.zeros(1).double(), torch.ones(1).double())
    log_p = prior.log_prob(grid[:, None])[:, 0]
    truth = torch.trapezoid(log_p.exp() * (log_p - q.log()), grid)
    torch.manual_seed(0)
    z = prior.sample((100000,))
    mean, std = torch.tensor([[-2.0], [1.0]]), torch.tensor([[0.5], [1.0]])
    got = inclusive_kl(mean, std, z, Independent(prior, 1))
    assert float(got) == pytest.approx(float(truth), rel=0.03)


def test_inclusive_kl_sees_holes_that_codes_do_not(latent_of):
    wide, narrow = latent_of(b=50, dim=2), latent_of(b=50, dim=2)
    narrow.posterior = type(narrow.posterior)(
        narrow.posterior.mean + 4.0, narrow.posterior.std.detach()
    )
    values = [InclusiveKL(2)(latent)["inclusive_kl"] for latent in (wide, narrow)]
    assert values[1] > values[0] + 1
    (gradient,) = torch.autograd.grad(values[1], narrow.posterior.mean)
    assert (gradient.mean(0) > 0).all()  # descent brings the codes back
    with pytest.raises(ValueError, match="std must be positive"):
        inclusive_kl(torch.zeros(4, 2), torch.zeros(4, 2), torch.zeros(3, 2))
