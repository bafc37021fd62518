"""Exact statements of the papers, of the losses, posteriors and priors that unweave trains with.

Mathieu, Rainforth, Siddharth and Teh, "Disentangling disentanglement in variational autoencoders",
2019: theorem 1, corollary 1, theorem 2. Braithwaite, O'Connor and Kleijn, "Variance constrained
autoencoding", 2020: proposition 1.
"""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.distributions import Independent, MultivariateNormal, Normal

from unweave.costs import SquaredError
from unweave.latent import Latent
from unweave.method_terms import build_estimators
from unweave.methods.variational import beta_vae
from unweave.objectives.terms import WeightedTerms
from unweave.players import Parts
from unweave.posterior import FixedNoise, Gaussian
from unweave.registry import registry
from unweave_estimators import decoder_gradient_penalty
from unweave_priors import AnisotropicNormal, Laplace, StudentT
from unweave_priors import Normal as NormalPrior

B, D = 7, 3
BETAS = (0.25, 1.0, 4.0)
LOG_2PI = math.log(2 * math.pi)


class Elbo:
    """-(cost + beta KL) as `beta-vae` trains with it, of a decoder, a prior and fixed images."""

    def __init__(self, decoder, prior, beta, dim=D):
        self.decoder, self.prior, self.cost = decoder, prior, SquaredError()
        terms = beta_vae(beta=beta, cost="l2sq").terms
        built = build_estimators(registry(), terms, "unweave", dim, Gaussian(dim))
        self.terms = WeightedTerms(
            Parts(None, self.cost, *built, (4, 4, 1), dim, (), registry().build)
        )

    def __call__(self, x, posterior, z):
        latent = Latent(z, posterior, self.prior, self.decoder, 100, torch.Generator())
        cost = self.cost(x, self.decoder(z)).mean()
        return -self.terms.add_terms(cost, latent, torch.tensor(0))[0]


class Turned(nn.Module):
    """A decoder of codes that a matrix is applied to first."""

    def __init__(self, decoder, matrix):
        super().__init__()
        self.decoder, self.matrix = decoder, matrix

    def forward(self, z):
        return self.decoder(z @ self.matrix.T)


class Dense:
    """A posterior with any covariance, as theorem 2 needs it."""

    has_density = True

    def __init__(self, mean, covariance):
        self.mean, self.distribution = mean, MultivariateNormal(mean, covariance)
        self.std = self.distribution.stddev
        self.log_prob = self.distribution.log_prob


@pytest.fixture(autouse=True)
def wide():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(before)


@pytest.fixture
def case():
    """Images, a decoder, and an encoder's outputs with a gradient."""
    generator = torch.Generator().manual_seed(0)
    decoder = nn.Sequential(
        nn.Linear(D, 5), nn.Tanh(), nn.Linear(5, 16), nn.Unflatten(1, (1, 4, 4))
    )
    with torch.no_grad():
        for weight in decoder.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator))
    x = torch.rand(B, 1, 4, 4, generator=generator)
    parameters = torch.randn(B, 2 * D, generator=generator).requires_grad_()
    noise = torch.randn(B, D, generator=generator)
    return x, decoder, parameters, noise


def log_normaliser(beta, scales):
    """Return log F_beta = log of the integral of N(z; 0, diag(scales²))^beta."""
    log_determinant = 2 * scales.log().sum()
    return ((1 - beta) * (D * LOG_2PI + log_determinant) - D * math.log(beta)) / 2


@pytest.mark.parametrize("beta", BETAS)
def test_theorem_1_the_annealed_prior_and_the_entropy_are_the_beta_vae(case, beta):
    x, decoder, parameters, noise = case
    posterior = Gaussian(D)(parameters)
    z = posterior.mean + posterior.std * noise
    trained = Elbo(decoder, NormalPrior(D), beta)(x, posterior, z)
    q = posterior.distribution
    annealed = Independent(Normal(torch.zeros(D), torch.full((D,), beta**-0.5)), 1)
    divergence = torch.distributions.kl_divergence(q, annealed).mean()
    elbo = -SquaredError()(x, decoder(z)).mean() - divergence
    right_side = elbo + (beta - 1) * q.entropy().mean() + log_normaliser(beta, torch.ones(D))
    assert trained.item() == pytest.approx(right_side.item(), rel=1e-12)


