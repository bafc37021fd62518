"""What every score must do, whatever its formula: best and worst codes, invariances, bounds."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import unweave_metrics as um
from unweave_metrics.binning import bin_columns
from unweave_metrics.counting import pair_information

VOTES = {"train_votes": 300, "eval_votes": 200}
SCORES = {
    "mig": {},
    "mig_sup": {},
    "jemmig": {"bins": 4},
    "dcimig": {},
    "modularity": {},
    "sap": {"predictor": "linear", "evaluate_on": "train"},
    "dci": {},
    "explicitness": {},
    "linear_probe": {},
    "irs": {},
    "mcc": {},
    "factor_vae": VOTES,
    "z_min_var": VOTES,
    "z_max_var": VOTES,
    "beta_vae": {"train_points": 200, "eval_points": 100},
    "z_diff": {"train_points": 200, "eval_points": 100},
}
EXACT = ["mig", "mig_sup", "jemmig", "dcimig", "modularity", "irs", "mcc"]


def problem(n=800, k=2, seed=0):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 4, size=(n, k))
    return factors.astype(float) - 1.5, factors


def score(name, codes, factors):
    return getattr(um, name)(codes, factors, **SCORES[name])


@pytest.mark.parametrize("name", SCORES)
def test_perfect_codes_are_best_and_constant_ones_worst(name):
    codes, factors = problem()
    best = score(name, codes, factors)
    low = 0.85 if name in ("sap", "explicitness") else 0.97
    assert best >= low
    assert best <= 1 + 1e-9
    worst = score(name, np.zeros_like(codes), factors)
    assert worst <= {"explicitness": 0.51, "dci": 1e-6}.get(name, 0.65)
    assert worst < best


@pytest.mark.parametrize("name", ["mig", "dcimig", "mig_sup", "irs", "modularity"])
def test_constant_codes_score_zero_by_convention(name):
    codes, factors = problem()
    assert score(name, np.full_like(codes, 7.3), factors) == 0


@pytest.mark.parametrize("name", ["mig", "jemmig", "sap", "irs", "linear_probe", "mcc"])
def test_noise_lowers_the_score(name):
    codes, factors = problem(2000)
    rng = np.random.default_rng(1)
    ladder = [
        np.mean([
            score(name, codes + level * rng.normal(size=codes.shape), factors) for _ in range(3)
        ])
        for level in (0.0, 0.5, 1.5, 5.0)
    ]  # fmt: skip
    assert np.all(np.diff(ladder) < 0)


@pytest.mark.parametrize("name", EXACT)
def test_order_sign_and_names_do_not_matter(name):
    codes, factors = problem()
    rng = np.random.default_rng(2)
    codes = codes + rng.normal(size=codes.shape)
    value = score(name, codes, factors)
    rows = rng.permutation(len(codes))
    assert score(name, codes[rows], factors[rows]) == pytest.approx(value, abs=1e-9)
    assert score(name, codes[:, ::-1], factors) == pytest.approx(value, abs=1e-9)
    assert score(name, codes, factors[:, ::-1]) == pytest.approx(value, abs=1e-9)
    flipped = score(name, -codes, factors)
    # A value on an edge of two bins changes sides when flipped.
    assert flipped == pytest.approx(value, abs=0.01)
    assert score(name, 4.0 * codes, factors) == pytest.approx(value, abs=1e-9)
    if name not in ("mcc", "irs"):
        renamed = np.array([9, 2, 5, 7])[factors]
        assert score(name, codes, renamed) == pytest.approx(value, abs=1e-9)


def test_duplicated_codes_lower_mig_but_not_modularity():
    codes, factors = problem()
    twice = np.hstack([codes, codes])
    assert um.mig(twice, factors) == pytest.approx(0, abs=1e-9)
    value = um.modularity(codes, factors)
    assert um.modularity(twice, factors) == pytest.approx(value, abs=1e-9)


@pytest.mark.parametrize("name", ["factor_vae", "beta_vae", "z_min_var", "z_max_var", "z_diff"])
def test_seeds_decide_sampled_scores(name):
    codes, factors = problem()
    codes = codes + 9 * np.random.default_rng(3).normal(size=codes.shape)
    call = getattr(um, name)
    first, again = (call(codes, factors, seed=4, **SCORES[name]) for _ in range(2))
    others = {float(call(codes, factors, seed=seed, **SCORES[name])) for seed in range(5)}
    assert first == again
    assert len(others) > 1


@pytest.mark.parametrize("name", ["mig", "sap", "dci", "irs", "factor_vae", "mcc", "jemmig"])
def test_layout_and_dtype_do_not_matter_and_inputs_stay(name):
    codes, factors = problem()
    codes = np.round(codes + np.random.default_rng(5).normal(size=codes.shape), 2)
    codes = codes.astype(np.float32).astype(np.float64)
    value = score(name, codes, factors)
    kept, kept_factors = codes.copy(), factors.copy()
    for given_codes in (np.asfortranarray(codes), codes.astype(np.float32), codes[:, :].view()):
        given_codes.flags.writeable = False
        frozen = factors.astype(np.int16)
        frozen.flags.writeable = False
        assert score(name, given_codes, frozen) == pytest.approx(value, abs=1e-9)
    whole = (codes * 100).round().astype(np.int64)
    expected = score(name, whole.astype(np.float64), factors)
    assert score(name, whole, factors) == pytest.approx(expected, abs=1e-9)
    assert (codes == kept).all()
    assert (factors == kept_factors).all()


@settings(max_examples=40)
@given(
    n=st.integers(30, 200), d=st.integers(2, 5), k=st.integers(2, 4), seed=st.integers(0, 2**32 - 1)
)
def test_bounds_hold_on_random_input(n, d, k, seed):
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(n, d)) * rng.choice([0, 1e-3, 1, 1e3], size=d)
    factors = rng.integers(0, 3, size=(n, k))
    for name in EXACT:
        assert -1e-9 <= score(name, codes, factors) <= 1 + 1e-9


def slow_information(a, b):
    """Sum p log(p / (p p)) over the cells, one by one."""
    total = 0.0
    for x in np.unique(a):
        for y in np.unique(b):
            p = np.mean((a == x) & (b == y))
            if p > 0:
                total += p * np.log(p / (np.mean(a == x) * np.mean(b == y)))
    return total


def test_kernels_equal_the_slow_formula_on_500_problems():
    rng = np.random.default_rng(6)
    for _ in range(500):
        n, bins = int(rng.integers(2, 60)), int(rng.integers(1, 9))
        codes = rng.normal(size=(n, 1)) * 10.0 ** rng.integers(-6, 6)
        if rng.random() < 0.3:
            codes = np.round(codes)
        factors = rng.integers(0, 4, size=(1, n)).astype(np.uint16)
        binned = bin_columns(codes, bins)
        edges = np.histogram(codes[:, 0], bins)[1]
        assert (binned[0] == np.digitize(codes[:, 0], edges[:-1]) - 1).all()
        found = pair_information(binned, factors).mutual_information[0, 0]
        assert found == pytest.approx(slow_information(binned[0], factors[0]), abs=1e-11)


def test_interval_covers_the_mean_score():
    hits, values, intervals = 0, [], []
    for seed in range(40):
        codes, factors = problem(500, seed=seed)
        codes = codes + np.random.default_rng(1000 + seed).normal(size=codes.shape)
        table = um.evaluate(codes, factors, metrics=["mig"], bootstrap=200)
        values.append(float(table["mig"]))
        intervals.append(table["mig"].interval)
    centre = np.mean(values)
    hits = sum(low <= centre <= high for low, high in intervals)
    # 95 % of 40 are 38; 32 or fewer have a probability below .001.
    assert hits >= 33
