import math

import pytest
import torch

from unweave_priors import AnisotropicNormal, Normal, principal_scales


def unused(images):
    raise AssertionError("these scales are those of the images, and no code is asked for")


def normal_cdf(loc=0.0, scale=1.0):
    return lambda z: torch.special.ndtr((z - loc) / scale)


@pytest.mark.parametrize(("loc", "scale"), [(0.0, 1.0), (-1.5, 0.3)])
def test_log_prob_is_the_closed_form(loc, scale):
    z = torch.tensor([[0.3, -2.0, 1.1]])
    squares = sum(((value - loc) / scale) ** 2 for value in z[0].tolist())
    expected = -0.5 * squares - 3 * math.log(scale * math.sqrt(2 * math.pi))
    assert Normal(3, loc=loc, scale=scale)().log_prob(z).item() == pytest.approx(expected, rel=1e-6)


def test_samples_follow_the_normal_distribution(generator, assert_drawn_from):
    z = Normal(3, loc=-1.5, scale=0.3).sample(20_000, generator)
    for column in z.T:
        assert_drawn_from(column, normal_cdf(-1.5, 0.3))
    assert torch.corrcoef(z.T).fill_diagonal_(0).abs().max() < 5 / math.sqrt(20_000)


def test_anisotropic_samples_have_their_scales(generator, assert_drawn_from):
    prior = AnisotropicNormal(3, scales=(3.0, 1.0, 0.1))
    for column, scale in zip(prior.sample(20_000, generator).T, (3.0, 1.0, 0.1), strict=True):
        assert_drawn_from(column, normal_cdf(scale=scale))


def test_learned_scales_recover_the_spread_of_codes(generator):
    prior = AnisotropicNormal(2, learned=True)
    codes = torch.randn(4_000, 2, generator=generator) * torch.tensor([2.0, 0.5])
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(200):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    maximum_likelihood = codes.square().mean(dim=0).sqrt()
    torch.testing.assert_close(prior().stddev, maximum_likelihood, rtol=1e-3, atol=0)


def test_given_scales_are_no_parameters():
    assert list(AnisotropicNormal(2, scales=(1.0, 2.0)).parameters()) == []


def test_principal_scales_of_a_rotated_gaussian(generator):
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, generator=generator))
    spread = torch.tensor([4.0, 2.0, 1.0, 0.1, 0.1])
    data = 7.0 + (torch.randn(50_000, 5, generator=generator) * spread) @ rotation
    expected = torch.tensor([4.0, 2.0, 1.0]) / math.sqrt((16 + 4 + 1) / 3)
    torch.testing.assert_close(principal_scales(data, 3), expected, rtol=0.02, atol=0)


def test_principal_scales_flatten_images():
    images = torch.arange(2 * 3 * 4.0).reshape(2, 3, 4, 1)
    assert principal_scales(images, 1).tolist() == [1.0]


@pytest.mark.parametrize("dim", [0, 3])
def test_principal_scales_refuse_more_components_than_there_are(dim):
    with pytest.raises(ValueError, match=rf"between 1 and .* = 2, got {dim}"):
        principal_scales(torch.eye(3), dim)


def test_principal_scales_refuse_constant_data():
    with pytest.raises(ValueError, match="vary in at least dim = 2 directions"):
        principal_scales(torch.ones(5, 3), 2)


def test_principal_scales_refuse_data_in_a_plane(generator):
    data = torch.randn(50, 2, generator=generator) @ torch.randn(2, 5, generator=generator)
    assert principal_scales(data, 2).isfinite().all()
    with pytest.raises(ValueError, match="vary in at least dim = 3 directions"):
        principal_scales(data, 3)


@pytest.mark.parametrize("shape", [(60, 5), (8, 30)])
def test_principal_scales_are_the_singular_values(shape, generator):
    data = torch.randn(shape, generator=generator)
    values = torch.linalg.svdvals(data - data.mean(dim=0))[:4]
    expected = values / values.square().mean().sqrt()
    torch.testing.assert_close(principal_scales(data, 4), expected)


