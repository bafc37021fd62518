"""Density ratio and latent GAN: what they converge to, and where their gradients may go."""

import math

import pytest
import torch
from torch.distributions import Normal

from unweave_estimators import DensityRatio, LatentGAN, permute_dimensions
from unweave_estimators.critics import Critic, classification_loss, log_ratios

SMALL = {"width": 32, "layers": 2}
MODULES = [
    lambda d: DensityRatio(d, **SMALL),
    lambda d: DensityRatio(d, logits=1, shared=True, **SMALL),
    lambda d: DensityRatio(d, standardized=True, **SMALL),
    lambda d: LatentGAN(d, **SMALL),
    lambda d: LatentGAN(d, saturating=True, logits=2, **SMALL),
]


@pytest.mark.parametrize("build", MODULES)
def test_the_critics_loss_leaks_nothing_into_encoder_or_prior(build, latent_of):
    module = build(3)
    first, second = latent_of(seed=0), latent_of(seed=1)
    prior = torch.nn.Parameter(torch.ones(3))
    for latent in (first, second):
        latent.prior_sample = lambda: torch.randn(32, 3) * prior
    module.critic_loss(first, second).backward()
    leaves = [latent.posterior.mean for latent in (first, second)] + [prior]
    assert all(leaf.grad is None for leaf in leaves)
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in module.parameters())


@pytest.mark.parametrize("build", MODULES)
def test_the_estimate_trains_the_encoder_and_not_the_critic(build, latent_of):
    module, latent = build(3), latent_of()
    for value in module(latent).values():
        latent.posterior.mean.grad = None
        value.backward(retain_graph=True)
        assert latent.posterior.mean.grad.abs().sum() > 0
    assert all(p.grad is None for p in module.parameters())


def test_sizes_of_the_paper():
    critics = DensityRatio(10).critics
    assert len(critics) == 2
    body = list(critics[0].get_submodule("body").children())
    widths = [layer.weight.shape for layer in body if isinstance(layer, torch.nn.Linear)]
    assert widths == [(1000, 10), *[(1000, 1000)] * 5, (2, 1000)]
    slopes = [layer.negative_slope for layer in body if isinstance(layer, torch.nn.LeakyReLU)]
    assert slopes == [0.2] * 6
    expected = {"lr": 1e-4, "betas": (0.5, 0.9), "eps": 1e-8}
    assert DensityRatio(2, **SMALL).critic_optimizer == expected
    assert len(DensityRatio(10, dimension_wise=False).critics) == 1
    assert len(DensityRatio(10, shared=True).critics) == 1


def test_each_dimension_keeps_its_values_and_loses_its_partners():
    z = torch.randn(4000, 1, generator=torch.Generator().manual_seed(0)).repeat(1, 3)
    permuted = permute_dimensions(z, torch.Generator().manual_seed(1))
    torch.testing.assert_close(permuted.sort(0).values, z.sort(0).values)
    correlation = torch.corrcoef(permuted.mT)
    assert (correlation - torch.eye(3)).abs().max() < 4 / math.sqrt(4000)


def test_permutation_is_differentiable_and_seeded():
    z = torch.randn(10, 2, requires_grad=True)
    a, b = (permute_dimensions(z, torch.Generator().manual_seed(2)) for _ in range(2))
    assert torch.equal(a, b)
    (gradient,) = torch.autograd.grad((a * torch.arange(10.0)[:, None]).sum(), z)
    assert gradient.sort(0).values.tolist() == [[float(i)] * 2 for i in range(10)]


def test_two_logits_are_a_softmax():
    critic, codes = Critic(3, **SMALL), torch.randn(16, 3)
    logits = critic.body(codes)
    target = torch.zeros(16, dtype=torch.long)
    first = torch.nn.functional.cross_entropy(logits, target)
    second = torch.nn.functional.cross_entropy(logits, target + 1)
    ratio = critic(codes)[:, 0]
    torch.testing.assert_close(classification_loss(ratio, ratio), 0.5 * (first + second))


def test_two_classes_at_once_are_each_by_itself():
    critic, first, second = Critic(3, **SMALL), torch.randn(16, 3), torch.randn(7, 3)
    for found, codes in zip(log_ratios(critic, first, second), (first, second), strict=True):
        torch.testing.assert_close(found, critic(codes))


def trained(module, draw, steps):
    options = module.critic_optimizer | {"lr": 1e-3}
    optimizer = torch.optim.Adam(module.parameters(), **options)
    for _ in range(steps):
        optimizer.zero_grad()
        module.critic_loss(draw(), draw()).backward()
        optimizer.step()
    return module


