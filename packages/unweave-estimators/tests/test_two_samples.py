"""MMD, sliced Wasserstein and Sinkhorn against closed forms."""

import math

import pytest
import torch

from unweave_estimators import MMD, mmd, sinkhorn, sliced_wasserstein
from unweave_estimators import mmd as mmd_function


def samples(n, m, d, seed=0, shift=0.0):
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, d, generator=g, dtype=torch.float64) + shift
    return x, torch.randn(m, d, generator=g, dtype=torch.float64)


def by_hand(x, y, k, unbiased):
    """MMD^2 as loops over pairs."""
    n, m = len(x), len(y)

    def within(a):
        pairs = [(i, j) for i in range(len(a)) for j in range(len(a)) if i != j or not unbiased]
        return sum(k(a[i], a[j]) for i, j in pairs) / len(pairs)

    cross = sum(k(a, b) for a in x for b in y) / (n * m)
    return within(x) + within(y) - 2 * cross


def imq(scales, d):
    return lambda a, b: sum(2 * d * s / (2 * d * s + float((a - b).square().sum())) for s in scales)


MIXTURE = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize(("kernel", "scales"), [("imq", MIXTURE), ("imq-single", (1.0,))])
def test_imq_by_hand(kernel, scales, unbiased):
    x, y = samples(5, 7, 3)
    expected = by_hand(x, y, imq(scales, 3), unbiased)
    assert float(mmd(x, y, kernel=kernel, unbiased=unbiased)) == pytest.approx(expected)


def test_marginals_by_hand():
    x, y = samples(5, 6, 3)
    expected = sum(by_hand(x[:, [d]], y[:, [d]], imq(MIXTURE, 1), True) for d in range(3))
    assert float(mmd(x, y, per_dimension=True)) == pytest.approx(expected)


def test_rbf_with_the_median_by_hand():
    x, y = samples(6, 5, 2)
    pooled = torch.cat([x, y])
    h = float(torch.pdist(pooled).square().median())
    kernel = lambda a, b: sum(  # noqa: E731
        math.exp(-float((a - b).square().sum()) / (2 * h * s)) for s in (0.25, 0.5, 1.0, 2.0, 4.0)
    )
    assert float(mmd(x, y, kernel="rbf")) == pytest.approx(by_hand(x, y, kernel, True))


def closed_form(shift, d, width):
    """MMD^2 of N(shift, I) and N(0, I) under exp(-|x - y|^2 / (2 width^2))."""
    spread = width**2 + 2
    return 2 * (width**2 / spread) ** (d / 2) * (1 - math.exp(-d * shift**2 / (2 * spread)))


@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_the_u_statistic_has_the_mean_of_the_closed_form(shift):
    g = torch.Generator().manual_seed(0)
    draws = torch.stack(
        [
            mmd(
                torch.randn(20, 3, generator=g) + shift,
                torch.randn(20, 3, generator=g),
                kernel="rbf",
                scales=(1.0,),
                bandwidth=1.5,
            )
            for _ in range(2000)
        ]
    )
    error = 3 * float(draws.std()) / math.sqrt(2000)
    assert float(draws.mean()) == pytest.approx(closed_form(shift, 3, 1.5), abs=error)
    if shift == 0.0:
        assert (draws < 0).any()


def test_the_u_statistic_of_equal_distributions_has_mean_zero_for_imq():
    g = torch.Generator().manual_seed(1)
    draws = torch.stack(
        [mmd(torch.randn(16, 2, generator=g), torch.randn(16, 2, generator=g)) for _ in range(2000)]
    )
    assert abs(float(draws.mean())) < 3 * float(draws.std()) / math.sqrt(2000)


def test_the_v_statistic_is_never_negative():
    x, y = samples(10, 10, 2)
    assert mmd(x, y, unbiased=False) > 0
    assert abs(float(mmd(x, x, unbiased=False))) < 1e-12


@pytest.fixture
def small_blocks(monkeypatch):
    """Give blocks of 300 values: of two problems of 5 and 4 rows, or of two rows of 30 and 20."""
    monkeypatch.setattr("unweave_estimators.kernel_sums._BLOCK_CPU", 300)


@pytest.mark.parametrize("kernel", ["imq", "rbf"])
@pytest.mark.parametrize(
    ("n", "m", "per_dimension"), [(5, 4, True), (30, 20, True), (30, 20, False)]
)
def test_blocks_change_nothing(kernel, n, m, per_dimension, request):
    x, y = (a.requires_grad_() for a in samples(n, m, 3))
    options = {"kernel": kernel, "per_dimension": per_dimension}
    whole = mmd(x, y, **options)
    request.getfixturevalue("small_blocks")
    parts = mmd(x, y, **options)
    torch.testing.assert_close(parts, whole)
    torch.testing.assert_close(
        torch.autograd.grad(parts, (x, y)), torch.autograd.grad(whole, (x, y))
    )


@pytest.mark.parametrize("per_dimension", [False, True])
def test_gradients_of_codes_far_from_zero(per_dimension, small_blocks):
    """Three digits stay of codes in float32 a thousand deviations from zero."""
    x, y = samples(30, 20, 3)
    there = x + 1000.0
    gradients = []
    for a, b in ((x, y), (there, y + 1000.0), (there.float(), (y + 1000.0).float())):
        a = a.detach().requires_grad_()
        mmd(a, b, per_dimension=per_dimension).backward()
        gradients.append(a.grad.double())
    torch.testing.assert_close(gradients[1], gradients[0])
    scale = float(gradients[0].abs().max())
    assert float((gradients[2] - gradients[0]).abs().max()) < 1e-3 * scale


