"""Verdicts: as many digits as tell two numbers apart, and what the seeds cannot tell."""

import pytest
import scipy.stats

from unweave.experiment.definition import Variant
from unweave.experiment.results import Results
from unweave.experiment.rows import MeasuredValue, Row
from unweave.reproduce.recipe import Expectation, Recipe
from unweave.reproduce.verdicts import verdicts


def judged(tmp_path, values, **claim):
    """Judge one claim about the runs `a` and `b`, of which every seed has one value."""
    seeds = list(range(len(next(iter(values.values())))))
    recipe = Recipe(
        name="r", source="s", differs="d", seeds=seeds, measures={"m": "squared-error"},
        runs=[Variant(label=label) for label in values],
        expect=[Expectation(measure="m", run="a", claim="c", **claim)],
    )  # fmt: skip
    rows = [
        Row(run=label, place={}, seed=seed, status="finished", step=1, steps=1,
            measures={"m": MeasuredValue(measure="squared-error", value=value, step=1)})
        for label, column in values.items() for seed, value in enumerate(column)
    ]  # fmt: skip
    (verdict,) = verdicts(recipe, Results(recipe, tmp_path, rows))
    return verdict.outcome, verdict.verdict


def test_numbers_that_differ_late_are_printed_so(tmp_path):
    assert judged(tmp_path, {"a": [68.61], "b": [68.64]}, below="b") == (
        "68.61 against 68.64", "agrees",
    )  # fmt: skip
    assert judged(tmp_path, {"a": [9.9912], "b": [9.9909]}, below="b") == (
        "9.9912 against 9.9909", "**disagrees**",
    )  # fmt: skip
    assert judged(tmp_path, {"a": [1.0], "b": [1.0]}, below="b") == (
        "1 against 1", "**disagrees**",
    )  # fmt: skip
    # 5 x 1.9996 is below 10, and 5 x 2.00 is not.
    assert judged(tmp_path, {"a": [1.9996], "b": [10.0]}, below="b", times=5.0) == (
        "1.9996 against 10", "agrees",
    )  # fmt: skip
    assert judged(tmp_path, {"a": [9.9996]}, published=9.0, tolerance=0.9998) == (
        "9.9996", "agrees",
    )  # fmt: skip


def test_what_the_paired_test_cannot_tell_is_within_error(tmp_path):
    a, b = [1.0, 2.0, 3.0], [1.5, 1.8, 3.2]
    p = scipy.stats.ttest_rel(a, b).pvalue
    assert p > 0.05
    assert judged(tmp_path, {"a": a, "b": b}, below="b") == (
        f"2 against 2.17, p {p:.2g}", "agrees, within error",
    )  # fmt: skip
    assert judged(tmp_path, {"b": a, "a": b}, below="b") == (
        f"2.17 against 2, p {p:.2g}", "**disagrees**, within error",
    )  # fmt: skip


def test_pairs_count_and_not_the_spread_over_seeds(tmp_path):
    """Seeds differ by 1 and the runs by .1 on every seed, up to a little."""
    a, b = [1.0, 2.0, 3.0, 4.0], [1.1, 2.11, 3.1, 4.09]
    outcome, verdict = judged(tmp_path, {"a": a, "b": b}, below="b")
    assert verdict == "agrees"
    p = scipy.stats.ttest_rel(a, b).pvalue
    assert outcome == f"2.5 against 2.6, p {p:.2g}"
    twice = judged(tmp_path, {"a": a, "b": b}, below="b", times=2.0)
    p = scipy.stats.ttest_rel([2 * value for value in a], b).pvalue
    assert p < 0.05
    assert twice == (f"2.5 against 2.6, p {p:.2g}", "**disagrees**")


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([4.9, 5.0, 5.1], "agrees"),
        ([4.2, 5.0, 5.8], "agrees, within error"),
        ([5.4, 6.1, 6.8], "**disagrees**, within error"),
        ([7.0, 7.1, 7.2], "**disagrees**"),
    ],
)
def test_an_interval_over_the_edge_of_the_tolerance_is_within_error(tmp_path, values, verdict):
    outcome, found = judged(tmp_path, {"a": values}, published=5.0, tolerance=1.0)
    assert found == verdict
    mean, low, high = (float(part.strip("[],")) for part in outcome.split())
    assert low < mean < high