@pytest.fixture
def draw_of(latent_of):
    g = torch.Generator().manual_seed(0)

    def draw(rho, shift, n=256):
        latent = latent_of(b=2, dim=2)
        latent.z = torch.randn(n, 2, generator=g)
        latent.z[:, 1] = rho * latent.z[:, 0] + math.sqrt(1 - rho**2) * latent.z[:, 1] + shift
        latent.prior_sample = lambda: torch.randn(n, 2, generator=g)
        latent.generator = g
        return latent

    return draw


@pytest.mark.parametrize(
    "options", [{"logits": 2}, {"logits": 1, "shared": True}, {"standardized": True}]
)
def test_the_density_ratio_converges_to_known_divergences(options, draw_of):
    torch.manual_seed(0)
    rho, shift = 0.8, 0.7
    module = DensityRatio(2, width=64, layers=2, **options)
    trained(module, lambda: draw_of(rho, shift), 300)
    with torch.no_grad():
        terms = module(draw_of(rho, shift, n=20000))
    tc, dwkl = -0.5 * math.log(1 - rho**2), shift**2 / 2
    assert float(terms["total_correlation"]) == pytest.approx(tc, abs=0.1)
    assert float(terms["dimension_wise_kl"]) == pytest.approx(dwkl, abs=0.06)


def test_standardized_codes_are_neither_moved_nor_widened_together(latent_of):
    torch.manual_seed(0)
    module, latent = DensityRatio(3, standardized=True, **SMALL), latent_of()
    z = (0.2 * latent.z.detach() + 4).requires_grad_()
    latent.z = z
    (gradient,) = torch.autograd.grad(module(latent)["total_correlation"], z)
    size = gradient.abs().sum(0)
    assert (gradient.sum(0).abs() < 1e-4 * size).all()
    centred = z.detach() - z.detach().mean(0)
    assert ((gradient * centred).sum(0).abs() < 1e-3 * (gradient * centred).abs().sum(0)).all()
    plain = DensityRatio(3, **SMALL)
    (gradient,) = torch.autograd.grad(plain(latent)["total_correlation"], z)
    assert (gradient.sum(0).abs() > 0.1 * gradient.abs().sum(0)).any()


def test_standardized_codes_have_their_total_correlation_wherever_they_are(draw_of):
    def draw(n=256):
        latent = draw_of(0.8, 0.0, n)
        latent.z = 0.02 * latent.z + torch.tensor([5.0, -3.0])
        return latent

    found = {}
    for standardized in (False, True):
        torch.manual_seed(0)
        options = {"dimension_wise": False, "standardized": standardized}
        module = trained(DensityRatio(2, width=64, layers=2, **options), draw, 300)
        with torch.no_grad():
            found[standardized] = float(module(draw(20000))["total_correlation"])
    exact = -0.5 * math.log(1 - 0.8**2)
    assert found[True] == pytest.approx(exact, abs=0.1)
    assert abs(found[False] - exact) > 0.3  # what the other critic has not learned in this time


def test_the_latent_gan_converges_to_the_js_divergence(draw_of):
    torch.manual_seed(0)
    module = trained(LatentGAN(2, width=64, layers=2), lambda: draw_of(0.0, 1.5), 400)
    with torch.no_grad():
        js = module(draw_of(0.0, 1.5, n=20000))["js"]
    grid = torch.linspace(-8, 10, 20001, dtype=torch.float64)
    p, q = Normal(0.0, 1.0).log_prob(grid).exp(), Normal(1.5, 1.0).log_prob(grid).exp()
    m = (p + q) / 2
    truth = 0.5 * torch.trapezoid(p * (p / m).log() + q * (q / m).log(), grid)
    assert float(js) == pytest.approx(float(truth), abs=0.02)


def test_the_non_saturating_gradient_survives_a_sure_critic(latent_of):
    gradients = []
    for saturating in (False, True):
        torch.manual_seed(0)
        module, latent = LatentGAN(3, saturating=saturating, **SMALL), latent_of()
        last = module.critic.body[-1]
        assert isinstance(last, torch.nn.Linear)
        last.bias.data.fill_(-30.0)  # sure that nothing is from the prior
        js = module(latent)["js"]
        js.backward()
        gradients.append(float(latent.posterior.mean.grad.norm()))
    assert gradients[0] > 1e-4
    assert gradients[1] < 1e-9


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Critic(3, logits=3), "logits must be 1 or 2, got 3"),
        (lambda: Critic(3, width=0), "width and layers must be at least 1"),
    ],
)
def test_impossible_networks(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_codes_of_another_width_are_named(latent_of):
    with pytest.raises(ValueError, match="z must have 4 columns, got 3"):
        DensityRatio(4, **SMALL)(latent_of(dim=3))
