"""What every score must do, whatever its formula: best and worst codes, invariances, bounds."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from narrowing import present

import unweave_metrics as um

VOTES = {"train_votes": 400, "eval_votes": 300}
POINTS = {"train_points": 300, "eval_points": 200}
SCORES: dict[str, dict[str, Any]] = {
    "mig": {},
    "mig_sup": {},
    "jemmig": {"bins": 4},
    "dcimig": {},
    "modularity": {},
    "rmig": {"normalize": True},
    "infomec": {},
    "sap": {"predictor": "linear", "evaluate_on": "train"},
    "dci": {},
    "dci_es": {"trees": 3},
    "explicitness": {},
    "linear_probe": {},
    "downstream": {"predictor": "boosting"},
    "irs": {},
    "mcc": {},
    "factor_vae": VOTES,
    "z_min_var": VOTES,
    "z_max_var": VOTES,
    "beta_vae": POINTS,
    "z_diff": POINTS,
}
ALONE: dict[str, dict[str, Any]] = {
    "gaussian_total_correlation": {},
    "gaussian_wasserstein": {"normalize": True},
    "mutual_information_score": {},
    "total_correlation_knn": {},
    "hoyer_sparsity": {},
    "active_units": {},
}
SAMPLED = ("factor_vae", "z_min_var", "z_max_var", "beta_vae", "z_diff")
# Scores that split the rows: test rows are given, so that the order decides nothing.
SPLIT = ("dci", "dci_es", "explicitness", "linear_probe", "downstream", "sap")
CHANCE = {"linear_probe": 0.3, "downstream": 0.3, "beta_vae": 0.6, "explicitness": 0.5}


def problem(n=800, k=2, seed=0, noise=0.0):
    rng = np.random.default_rng(seed)
    factors = rng.integers(0, 4, size=(n, k))
    return factors - 1.5 + noise * rng.normal(size=factors.shape), factors


def score(name, codes, factors, **options):
    if name in ALONE:
        return getattr(um, name)(codes, **ALONE[name])
    return getattr(um, name)(codes, factors, **(SCORES[name] | options))


def held_out(name, codes, factors):
    """Score with the last third of the rows as test rows, where a score has such."""
    if name not in SPLIT:
        return score(name, codes, factors)
    n = 2 * len(codes) // 3
    options = {"test_codes": codes[n:], "test_factors": factors[n:]}
    return score(name, codes[:n], factors[:n], **options)


@pytest.mark.parametrize("name", SCORES)
def test_perfect_codes_are_best_and_constant_ones_worst(name):
    codes, factors = problem()
    best = score(name, codes, factors)
    # A ladder of forests climbs four values in two steps; InfoM is estimated by neighbours.
    assert best >= {"dci_es": 0.5, "infomec": 0.95}.get(name, 0.97)
    assert best <= 1 + 1e-9
    worst = score(name, np.full_like(codes, 0.1), factors)
    # JEMMIG of codes that say nothing at all is log B / (H + log B): its joint entropy is small.
    assert worst <= {"jemmig": 0.51}.get(name, CHANCE.get(name, 0) + 0.05)
    noise = score(name, np.random.default_rng(1).normal(size=codes.shape), factors)
    if name != "jemmig":
        assert worst <= noise + 0.05
    # Neighbours find no information at all in noise but by chance: then about one factor.
    assert noise < best or name == "infomec"


@pytest.mark.parametrize(
    "name",
    ["mig", "dcimig", "mig_sup", "irs", "modularity", "rmig", "infomec", "dci", "mcc", "sap"],
)
def test_constant_codes_score_zero_by_convention(name):
    codes, factors = problem()
    for value in (0.0, 0.1, 7.3):
        assert score(name, np.full_like(codes, value), factors) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("name", ["factor_vae", "z_min_var", "z_max_var"])
def test_votes_of_constant_codes_are_all_wrong(name):
    codes, factors = problem()
    assert score(name, np.full_like(codes, 0.1), factors) == 0


def test_codes_alone():
    rng = np.random.default_rng(0)
    free = rng.normal(size=(2000, 3))
    bound = free @ np.array([[1, 0.9, 0], [0, 1, 0.9], [0.9, 0, 1]])
    for name in list(ALONE)[:4]:
        assert score(name, free, None) < 0.1 < score(name, bound, None)
    assert um.gaussian_total_correlation(np.hstack([free, free])) == np.inf
    for name in ("gaussian_wasserstein", "mutual_information_score", "total_correlation_knn"):
        assert score(name, np.full((99, 3), 0.1), None) == 0
    assert np.isnan(um.gaussian_total_correlation(np.full((99, 3), 0.1)))
    assert float(um.hoyer_sparsity(np.eye(9), normalize=False)) == 1
    assert float(um.hoyer_sparsity(np.ones((9, 9)), normalize=False)) == 0
    assert float(um.active_units(free * [1, 0, 1])) == 2


# These say how information is shared out, or how easily it is read, not how much there is.
RELATIVE = ("infomec", "modularity", "dci_es")


@pytest.mark.parametrize("name", [name for name in SCORES if name not in RELATIVE])
def test_noise_lowers_the_score(name):
    def mean(level):
        drawn = (problem(1500, seed=s, noise=level) for s in range(3))
        return np.mean([score(name, *table, seed=0) if name in SAMPLED else score(name, *table)
                        for table in drawn])  # fmt: skip

    ladder = np.array([mean(level) for level in (0.0, 0.7, 2.0, 30.0)])
    # Votes saturate: several steps of little noise may all be perfect.
    slack = 0.03 if name in SAMPLED else 0.0
    assert np.all(np.diff(ladder) <= slack)
    assert ladder[-1] < ladder[0] - 0.2


def test_noise_lowers_explicitness_of_infomec():
    ladder = [um.infomec(*problem(noise=level)).parts["infoe"] for level in (0.0, 0.7, 2.0, 30.0)]
    assert np.all(np.diff(ladder) < 0)


# Where a change of the table does change the score, and why.
ROWS_MATTER = set(SAMPLED)  # other rows are drawn; the mean over seeds stays
SCALE_MATTERS = {
    "rmig": "its bins have a fixed range",
    "beta_vae": "the classifier is penalised in raw units",
    "z_diff": "the classifier is penalised in raw units",
    "active_units": "the threshold is in raw units",
}
EACH_SCALE_MATTERS = {"irs": "weights in raw units", "gaussian_wasserstein": "squared units"}
ORDER_MATTERS = {"mcc", "irs", "sap"}  # classes are taken for values
# Jitter, random ties, forests that draw codes, values that change sides of a bin's edge.
SLACK = {"infomec": 0.02, "dci": 0.02, "dci_es": 0.15, "downstream": 0.02, "beta_vae": 0.02,
         "z_diff": 0.02, "total_correlation_knn": 1e-3, "mcc": 1e-9}  # fmt: skip


@pytest.mark.parametrize("name", [*SCORES, *ALONE])
def test_what_leaves_the_score_alone(name):
    codes, factors = problem(noise=1.0)
    value = held_out(name, codes, factors)
    near = {"abs": SLACK.get(name, 1e-9), "rel": 0}
    assert held_out(name, codes[:, ::-1], factors) == pytest.approx(value, **near)
    flipped = held_out(name, -codes, factors)
    assert flipped == pytest.approx(value, abs=max(near["abs"], 0.01))
    if name not in SCALE_MATTERS:
        assert held_out(name, 4.0 * codes, factors) == pytest.approx(value, **near)
        if name not in EACH_SCALE_MATTERS:
            assert held_out(name, codes * [0.5, 4], factors) == pytest.approx(value, **near)
    if name not in ROWS_MATTER:
        order = np.random.default_rng(2).permutation(2 * len(codes) // 3)
        order = np.concatenate([order, np.arange(len(order), len(codes))])
        assert held_out(name, codes[order], factors[order]) == pytest.approx(value, **near)
    if name in SCORES and name not in ORDER_MATTERS:
        renamed = np.array([9, 2, 5, 7])[factors]
        # Folds of trees and draws of rows number the classes in another order.
        slack = 0.05 if name in (*SAMPLED, "downstream", "dci") else near["abs"]
        assert held_out(name, codes, renamed) == pytest.approx(value, abs=slack)


@pytest.mark.parametrize("name", SCALE_MATTERS)
def test_scale_matters_where_the_docs_say_so(name):
    codes, factors = problem(noise=1.5)
    assert score(name, codes, factors) != score(name, 1e-2 * codes, factors)


@pytest.mark.parametrize("name", SAMPLED)
def test_permuted_rows_leave_the_mean_of_sampled_scores_alone(name):
    codes, factors = problem(noise=6.0)
    order = np.random.default_rng(2).permutation(len(codes))
    first, second = (
        np.array([score(name, z, y, seed=seed) for seed in range(12)])
        for z, y in ((codes, factors), (codes[order], factors[order]))
    )
    error = np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 12)
    assert abs(first.mean() - second.mean()) <= 3 * error


def test_duplicated_codes_lower_mig_but_not_modularity():
    codes, factors = problem()
    twice = np.hstack([codes, codes])
    for name in ("mig", "sap", "rmig"):
        assert score(name, twice, factors) == pytest.approx(0, abs=1e-9)
    assert score("jemmig", twice, factors) < score("jemmig", codes, factors) - 0.2
    assert um.dci(twice, factors).parts["completeness"] < 0.9
    for name in ("modularity", "mig_sup", "dcimig", "dci", "infomec", "irs", "mcc"):
        assert score(name, twice, factors) == pytest.approx(score(name, codes, factors), abs=0.02)


@pytest.mark.parametrize("name", SAMPLED)
def test_seeds_decide_sampled_scores(name):
    codes, factors = problem(noise=9.0)
    first, again = (score(name, codes, factors, seed=4) for _ in range(2))
    others = {float(score(name, codes, factors, seed=seed)) for seed in range(5)}
    assert first == again
    assert len(others) > 1


@pytest.mark.parametrize("name", [*SCORES, *ALONE])
def test_layout_and_dtype_do_not_matter_and_inputs_stay(name):
    codes, factors = problem(300, noise=1.0)
    codes = np.round(codes, 2).astype(np.float32).astype(np.float64)
    value = score(name, codes, factors)
    kept, kept_factors = codes.copy(), factors.copy()
    for given_codes in (np.asfortranarray(codes), codes.astype(np.float32), codes[:, :].view()):
        given_codes.flags.writeable = False
        frozen = factors.astype(np.int16)
        frozen.flags.writeable = False
        # The jitter of the estimate by neighbours breaks ties of rounded codes.
        slack = 1e-3 if name == "total_correlation_knn" else 1e-6
        assert score(name, given_codes, frozen) == pytest.approx(value, abs=slack)
    assert score(name, codes, factors * 1.0) == pytest.approx(value, abs=1e-9)
    whole = np.clip((codes * 30).round(), -128, 127)
    expected = score(name, whole, factors)
    for dtype in (np.int64, np.int8):
        assert score(name, whole.astype(dtype), factors) == pytest.approx(expected, abs=1e-9)
    yes = codes > 0
    assert score(name, yes, factors) == pytest.approx(score(name, yes * 1.0, factors), abs=1e-9)
    assert (codes == kept).all()
    assert (factors == kept_factors).all()


FAST = [name for name in SCORES if name not in ("dci", "dci_es", "downstream", "infomec")]


@settings(max_examples=40)
@given(
    n=st.integers(40, 200), d=st.integers(2, 5), k=st.integers(2, 4), seed=st.integers(0, 2**32 - 1)
)
def test_bounds_hold_on_random_input(n, d, k, seed):
    rng = np.random.default_rng(seed)
    codes = rng.normal(size=(n, d)) * rng.choice([0, 1e-3, 1, 1e3], size=d)
    factors = rng.integers(0, 3, size=(n, k))
    for name in FAST:
        # Less than chance is possible on fresh draws: mapped to less than 0.
        lowest = -1 / (k - 1) if name in ("z_diff", "z_min_var", "z_max_var") else 0
        if name == "z_max_var":  # few rows share all other factors
            continue
        found = score(name, codes, factors)
        pruned = any("no code is active" in note for note in found.notes)
        assert np.isnan(found) if pruned else lowest - 1e-9 <= found <= 1 + 1e-9
    assert 0 <= um.mutual_information_score(codes) <= np.log(20)
    assert 0 <= um.hoyer_sparsity(codes) <= 1
    assert um.gaussian_wasserstein(codes) >= 0


@settings(max_examples=5)
@given(n=st.integers(40, 120), seed=st.integers(0, 2**32 - 1))
def test_bounds_of_slow_scores(n, seed):
    rng = np.random.default_rng(seed)
    codes, factors = rng.normal(size=(n, 3)), rng.integers(0, 3, size=(n, 2))
    for name in ("dci", "dci_es", "downstream", "infomec", "z_max_var"):
        lowest = -1 if name == "z_max_var" else 0
        assert lowest - 1e-9 <= score(name, codes, factors) <= 1 + 1e-9


def test_interval_covers_the_mean_score():
    values, intervals = [], []
    for seed in range(40):
        table = um.evaluate(*problem(500, seed=seed, noise=1.0), metrics=["mig"], bootstrap=200)
        values.append(float(table["mig"]))
        intervals.append(present(table["mig"].interval))
    centre = np.mean(values)
    hits = sum(bool(low <= centre <= high) for low, high in intervals)
    # 95 % of 40 are 38; 32 or fewer have a probability below .001.
    assert hits >= 33
