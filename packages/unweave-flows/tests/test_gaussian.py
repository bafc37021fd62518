"""Gaussian and Gaussian mixture densities against closed forms and scikit-learn."""

import io
import math

import pytest
import torch

from unweave_flows import Gaussian, GaussianMixture, fit_flow


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_gaussian_has_the_moments_of_the_codes(draw):
    codes = draw(500, seed=0)
    p = Gaussian(2).fit(codes)()
    centred = codes - codes.mean(dim=0)
    torch.testing.assert_close(p.mean, codes.mean(dim=0))
    torch.testing.assert_close(p.covariance_matrix, centred.T @ centred / 500, rtol=1e-4, atol=1e-5)


def test_gaussian_likelihood_is_the_closed_form(draw):
    codes = draw(500, seed=0).double()
    covariance = torch.cov(codes.T, correction=0)
    # The mean log-likelihood at the maximum is -(d log 2 pi e + log det S) / 2.
    expected = -0.5 * (2 * math.log(2 * math.pi * math.e) + torch.logdet(covariance))
    found = fit_flow(codes, "gaussian").log_prob(codes).mean()
    torch.testing.assert_close(found, expected)


def test_gaussian_of_one_dimension():
    density = Gaussian(1).fit(torch.tensor([[-1.0], [3.0]]))
    assert density().mean.item() == 1.0
    assert density().variance.item() == pytest.approx(4.0)


def test_codes_in_a_hyperplane_are_refused():
    codes = torch.randn(100, 1, generator=seeded()) @ torch.tensor([[1.0, 2.0]])
    with pytest.raises(ValueError, match="must not lie in a hyperplane"):
        Gaussian(2).fit(codes)


def test_mixture_reaches_the_entropy(draw, entropy):
    density = fit_flow(draw(10_000, seed=0), "gaussian-mixture", generator=seeded(), components=2)
    loss = -float(density.log_prob(draw(20_000, seed=1)).mean())
    # The model holds the truth; what is left is the held-out average's standard error of 0.007.
    assert abs(loss - entropy) < 0.03


def test_mixture_is_as_good_as_that_of_scikit_learn(draw):
    mixture = pytest.importorskip("sklearn.mixture")
    codes = torch.cat([draw(2_000, seed=0), draw(2_000, seed=1).flip(1)])
    theirs = mixture.GaussianMixture(4, n_init=3, random_state=0).fit(codes.double().numpy())
    ours = [
        fit_flow(codes.double(), "gaussian-mixture", generator=seeded(seed), components=4)
        for seed in range(3)
    ]
    best = max(float(density.log_prob(codes.double()).mean()) for density in ours)
    assert best > theirs.score(codes.double().numpy()) - 0.01


def test_likelihood_never_falls(draw):
    codes = draw(1_000, seed=0).double()
    likelihoods = [
        float(
            GaussianMixture(2, components=3)
            .double()
            .fit(codes, generator=seeded(), iterations=count, tolerance=-math.inf)
            .log_prob(codes)
            .mean()
        )
        for count in range(1, 12)
    ]
    # The floor of the covariances, 1e-6, costs about as much.
    assert min(torch.tensor(likelihoods).diff()) > -1e-5


def test_more_components_than_clusters_stay_finite():
    codes = torch.tensor([[0.0, 0.0], [5.0, 5.0]]).repeat(20, 1)
    density = GaussianMixture(2, components=6).fit(codes, generator=seeded())
    assert density.log_prob(codes).isfinite().all()
    assert density.sample(100, seeded()).isfinite().all()


@pytest.mark.parametrize("kind", ["gaussian", "gaussian-mixture"])
def test_samples_are_of_the_fitted_density(kind, draw):
    codes = draw(5_000, seed=0)
    density = fit_flow(codes, kind, generator=seeded())
    drawn = density.sample(5_000, seeded(1))
    # Two averages over 5,000 codes with a deviation of about 2.
    torch.testing.assert_close(drawn.mean(dim=0), codes.mean(dim=0), rtol=0, atol=0.2)
    torch.testing.assert_close(torch.cov(drawn.T), torch.cov(codes.T), rtol=0.1, atol=0.1)
    # The mean log density of its own samples is minus its entropy; both ways to draw agree.
    again = density().sample((5_000,))
    gap = density.log_prob(drawn).mean() - density.log_prob(again).mean()
    assert gap.abs() < 0.1
    assert torch.equal(drawn, density.sample(5_000, seeded(1)))


@pytest.mark.parametrize("build", [Gaussian, GaussianMixture])
def test_save_and_load(build, draw):
    density, other = build(2).fit(draw(300, seed=0), generator=seeded()), build(2)
    stream = io.BytesIO()
    torch.save(density.state_dict(), stream)
    stream.seek(0)
    other.load_state_dict(torch.load(stream, weights_only=True))
    codes = draw(10, seed=1)
    assert torch.equal(density.log_prob(codes), other.log_prob(codes))


@pytest.mark.parametrize("build", [Gaussian, GaussianMixture])
@pytest.mark.parametrize("wrong", [1, 2, 4])
def test_other_dimensions_are_refused(build, wrong):
    with pytest.raises(ValueError, match=rf"last dimension 3, got shape \(5, {wrong}\)"):
        build(3).log_prob(torch.zeros(5, wrong))


@pytest.mark.parametrize("kind", ["gaussian", "gaussian-mixture"])
def test_progress_is_reported(kind, draw):
    calls = []
    fit_flow(draw(100, seed=0), kind, progress=lambda count, total: calls.append((count, total)))
    assert calls[0][0] == 1
    assert all(count <= total for count, total in calls)


def test_too_few_codes_are_refused():
    with pytest.raises(ValueError, match="at least 10 rows, got 8"):
        GaussianMixture(2).fit(torch.rand(8, 2))
    with pytest.raises(ValueError, match="components must be a positive integer, got 0"):
        GaussianMixture(2, components=0)
