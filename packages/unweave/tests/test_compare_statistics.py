"""Intervals cover, tests give no more false alarms than they say, ranks and fronts are right."""

import itertools
import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from unweave.experiment.statistics import (
    holm,
    interval,
    paired_test,
    pareto_front,
    ranks,
    summarise,
)

LAWS = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "uniform": lambda rng, shape: rng.uniform(-1, 1, shape),
    "heavy": lambda rng, shape: rng.standard_t(3, shape),
}
SCORES = st.lists(st.floats(-1, 1), min_size=3, max_size=8)


def three_deviations(rate, trials):
    return 3 * math.sqrt(rate * (1 - rate) / trials)


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("n", [2, 3, 5, 10])
def test_intervals_over_seeds_cover(law, n):
    """Of 400 experiments whose true mean is 0 about 95 % have it in their interval."""
    rows = LAWS[law](np.random.default_rng(n), (400, n))
    covered = np.mean([low <= 0 <= high for low, high in map(interval, rows)])
    assert covered >= 0.93 - three_deviations(0.93, len(rows))


def test_the_plain_bootstrap_would_not_cover():
    """The test above sees the fault that the factor mends: without it, 5 values cover 84 %."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(400, 5))
    covered = 0
    for row in rows:
        low, high = np.quantile(row[rng.integers(5, size=(2000, 5))].mean(1), (0.025, 0.975))
        covered += low <= 0 <= high
    assert covered / len(rows) < 0.93 - three_deviations(0.93, len(rows))


@settings(deadline=None, max_examples=25)
@given(SCORES, st.floats(0.1, 10), st.floats(-5, 5))
def test_an_interval_moves_and_stretches_with_the_values(values, scale, shift):
    low, high = interval(values)
    assert low <= np.mean(values) + 1e-12
    assert high >= np.mean(values) - 1e-12
    moved = interval([scale * v + shift for v in values])
    assert moved == pytest.approx((scale * low + shift, scale * high + shift), abs=1e-9)


def test_a_summary_divides_by_n_less_one():
    found = summarise([1.0, 2.0, 4.0])
    assert found.n == 3
    assert found.mean == pytest.approx(7 / 3)
    assert found.std == pytest.approx(scipy.stats.tstd([1.0, 2.0, 4.0]))
    assert found.error == pytest.approx(scipy.stats.sem([1.0, 2.0, 4.0]))
    one, none = summarise([3.0]), summarise([])
    assert (one.mean, math.isnan(one.std), math.isnan(one.low)) == (3.0, True, True)
    assert (none.n, math.isnan(none.mean)) == (0, True)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=3, max_size=9))
def test_the_t_test_is_that_of_scipy(pairs):
    first, second = map(list, zip(*pairs, strict=True))
    difference = np.subtract(first, second)
    if difference.std() < 1e-9:
        return
    expected = scipy.stats.ttest_rel(first, second).pvalue
    assert paired_test(first, second) == pytest.approx(expected, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("n", [2, 5, 9])
def test_flips_of_signs_are_those_of_scipy(n):
    first, second = np.random.default_rng(n).normal(size=(2, n)) + [[0.5], [0.0]]

    def mean(x, y, axis):
        return np.mean(x - y, axis=axis)

    expected = scipy.stats.permutation_test(
        (first, second), mean, permutation_type="samples", n_resamples=2**n
    ).pvalue
    assert paired_test(first, second, "sign-flip") == pytest.approx(expected)


@pytest.mark.parametrize("law", [*LAWS, "lattice"])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_false_alarms_of_a_paired_test_are_at_most_five_in_a_hundred(law, n):
    rng = np.random.default_rng(n)
    draw = LAWS.get(law, lambda rng, shape: rng.integers(0, 3, shape) / 100)
    first, second = draw(rng, (2, 2000, n))
    for test, rows in (("t", 2000), ("sign-flip", 500)):
        p = [paired_test(a, b, test) for a, b in zip(first[:rows], second[:rows], strict=True)]
        assert np.mean(np.array(p) < 0.05) <= 0.055 + three_deviations(0.055, rows)


def test_one_false_alarm_among_all_pairs_is_as_rare_after_holm():
    """Four equal methods, six pairs of them, five seeds: without the correction 20 % call one."""
    rng = np.random.default_rng(0)
    plain = corrected = 0
    for _ in range(1000):
        methods = rng.normal(size=(4, 5))
        p = [paired_test(a, b) for a, b in itertools.combinations(methods, 2)]
        plain += min(p) < 0.05
        corrected += min(holm(p)) < 0.05
    assert corrected / 1000 <= 0.05 + three_deviations(0.05, 1000)
    assert plain / 1000 > 0.1


def test_a_real_difference_is_found():
    rng = np.random.default_rng(0)
    first, second = rng.normal(0.1, 0.02, 5), rng.normal(0.3, 0.02, 5)
    assert paired_test(first, second) < 1e-3
    assert paired_test(first, second, "sign-flip") == 2 / 32  # the smallest that five pairs can


def test_equal_differences_are_no_proof():
    """Their spread is 0 up to rounding, and Student's p would be 0 of two pairs."""
    assert paired_test([0.3, 0.4], [0.2, 0.3]) == pytest.approx(0.5)
    assert paired_test([0.3, 0.4], [0.3, 0.4]) == 1.0
    assert math.isnan(paired_test([0.3], [0.2]))
    with pytest.raises(ValueError, match="pairs must be complete, got 2 and 1 values"):
        paired_test([1, 2], [1])


def test_many_pairs_are_flipped_at_random_and_never_give_zero():
    first = np.linspace(1, 2, 30)
    assert 0 < paired_test(first, np.zeros(30), "sign-flip") < 2e-4


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_definition(p_values):
    """Holm rejects at a level exactly those that its corrected p values put below it."""
    corrected = holm(p_values)
    for level in (0.01, 0.05, 0.3):
        rejected, order = set(), np.argsort(p_values, kind="stable")
        for rank, place in enumerate(order):
            if p_values[place] * (len(p_values) - rank) > level:
                break
            rejected.add(place)
        assert {i for i, p in enumerate(corrected) if p <= level} == rejected


def test_holm_leaves_out_what_is_not_known():
    found = holm([0.01, math.nan, 0.04])
    assert found[0] == 0.02
    assert math.isnan(found[1])
    assert found[2] == 0.04


@given(st.lists(st.integers(0, 4), min_size=2, max_size=6))
def test_ranks_are_those_of_scipy(values):
    row = np.array([values], float)
    assert ranks(row, "lower")[0].tolist() == scipy.stats.rankdata(values).tolist()
    assert ranks(row, "higher")[0].tolist() == scipy.stats.rankdata(-row[0]).tolist()


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_the_front_is_what_nobody_dominates(points):
    xs, ys = zip(*points, strict=True)
    found = pareto_front(xs, ys, "lower", "higher")
    for (x, y), on_front in zip(points, found, strict=True):
        beaten = any(a <= x and b >= y and (a < x or b > y) for a, b in points)
        assert on_front is not beaten
