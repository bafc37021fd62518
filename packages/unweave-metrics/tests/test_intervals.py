"""Intervals: right for a mean, mirrored at a biased score, as wide as fresh samples say."""

import numpy as np
import pytest
from narrowing import present

import unweave_metrics as um
from unweave_metrics.intervals.interval import SAME_BINS, SAME_SIZE, interval_of


def mixed(n, seed, noise=1.0):
    """Return two codes of one factor each, one of noise, and the factors."""
    rng = np.random.default_rng((n, seed))
    y = rng.integers(0, 4, size=(n, 2))
    return np.column_stack([y + noise * rng.normal(size=y.shape), rng.normal(size=n)]), y


@pytest.mark.parametrize(("scheme", "tolerance"), [("rows", 0.08), ("subsets", 0.3)])
def test_the_interval_of_a_mean_is_students(scheme, tolerance):
    x = np.random.default_rng(0).exponential(size=500)
    resamples = 2000 if scheme == "rows" else 60
    low, high = present(um.bootstrap(np.mean, x, scheme=scheme, resamples=resamples).interval)
    half = 1.96 * x.std(ddof=1) / np.sqrt(500)
    assert (high - low) / 2 == pytest.approx(half, rel=tolerance)
    assert (high + low) / 2 == pytest.approx(x.mean(), abs=0.2 * half)


def test_the_basic_interval_takes_the_bias_of_a_square_away():
    """The square of a mean is too high by s^2 / n; so is its bootstrap, once more."""
    hits = {"basic": 0, "percentile": 0}
    for seed in range(60):
        x = np.random.default_rng(seed).normal(0.3, 1, size=(20, 8))
        for method in hits:
            score = um.bootstrap(
                lambda x: (x.mean(axis=0) ** 2).sum(), x, scheme="rows", method=method,
                resamples=200, seed=seed,
            )  # fmt: skip
            low, high = present(score.interval)
            hits[method] += low <= 8 * 0.3**2 <= high
    # Of 60; the bias is .4 of .72.
    assert hits["basic"] >= 51 > 42 > hits["percentile"]


def test_ends_of_the_three_methods():
    replicates = np.random.default_rng(0).gamma(2.0, size=1001)
    low, high = np.quantile(replicates, [0.025, 0.975])
    methods = ("basic", "centred", "percentile")
    found = {m: present(interval_of(1.0, replicates, method=m)) for m in methods}
    assert (found["percentile"].low, found["percentile"].high) == pytest.approx((low, high))
    assert found["basic"].low == pytest.approx(2 - high)
    assert found["centred"].low == pytest.approx(low + 1 - replicates.mean())
    assert {round(f.bias, 12) for f in found.values()} == {round(replicates.mean() - 1, 12)}


def test_no_interval_without_enough_finite_replicates():
    assert interval_of(1.0, np.array([1.0, np.nan, np.nan])) is None
    assert interval_of(np.nan, np.arange(9.0)) is None


@pytest.mark.parametrize("name", ["factor_vae", "beta_vae", "z_min_var"])
def test_vote_intervals_are_as_wide_as_fresh_tables_say(name):
    """Votes alone vary far less than the rows that they are drawn from."""
    metric = getattr(um, name)
    values = [float(metric(*mixed(300, seed, 6.0), seed=seed)) for seed in range(20)]
    deviation = np.std(values, ddof=1)
    made = [um.bootstrap(metric, *mixed(300, seed, 6.0), resamples=20) for seed in range(4)]
    half = np.mean([np.diff(present(s.interval)) / 2 for s in made])
    assert made[0].settings["interval"]["over"] == "rows, then votes"
    # 20 values tell a deviation to 16 %, resamples add rows that are there twice.
    assert 1.3 * deviation < half < 4 * deviation


def test_a_score_at_its_end_still_has_a_width():
    codes, y = mixed(400, 0, 0.0)
    score = um.bootstrap(um.factor_vae, codes, y, resamples=20)
    assert float(score) == 1
    low, high = present(score.interval)
    assert 0.998 < low < 1 == high


def test_claims_and_notes():
    codes, y = mixed(400, 0)
    table = um.evaluate(codes, y, metrics=["mig", "sap", "mutual_information_score"], bootstrap=60)
    claims = {name: score.settings["interval"]["covers"] for name, score in table.items()}
    assert claims == {"mig": SAME_BINS, "sap": SAME_SIZE, "mutual_information_score": SAME_SIZE}
    noted = [note for note in table.notes if note.startswith("mutual_information_score")]
    assert "exceeds half the width of the interval" in noted[0]
    assert table["mutual_information_score"].notes == tuple(noted)