@pytest.mark.parametrize("prior", [StudentT(1, df=30.0), Laplace(1)])
@pytest.mark.parametrize("beta", BETAS)
def test_theorem_1_holds_for_priors_that_are_not_normal(prior, beta):
    """The right side by quadrature in one dimension, the left from draws, as it is trained."""
    grid = torch.linspace(-60, 60, 600_001)
    p = prior.to(torch.float64)().log_prob(grid[:, None])
    log_f = torch.trapezoid((beta * p).exp(), grid).log()
    draws = 40_000
    parameters = torch.tensor([[0.7, -0.6]]).expand(draws, 2)
    posterior = Gaussian(1)(parameters)
    log_q = Gaussian(1)(parameters[:1]).log_prob(grid[:, None])
    q = log_q.exp()
    to_annealed = torch.trapezoid(q * (log_q - (beta * p - log_f)), grid)
    entropy = -torch.trapezoid(q * log_q, grid)
    right_side = -to_annealed + (beta - 1) * entropy + log_f
    z = posterior.rsample(torch.Generator().manual_seed(1))
    x, decoder = torch.zeros(draws, 1, 1, 1), nn.Unflatten(1, (1, 1, 1))
    trained = Elbo(decoder, prior, beta, dim=1)(x, posterior, z) + z.square().mean()
    each = beta * (posterior.log_prob(z) - prior().log_prob(z))
    assert abs(trained - right_side) < 5 * each.std() / draws**0.5
    assert abs(trained - right_side) < 0.05


@pytest.mark.parametrize("beta", BETAS)
def test_corollary_1_scaled_codes_and_an_entropy_are_the_beta_vae(case, beta):
    """The value, and the gradients of encoder and decoder, at equal noise."""
    x, decoder, parameters, noise = case
    scales = torch.tensor([0.5, 1.0, 2.0])
    prior = AnisotropicNormal(D, scales=tuple(scales.tolist())).to(torch.float64)
    posterior = Gaussian(D)(parameters)
    z = posterior.mean + posterior.std * noise
    trained = Elbo(decoder, prior, beta)(x, posterior, z)

    mean, h = parameters.chunk(2, 1)
    grown = Gaussian(D)(torch.cat([beta**0.5 * mean, h + math.log(beta)], 1))
    shrinking = Turned(decoder, torch.eye(D) / beta**0.5)
    codes = grown.mean + grown.std * noise
    constant = D * (beta - 1) / 2 * (1 + LOG_2PI - math.log(beta)) + log_normaliser(beta, scales)
    entropy = (beta - 1) / 2 * grown.std.square().log().sum(1).mean()
    right_side = Elbo(shrinking, prior, 1.0)(x, grown, codes) + entropy + constant
    assert trained.item() == pytest.approx(right_side.item(), rel=1e-12)
    learned = [parameters, *decoder.parameters()]
    gradients = zip(
        *(torch.autograd.grad(value, learned) for value in (trained, right_side)), strict=True
    )
    for one, other in gradients:
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-12)


def rotation():
    noise = torch.randn(D, D, generator=torch.Generator().manual_seed(2))
    matrix, _ = torch.linalg.qr(noise)
    matrix[:, 0] *= torch.linalg.det(matrix)
    return matrix


