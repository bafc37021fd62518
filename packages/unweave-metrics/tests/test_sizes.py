"""Huge, tiny and mixed numbers: the right score by powers of two, which round nothing."""

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics._scaling import excess

FACTORS = np.random.default_rng(0).integers(0, 3, size=(90, 2))
CODES = FACTORS - 1 + 0.3 * np.random.default_rng(1).normal(size=FACTORS.shape)
OTHER = np.random.default_rng(2).normal(size=(60, 2))
IMAGES = np.random.default_rng(3).random((2, 3, 8, 8))

MEASURED = {"factor_kinds": "measurement"}
POWERS = [-1070, -990, -600, 600, 1020]
SMALL = {"train_votes": 90, "eval_votes": 90}
FREE = {
    "mig": {}, "mig_sup": {}, "jemmig": {}, "dcimig": {}, "modularity": {}, "infomec": {},
    "dci": {}, "explicitness": {}, "linear_probe": {}, "irs": {}, "mcc": {},
    "factor_vae": {"prune_std": 0.0, **SMALL}, "z_min_var": {"prune_std": 0.0, **SMALL},
    "z_max_var": {"prune_std": 0.0, **SMALL}, "flatness": {}, "linearity": {},
    "ground_truth_distances": {},
}  # fmt: skip
ALONE = ["gaussian_total_correlation", "mutual_information_score", "total_correlation_knn",
         "hoyer_sparsity"]  # fmt: skip
# Subnormal numbers have fewer digits: the codes themselves are then others.
EXACT = -1000


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", FREE)
def test_scores_without_units_do_not_change(name, power):
    scaled = np.ldexp(CODES, power)
    found = getattr(um, name)(scaled, FACTORS, **FREE[name])
    expected = getattr(um, name)(np.ldexp(scaled, -power), FACTORS, **FREE[name])
    assert found == (expected if power > EXACT else pytest.approx(expected, abs=0.02))


@pytest.mark.parametrize("power", POWERS)
@pytest.mark.parametrize("name", ALONE)
def test_scores_of_codes_alone_do_not_change(name, power):
    scaled = np.ldexp(CODES, power)
    expected = getattr(um, name)(np.ldexp(scaled, -power))
    assert getattr(um, name)(scaled) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("name", ["mcc", "mig", "linear_probe", "dci"])
def test_columns_of_very_different_size(name):
    scaled = np.ldexp(CODES, [-900, 900])
    assert getattr(um, name)(scaled, FACTORS) == getattr(um, name)(CODES, FACTORS)


@pytest.mark.parametrize("power", [-900, 900])
def test_factors_of_any_size(power):
    values = FACTORS + 0.5 * OTHER[:1]
    for name, options in (("mcc", {}), ("linear_probe", MEASURED), ("mig", MEASURED)):
        found, expected = (
            getattr(um, name)(CODES, y, **options) for y in (np.ldexp(values, power), values)
        )
        assert found == pytest.approx(expected, rel=1e-12)


def test_distances_have_the_square_of_the_units():
    for name in ("frechet_distance", "gaussian_wasserstein"):
        arrays = (CODES, OTHER) if name == "frechet_distance" else (CODES @ [[1, 1], [0, 1]],)
        plain = getattr(um, name)(*arrays)
        scaled = getattr(um, name)(*(np.ldexp(array, 400) for array in arrays))
        assert scaled == np.ldexp(float(plain), 800)
        with pytest.raises(ValueError, match="numbers are too large"):
            getattr(um, name)(*(np.ldexp(array, 900) for array in arrays))
    with pytest.raises(ValueError, match="kernel_distance is .* numbers are too large"):
        um.kernel_distance(CODES * 1e200, OTHER * 1e200)
    # Far apart to every kernel: each set is like itself alone.
    assert um.mmd(CODES * 1e200, OTHER * 1e-200, unbiased=False) > 0