def test_neighbours_are_resampled_without_repeated_rows():
    codes, y = mixed(300, 0)
    table = um.evaluate(codes, y, metrics=["mig", "total_correlation_knn"], estimator="neighbors")
    for score in table.values():
        low, high = present(score.interval)
        assert low < score < high
        assert score.settings["interval"]["covers"] == SAME_SIZE


@pytest.mark.parametrize("correction", ["miller-madow", "shuffle", "extrapolate"])
def test_corrections_bring_noise_near_nothing(correction):
    """Independent codes: plug-in information of 20 x 20 bins is above .1 nats at 1,000 rows."""
    codes = np.random.default_rng(0).normal(size=(1000, 4))
    plain = um.mutual_information_score(codes)
    found = um.mutual_information_score(codes, bias_correction=correction)
    assert plain > 0.1
    assert abs(found) < {"miller-madow": 0.1, "shuffle": 0.01, "extrapolate": 0.05}[correction]


@pytest.mark.parametrize("correction", ["miller-madow", "extrapolate"])
def test_corrected_gaps_are_nearer_the_truth(correction):
    truth = float(um.mig(*mixed(200_000, 0)))
    plain, corrected = (
        np.mean([um.mig(*mixed(300, s), bias_correction=how) for s in range(60)])
        for how in ("none", correction)
    )
    assert abs(corrected - truth) < 0.6 * abs(plain - truth)


def test_miller_madow_by_hand():
    codes = np.array([[0.0, 0], [1, 1], [2, 0], [2, 1], [0, 0], [1, 1]])
    y = np.array([[0], [0], [1], [1], [0], [1]])
    plain, found = (
        um.mig(codes, y, bins=3, bias_correction=how).parts for how in ("none", "miller-madow")
    )
    # Code 0 takes three values, code 1 two, the factor two; the pairs fill 4 and 4 cells.
    gained = (np.array([3, 2]) - 1 + (2 - 1) - (np.array([4, 4]) - 1)) / 12
    assert found["mutual_information"][:, 0] == pytest.approx(
        plain["mutual_information"][:, 0] + gained
    )
    assert found["factor_entropy"] == pytest.approx(plain["factor_entropy"] + 1 / 12)


def test_sets_and_models():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(300, 3)), rng.normal(size=(200, 3)) + 0.5
    for metric in (um.mmd, um.kernel_distance, um.frechet_distance):
        options = {"subsets": 5} if metric is um.kernel_distance else {}
        low, high = present(um.bootstrap(metric, x, y, resamples=200, **options).interval)
        assert 0 < low < metric(x, y) < 1.2 * high
    z = rng.normal(size=(300, 3))
    score = um.bootstrap(um.udr, [z, -z[:, ::-1], z + 0.3 * rng.normal(size=z.shape)])
    low, high = present(score.interval)
    assert low < high
    with pytest.raises(ValueError, match="set paired=False"):
        um.bootstrap(lambda a, b: a.mean() - b.mean(), x, y)


def test_a_count_of_active_units_near_the_threshold_is_not_sure():
    codes = np.random.default_rng(0).normal(size=(500, 3)) * [1, 0.1, 0.001]
    assert um.bootstrap(um.active_units, codes).interval == (1, 2)
    assert um.bootstrap(um.active_units, codes, threshold=0.1).interval == (1, 1)


def test_wrong_bootstraps():
    with pytest.raises(ValueError, match="at least one array"):
        um.bootstrap(np.mean)
    with pytest.raises(ValueError, match="method goes with scheme"):
        um.bootstrap(np.mean, np.ones(9), method="basic")
    with pytest.raises(ValueError, match="scheme must be one of subsets, rows"):
        um.bootstrap(np.mean, np.ones(9), scheme="jackknife")
    with pytest.raises(ValueError, match="resamples must be at least 2"):
        um.bootstrap(np.mean, np.ones(9), resamples=1)
    with pytest.raises(ValueError, match="bias_correction must be 'none' for"):
        um.mig(np.eye(9), np.arange(9)[:, None] % 2, estimator="neighbors",
               bias_correction="shuffle")  # fmt: skip