@pytest.mark.parametrize("beta", BETAS)
def test_theorem_2_the_beta_vae_sees_no_rotation_of_an_isotropic_prior(case, beta):
    x, decoder, parameters, noise = case
    turn = rotation()
    posterior = Gaussian(D)(parameters)
    z = posterior.mean + posterior.std * noise
    covariance = turn @ torch.diag_embed(posterior.std.square()) @ turn.T
    turned = Dense(posterior.mean @ turn.T, covariance)

    def both(prior):
        plain = Elbo(decoder, prior, beta)(x, posterior, z)
        # torch has closed forms between two dense normal distributions, and between two factorised.
        same = MultivariateNormal(prior().mean, torch.diag_embed(prior().variance))
        elbo = Elbo(Turned(decoder, turn.T), lambda: same, beta)
        return plain.item(), elbo(x, turned, z @ turn.T).item()

    for scale in (1.0, 1.7):
        plain, rotated = both(NormalPrior(D, scale=scale).to(torch.float64))
        assert plain == pytest.approx(rotated, rel=1e-12)
    plain, rotated = both(AnisotropicNormal(D, scales=(0.5, 1.0, 2.0)).to(torch.float64))
    assert abs(plain - rotated) > 0.01 * beta  # what section 6.1 is about


def expected_error(x, decoder, posterior):
    """Integrate |x - D(mean + e)|² over Gaussian noise: Gauss and Hermite, exact to degree 13."""
    points, weights = np.polynomial.hermite_e.hermegauss(7)
    weights /= weights.sum()
    total = torch.zeros(len(x))
    for place in itertools.product(range(len(points)), repeat=D):
        noise = torch.tensor(points[list(place)])
        z = posterior.mean + posterior.std * noise
        total += math.prod(weights[list(place)]) * SquaredError()(x, decoder(z)).detach()
    return total


def proposition(x, decoder, posterior):
    """The right side of equation 5, images one by one, by unweave's cost and penalty."""
    penalties = []
    for mean in posterior.mean:
        jacobian = torch.autograd.functional.jacobian(lambda z: decoder(z[None]).ravel(), mean)
        penalties.append(jacobian.square().sum())
    squares = torch.stack(penalties)
    return SquaredError()(x, decoder(posterior.mean)).detach(), squares


def test_proposition_1_is_exact_for_linear_decoders_and_any_noise(case):
    x, _, parameters, _ = case
    decoder = nn.Sequential(nn.Linear(D, 16), nn.Unflatten(1, (1, 4, 4)))
    posterior = FixedNoise(D, noise=0.8)(parameters.detach()[:, :D])
    error, squares = proposition(x, decoder, posterior)
    value = expected_error(x, decoder, posterior)
    torch.testing.assert_close(value, error + 0.8**2 * squares, rtol=1e-10, atol=0)
    generator = torch.Generator().manual_seed(0)
    penalty = decoder_gradient_penalty(decoder, posterior.mean, probes=4000, generator=generator)
    assert penalty.item() == pytest.approx(squares.mean().item(), rel=0.05)


def test_proposition_1_leaves_a_term_of_the_same_order_out_for_other_decoders(case):
    """With curvature, sigma² sum_i (x_i - D_i) tr H_i is missing, unless x is reconstructed.

    The proof expands the decoder to first order; the second order times the residual is of the
    order of sigma², too. With it, what remains falls as sigma⁴.
    """
    x, decoder, parameters, _ = case
    remainders = {}
    for noise in (0.02, 0.01):
        posterior = FixedNoise(D, noise=noise)(parameters.detach()[:, :D])
        error, squares = proposition(x, decoder, posterior)
        missing = []
        for image, mean in zip(x, posterior.mean, strict=True):
            residual = (image - decoder(mean[None])[0]).detach()

            def along(z, residual=residual):
                return (residual * decoder(z[None])[0]).sum()

            missing.append(torch.autograd.functional.hessian(along, mean).trace())
        value = expected_error(x, decoder, posterior)
        as_published = value - error - noise**2 * squares
        remainders[noise] = (as_published + noise**2 * torch.stack(missing)).abs()
        assert (as_published.abs() > 20 * remainders[noise]).any()
        exact = decoder(posterior.mean).detach()
        reconstructed = expected_error(exact, decoder, posterior)
        assert torch.allclose(reconstructed, noise**2 * squares, rtol=0.05)
    assert (remainders[0.02] / remainders[0.01]).median().item() == pytest.approx(16, rel=0.1)