def test_images_of_any_size():
    x, y = IMAGES
    plain = um.psnr(x, y)
    assert um.psnr(np.ldexp(x, 900), np.ldexp(y, 900)) == pytest.approx(
        plain - 20 * 900 * np.log10(2), rel=1e-12
    )
    error = um.reconstruction_error(np.ldexp(x, 400), np.ldexp(y, 400))
    assert error == np.ldexp(float(um.reconstruction_error(x, y)), 800)
    with pytest.raises(ValueError, match="numbers are too large"):
        um.reconstruction_error(np.ldexp(x, 900), np.ldexp(y, 900))


def test_models_of_different_size_agree():
    assert um.udr([CODES, CODES * 2.0**996]) == um.udr([CODES, CODES])


@pytest.mark.parametrize("size", [1e16, 1e300, -1.7e308, 5e-324])
@pytest.mark.parametrize("name", FREE)
def test_a_constant_code_counts_as_any_other(name, size):
    dead = [getattr(um, name)(np.column_stack([CODES, np.full(90, value)]), FACTORS, **FREE[name])
            for value in (0.5, size)]  # fmt: skip
    assert dead[0] == dead[1]


def test_columns_within_reach_are_left_alone():
    assert excess(np.array([[1e30, 0.0, 1e-30], [1.0, 0.0, 0.0]])).tolist() == [0, 0, 0]
    assert excess(np.array([[5e-324]])).tolist() == [-973]


def test_wasserstein_of_nearly_dependent_codes():
    # Of two codes W = 2 tr S - 2 (s1 + s2), s^2 the eigenvalues of D^1/2 S D^1/2: in exact
    # arithmetic s1 + s2 = sqrt(trace + 2 sqrt(det)).
    from decimal import Decimal, getcontext

    getcontext().prec = 60
    rng = np.random.default_rng(0)
    first = rng.normal(size=400)
    codes = np.column_stack([first, first * (1 + 1e-9) + 1e-9 * rng.normal(size=400)])
    exact = [[Decimal(float(v)) for v in column] for column in codes.T]
    n = Decimal(400)
    means = [sum(column) / n for column in exact]
    S = [[sum((x - p) * (y - q) for x, y in zip(a, b, strict=True)) / (n - 1)
          for b, q in zip(exact, means, strict=True)]
         for a, p in zip(exact, means, strict=True)]  # fmt: skip
    trace = S[0][0] ** 2 + S[1][1] ** 2
    det = S[0][0] * S[1][1] * (S[0][0] * S[1][1] - S[0][1] ** 2)
    roots = (trace + 2 * det.sqrt()).sqrt()
    expected = 2 * (S[0][0] + S[1][1]) - 2 * roots
    assert um.gaussian_wasserstein(codes) == pytest.approx(float(expected), rel=1e-12)


def test_neighbours_in_small_classes_are_exact():
    # Against all distances, sorted: nothing is expanded or rounded.
    from scipy.special import digamma

    from unweave_metrics.information._neighbors import class_information

    rng = np.random.default_rng(0)
    for n, classes, m in ((60, 4, 3), (60, 15, 10), (40, 30, 10), (200, 9, 7)):
        code, label, noise = rng.normal(size=n), rng.integers(0, classes, n), rng.normal(size=n)
        values = code / code.std()
        values = values + 1e-10 * max(1.0, np.abs(values).mean()) * noise
        kept = np.bincount(label)[label] > 1
        z, y = values[kept], label[kept]
        distance = np.abs(z[:, None] - z)
        terms = []
        for j in range(len(z)):
            own = np.sort(distance[j, y == y[j]])
            near = min(m, len(own) - 1)
            within = (distance[j] < own[near]).sum()
            terms.append(digamma(near) - digamma(len(own)) - digamma(within))
        expected = max(0.0, digamma(len(z)) + np.mean(terms))
        assert class_information(code, label, m, noise) == pytest.approx(expected, abs=1e-12)