@pytest.mark.parametrize("learned", [False, True])
def test_principal_scales_come_from_attached_images(learned, generator):
    images = torch.rand(200, 1, 4, 4, generator=generator)
    prior = AnisotropicNormal(3, scales="principal", learned=learned)
    assert prior.images_wanted == 2_000
    prior.attach(unused, images)
    torch.testing.assert_close(prior().stddev, principal_scales(images, 3))
    assert [name for name, _ in prior.named_parameters()] == ["log_scales"] * learned
    # A run that is opened again loads them; images are not needed.
    other = AnisotropicNormal(3, scales="principal", learned=learned)
    other.load_state_dict(prior.state_dict())
    assert torch.equal(other().stddev, prior().stddev)


def test_principal_scales_are_asked_for_before_they_are_known():
    prior = AnisotropicNormal(3, scales="principal")
    for use in (prior, lambda: prior.sample(2), lambda: prior.rsample(2)):
        with pytest.raises(ValueError, match="has no principal scales yet; call prior.attach"):
            use()


def test_given_scales_want_no_images():
    prior = AnisotropicNormal(2, scales=(1.0, 2.0))
    prior.attach(unused, torch.zeros(0, 1, 4, 4))
    assert prior.images_wanted == 0
    assert prior().stddev.tolist() == pytest.approx([1.0, 2.0])


def learn(prior, codes, steps=400):
    optimizer = torch.optim.Adam(prior.parameters(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        (-prior().log_prob(codes).mean()).backward()
        optimizer.step()
    return prior().variance.detach()


@pytest.mark.parametrize("scales", [(1.0, 1.0, 1.0), (0.5, 2.0, 1.0), "principal"])
def test_a_total_variance_is_kept_and_the_rest_is_learned(scales, generator):
    images = torch.rand(50, 1, 4, 4, generator=generator)
    free = AnisotropicNormal(3, scales=scales, learned=True)
    kept = AnisotropicNormal(3, scales=scales, learned=True, constraint="total")
    for prior in (free, kept):
        prior.attach(unused, images)
    torch.testing.assert_close(kept().stddev, free().stddev)  # both start at the same scales
    start = kept().variance.detach()
    total = 3.0 if scales == "principal" else sum(scale**2 for scale in scales)
    assert start.sum().item() == pytest.approx(total)
    # Codes whose variances add up to another total than the prior's.
    codes = torch.randn(4_000, 3, generator=generator) * torch.tensor([3.0, 2.0, 1.0])
    variances = codes.square().mean(dim=0)
    torch.testing.assert_close(learn(free, codes), variances, rtol=1e-2, atol=0)
    found = learn(kept, codes)
    assert found.sum().item() == pytest.approx(total, rel=1e-5)
    # Stationary under sum v = total: (variance_d - v_d) / v_d^2 is the same for every dimension.
    multipliers = (variances - found) / found.square()
    torch.testing.assert_close(multipliers, multipliers.mean().expand(3), rtol=1e-2, atol=0)


def test_a_kept_total_is_saved_with_the_scales(generator):
    images = torch.rand(50, 1, 4, 4, generator=generator)
    options = {"scales": "principal", "learned": True, "constraint": "total"}
    prior = AnisotropicNormal(3, **options)
    prior.attach(unused, images)
    learn(prior, torch.randn(100, 3, generator=generator), steps=5)
    other = AnisotropicNormal(3, **options)
    other.load_state_dict(prior.state_dict())
    assert torch.equal(other().variance, prior().variance)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"constraint": "total"}, "needs learned scales; set learned=True"),
        ({"learned": True, "constraint": "sum"}, 'must be "none" or "total", got \'sum\''),
    ],
)
def test_a_constraint_that_makes_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        AnisotropicNormal(2, **options)