def test_blocks_under_vmap_equal_a_loop(small_blocks):
    x, y = (a.expand(2, -1, -1).clone() for a in samples(30, 20, 3))
    x[1] += 0.5
    x.requires_grad_()
    batched = torch.func.vmap(lambda a, b: mmd(a, b, per_dimension=True))(x, y)
    alone = torch.stack([mmd(a, b, per_dimension=True) for a, b in zip(x, y, strict=True)])
    torch.testing.assert_close(batched, alone)
    weights = torch.tensor([1.0, 3.0], dtype=x.dtype)
    gradients = (torch.autograd.grad(values @ weights, x) for values in (batched, alone))
    torch.testing.assert_close(*gradients)


def test_blocks_keep_their_digits_under_autocast(small_blocks):
    x, y = (a.float() for a in samples(30, 20, 3))
    x.requires_grad_()
    plain = torch.autograd.grad(mmd(x, y), x)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(torch.autograd.grad(mmd(x, y), x), plain)


def test_gradients_and_collapsed_codes():
    x, y = samples(6, 5, 2)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda a: mmd_function(a, y), (x,))
    assert torch.autograd.gradcheck(lambda b: mmd_function(x.detach(), b), (y.requires_grad_(),))
    same = torch.zeros(6, 2, requires_grad=True)
    for kernel in ("imq", "rbf"):
        mmd(same, same.detach(), kernel=kernel).backward()
    assert same.grad is not None
    assert same.grad.isfinite().all()


def test_the_module_compares_with_prior_samples(latent_of):
    near, far = latent_of(b=200), latent_of(b=200)
    far.z = far.z + 3.0
    for options in ({}, {"kernel": "imq-single"}, {"kernel": "rbf"}, {"per_dimension": True}):
        module = MMD(3, **options)
        assert module(far)["mmd"] > 5 * module(near)["mmd"].abs()
    with pytest.raises(ValueError, match="kernel must be one of imq, imq-single, rbf, got 'x'"):
        MMD(3, kernel="x")


def test_sliced_wasserstein_in_one_dimension_is_the_quantile_formula():
    """W_2^2 of N(m, s^2) and N(0, 1) is m^2 + (s - 1)^2."""
    x, y = samples(50000, 50000, 1)
    got = sliced_wasserstein(2.0 * x + 1.5, y, projections=3)
    assert float(got) == pytest.approx(1.5**2 + 1.0, rel=0.03)
    assert float(sliced_wasserstein(y + 0.5, y, p=1.0, projections=2)) == pytest.approx(0.5)


def test_sliced_wasserstein_of_a_shift():
    """E_theta (theta.shift)^2 = |shift|^2 / d."""
    x, _ = samples(50, 50, 5)
    shift = torch.tensor([3.0, 0.0, 0.0, 0.0, -1.0], dtype=x.dtype)
    g = torch.Generator().manual_seed(0)
    got = sliced_wasserstein(x + shift, x, projections=20000, generator=g)
    assert float(got) == pytest.approx(10 / 5, rel=0.05)


def test_sliced_wasserstein_is_seeded_and_has_gradients():
    x, y = samples(8, 8, 3)
    x.requires_grad_()

    def value(x):
        g = torch.Generator().manual_seed(1)
        return sliced_wasserstein(x, y, projections=4, generator=g)

    assert torch.autograd.gradcheck(value, (x,))


def test_sinkhorn_in_one_dimension_is_the_quantile_formula():
    pytest.importorskip("geomloss")
    x, y = samples(200, 200, 1, shift=1.0)
    truth = (x.sort(0).values - y.sort(0).values).square().mean()
    assert float(sinkhorn(x, y, blur=0.01)) == pytest.approx(float(truth), rel=0.01)


def test_sinkhorn_agrees_with_exact_transport():
    pytest.importorskip("geomloss")
    ot = pytest.importorskip("ot")
    x, y = samples(40, 40, 3, shift=0.5)
    weights = torch.full((40,), 1 / 40, dtype=x.dtype)
    truth = ot.emd2(weights, weights, torch.cdist(x, y).square())
    got = sinkhorn(x, y, blur=0.02, scaling=0.99)
    assert float(got) == pytest.approx(float(truth), rel=0.005)
    assert abs(float(sinkhorn(x, x))) < 1e-6  # debiased


def test_sinkhorn_says_what_is_missing(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "geomloss", None)
    with pytest.raises(ImportError, match=r"pip install 'unweave-estimators\[sinkhorn\]'"):
        sinkhorn(*samples(4, 4, 2))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda x, y: mmd(x[0], y), r"x must have shape \(b, d\)"),
        (lambda x, y: mmd(x, y[:, :1]), "same number of columns, got 2 and 1"),
        (lambda x, y: mmd(x[:1], y), "batch of at least 2 codes, got 1"),
        (lambda x, y: mmd(x * math.nan, y), "x must be finite"),
        (lambda x, y: mmd(x, y, kernel="cubic"), "kernel must be one of"),
        (lambda x, y: sliced_wasserstein(x, y[:3]), "y must have the shape"),
        (lambda x, y: sliced_wasserstein(x, y, projections=0), "projections and p must be"),
        (lambda x, y: sinkhorn(x, y, blur=0.0), "blur must be positive"),
        (lambda x, y: sinkhorn(x, y, diameter=-1.0), "diameter must be positive, got -1"),
        (lambda x, y: mmd(x, y, kernel="rbf", bandwidth=0.0), "bandwidth must be positive, got 0"),
        (lambda x, y: mmd(x, y, prior_variance=-1.0), "prior_variance must be positive, got -1"),
        (lambda x, y: mmd(x, y, scales=()), "scales must be positive numbers, got"),
    ],
)
def test_impossible_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call(*samples(4, 4, 2))
