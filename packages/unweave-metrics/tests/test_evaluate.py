"""The table of many scores: defaults, intervals that cost too much, progress, several seeds."""

import inspect
import io
import sys

import numpy as np
import pytest
from narrowing import present
from sklearn.preprocessing import FunctionTransformer

import unweave_metrics as um
from unweave_metrics import _progress
from unweave_metrics.catalogue import CATALOGUE
from unweave_metrics.intervals.interval import POPULATION, SAME_BINS, SAME_SIZE
from unweave_metrics.intervals.strategy import Call


def problem(n=400):
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(n, 2))
    return factors + rng.normal(size=factors.shape), factors


def test_defaults():
    parameters = inspect.signature(um.evaluate).parameters
    assert parameters["bootstrap"].default == 1000
    assert parameters["jobs"].default == -1
    assert parameters["progress"].default is True


def test_every_score_of_codes_has_an_interval_that_says_what_it_is_for():
    codes, factors = problem()
    names = [
        entry.name
        for entry in CATALOGUE.values()
        if "codes" in entry.needs and not entry.interval.without
    ]
    names.remove("xmig")  # which needs a code that no factor has
    std = np.full(codes.shape, 0.1)
    table = um.evaluate(codes, factors, metrics=names, bootstrap=8, std=std)
    assert list(table) == names
    for score in table.values():
        low, high = present(score.interval)
        made = score.settings["interval"]
        assert low <= high
        assert 5 <= made["resamples"] <= 8
        assert made["covers"] in (POPULATION, SAME_BINS, SAME_SIZE)
        if made["method"] == "centred":
            assert low <= score <= high


def test_resamples_are_fewer_where_they_are_slow_and_a_note_says_so():
    codes, factors = problem(2_000)
    options = {"metrics": ["mig", "dci_es"], "trees": 2, "jobs": 1}
    table = um.evaluate(codes, factors, **options)
    made = table["dci_es"].settings["interval"]["resamples"]
    assert 5 <= made < 60
    assert table["mig"].settings["interval"]["resamples"] == 1000
    assert f"few resamples, because more would take too long: dci_es {made}" in table.notes


def test_how_many_resamples_depends_on_sizes_alone():
    large = {"codes": np.zeros((10_000, 10)), "factors": np.arange(10_000)[:, None] % 99}
    dci = CATALOGUE["dci"].interval

    def count(rows, predictor):
        score = um.Score(0, settings={"rows": rows, "predictor": predictor})
        return dci.count(Call(um.dci, large, {}, score, dci), 1000)

    assert count(30, "histogram-boosting") >= count(1_000, "histogram-boosting") == 5
    assert count(1_000, "gradient-boosting") == 0


def test_jobs_change_nothing():
    codes, factors = problem()
    names = ["mig", "dci", "linear_probe", "infomec"]
    alone, together = (
        um.evaluate(codes, factors, metrics=names, bootstrap=6, jobs=jobs) for jobs in (1, 3)
    )
    for name in names:
        assert alone[name] == together[name]
        assert alone[name].interval == together[name].interval


def test_threads_of_linear_algebra_are_given_back():
    from threadpoolctl import threadpool_info, threadpool_limits

    with threadpool_limits(3, user_api="blas"):
        before = [pool["num_threads"] for pool in threadpool_info()]
        for _ in range(3):
            um.evaluate(*problem(100), metrics=["linear_probe"], bootstrap=12, jobs=6)
        assert [pool["num_threads"] for pool in threadpool_info()] == before


def test_intervals_of_images():
    images = np.random.default_rng(1).random((30, 8, 8))
    table = um.evaluate(
        problem()[0], metrics=["reconstruction_error", "psnr"], bootstrap=500,
        images=images, reconstructions=images * 0.9,
    )  # fmt: skip
    each = table["psnr"].parts["per_image"]
    low, high = present(table["psnr"].interval)
    # The normal interval of a mean; the bootstrap's own noise is a few hundredths of its width.
    half = 1.96 * each.std() / np.sqrt(30)
    assert high - low == pytest.approx(2 * half, rel=0.15)


def test_deviations_of_posteriors_reach_rmig():
    codes, factors = problem()
    std = np.full(codes.shape, 0.5)
    table = um.evaluate(codes, factors, metrics=["rmig"], std=std, bootstrap=5)
    assert table["rmig"] == um.rmig(codes, factors, std=std)
    assert table["rmig"].settings["posterior"] == "gaussian"


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "mode", "expected"),
    [(Terminal, True, "1/2"), (io.StringIO, True, ""), (io.StringIO, "lines", "1/2 a"),
     (Terminal, False, "")],
)  # fmt: skip
def test_progress_is_a_bar_on_a_terminal_and_lines_where_asked_for(
    monkeypatch, stream, mode, expected
):
    written = stream()
    monkeypatch.setattr(sys, "stderr", written)
    monkeypatch.setattr(_progress, "PATIENCE", 0.0)
    with _progress.Progress(2, mode) as steps:
        steps.begin("a")
        steps.finish("a")
        for _ in range(1000 if steps._thread is not None else 0):  # a loaded machine draws late
            if expected in written.getvalue():
                break
            steps._stop.wait(0.1)
    assert expected in written.getvalue()
    assert bool(written.getvalue()) == bool(expected)


def test_several_take_no_table():
    for name in ("udr", "mmd", "frechet_distance", "kernel_distance"):
        with pytest.raises(ValueError, match=f"call unweave_metrics.{name}"):
            um.evaluate(*problem(), metrics=[name])


def correlation(codes, factors):
    """A stranger's metric: the correlation of the first columns."""
    return float(np.corrcoef(codes[:, 0], factors[:, 0])[0, 1])


def broken(codes):
    raise RuntimeError("out of order")


def test_functions_of_anybody_take_part_with_intervals_and_may_fail():
    codes, factors = problem()
    table = um.evaluate(codes, factors, metrics=["mig", correlation, broken], bootstrap=60)
    assert list(table) == ["mig", "correlation", "broken"]
    low, high = present(table["correlation"].interval)
    # Fisher's interval of a correlation, 1.96 / sqrt(n - 3) wide each way in arctanh.
    half = 1.96 / np.sqrt(397) * (1 - table["correlation"] ** 2)
    assert (high - low) / 2 == pytest.approx(half, rel=0.35)
    assert np.isnan(table["broken"])
    assert table["broken"].notes == ("broken: RuntimeError: out of order",)
    assert "broken: RuntimeError: out of order" in str(table)


def test_what_a_function_declares_to_cost_decides_how_often_it_is_resampled(monkeypatch):
    def resamples(**declared):
        for name, value in declared.items():
            monkeypatch.setattr(correlation, name, value, raising=False)
        score = um.evaluate(codes, factors, metrics=[correlation])["correlation"]
        return score.settings.get("interval", {}).get("resamples", 0)

    codes, factors = problem()
    numbers = codes.size + factors.size
    assert resamples() == 60
    assert resamples(seconds_per_million=0.099e6 / numbers) == 10
    assert resamples(seconds_per_million=1.9e6 / numbers) == 5
    assert resamples(seconds_per_million=2.1e6 / numbers) == 0
    assert resamples(seconds_per_million=np.inf) == 0
    for wrong, kind in (("little", TypeError), (-1, ValueError), (np.nan, ValueError)):
        with pytest.raises(kind, match="seconds_per_million of correlation must be"):
            resamples(seconds_per_million=wrong)


def test_a_function_declares_which_scores_are_better_and_between_which_they_lie(monkeypatch):
    def deviation(codes, factors):
        return 0.001 + float(np.abs(codes[:, 0] - factors[:, 0]).mean())

    codes, factors = problem()
    scorer = um.scorer(deviation)
    coded = FunctionTransformer()
    assert scorer(coded, codes, factors) == deviation(codes, factors)
    monkeypatch.setattr(deviation, "better", "lower", raising=False)
    assert scorer(coded, codes, factors) == -deviation(codes, factors)
    monkeypatch.setattr(deviation, "better", "neither")
    with pytest.raises(ValueError, match="deviation has none"):
        um.scorer(deviation)
    score = um.evaluate(codes, factors, metrics=[deviation])["deviation"]
    low, high = present(score.interval)
    monkeypatch.setattr(deviation, "bounds", (0.0, (score + high) / 2), raising=False)
    limited = um.evaluate(codes, factors, metrics=[deviation])["deviation"].interval
    assert limited == (low, (score + high) / 2)


@pytest.mark.parametrize(
    ("name", "wrong", "kind", "sentence"),
    [
        ("better", "high", ValueError, "must be one of higher, lower, neither, got 'high'"),
        ("better", 1, ValueError, "must be one of higher, lower, neither, got 1"),
        ("bounds", 1.0, TypeError, "must be two numbers, got 1.0"),
        ("bounds", (0, "1"), TypeError, "must be a number, got '1'"),
        ("bounds", (0, np.nan), ValueError, "must be two numbers, got nan"),
        ("bounds", (1, 0), ValueError, r"must be in ascending order, got \(1, 0\)"),
    ],
)
def test_a_wrong_declaration_is_an_error(monkeypatch, name, wrong, kind, sentence):
    monkeypatch.setattr(correlation, name, wrong, raising=False)
    with pytest.raises(kind, match=f"{name} of correlation {sentence}"):
        um.evaluate(*problem(), metrics=[correlation])


def test_a_metric_that_cannot_be_computed_is_a_row_with_its_reason():
    codes, factors = problem()
    table = um.evaluate(codes[:, :1], factors, metrics=["mig", "irs"], bootstrap=0)
    assert np.isnan(table["mig"])
    assert "mig: mig needs at least two codes, got 1" in table.notes
    assert table["irs"] == um.irs(codes[:, :1], factors)


def test_shared_work_changes_no_score():
    codes, factors = problem()
    names = [entry.name for entry in CATALOGUE.values() if entry.usual and "codes" in entry.needs]
    table = um.evaluate(codes, factors, metrics=names, bootstrap=0)
    for name in names:
        arrays = (codes, factors)[: len(CATALOGUE[name].needs)]
        assert table[name] == getattr(um, name)(*arrays)


def test_predictors_are_fitted_once_for_metrics_that_share_them(monkeypatch):
    from scipy import optimize

    fits, minimize = [], optimize.minimize

    def count(*arguments, **options):
        fits.append(1)
        return minimize(*arguments, **options)

    monkeypatch.setattr(optimize, "minimize", count)
    um.evaluate(*problem(), metrics=["explicitness", "linear_probe"], bootstrap=0, jobs=1)
    assert len(fits) == 2
    um.explicitness(*problem())
    assert len(fits) == 4


def test_held_out_rows_are_resampled_too():
    codes, factors = problem(600)
    given = {"test_codes": codes[400:], "test_factors": factors[400:]}
    table = um.evaluate(codes[:400], factors[:400], metrics=["sap"], bootstrap=20, **given)
    assert table["sap"] == um.sap(codes[:400], factors[:400], **given)
    low, high = present(table["sap"].interval)
    assert low < table["sap"] < high


def numbers(score):
    return float(score), score.interval


def test_subsets_have_the_numbers_of_their_columns_alone():
    """What is shared with all codes changes no bit."""
    rng = np.random.default_rng(1)
    factors = rng.integers(0, 3, size=(300, 2))
    codes = np.hstack([factors + rng.normal(size=factors.shape), rng.normal(size=(300, 2))])
    some = [0, 1, 3]
    options = {"bootstrap": 20, "seed": 4, "progress": False}
    both = um.evaluate(codes, factors, subsets={"some": some, "all": range(4)}, jobs=2, **options)
    whole = um.evaluate(codes, factors, jobs=1, **options)
    alone = um.evaluate(codes[:, some], factors, jobs=1, **options)
    assert list(both)[:3] == ["mig", "mig/some", "mig/all"]
    assert len(both) == 3 * len(whole)
    for name in whole:
        assert numbers(both[name]) == numbers(both[f"{name}/all"]) == numbers(whole[name])
        assert numbers(both[f"{name}/some"]) == numbers(alone[name])
        assert both[f"{name}/some"].name == f"{name}/some"


def test_all_columns_are_computed_once_and_names_of_columns_are_those_of_the_subset():
    calls = []

    def widths(codes):
        calls.append(codes.shape[1])
        return float(codes[0, 0])

    codes, _ = problem()
    mask = [False, True]
    table = um.evaluate(codes, metrics=[widths], bootstrap=0, subsets={"b": mask, "a": [0, 1]})
    assert calls == [2, 1]
    assert table["widths/b"] == codes[0, 1]
    assert table["widths/a"] == table["widths"]


def test_a_subset_that_a_metric_cannot_score_says_so_under_its_own_name():
    codes, factors = problem()
    table = um.evaluate(codes, factors, metrics="mig", bootstrap=0, subsets={"one": [1]})
    assert np.isnan(table["mig/one"])
    assert table["mig/one"].notes == ("mig/one: mig needs at least two codes, got 1",)
    assert table["mig"] > 0


@pytest.mark.parametrize(
    ("subsets", "error", "words"),
    [
        ([0], TypeError, "must be a mapping"),
        ({0: [0]}, TypeError, "non-empty strings as names"),
        ({"a": 3}, TypeError, "list of column numbers"),
        ({"a": [0.5]}, TypeError, "list of column numbers"),
        ({"a": []}, ValueError, "at least one column"),
        ({"a": [False, False]}, ValueError, "at least one column"),
        ({"a": [True]}, ValueError, r"one boolean per code \(2\), got 1"),
        ({"a": [2]}, ValueError, "column numbers of codes, 0 to 1"),
        ({"a": [-1]}, ValueError, "column numbers of codes, 0 to 1"),
        ({"a": [1, 1]}, ValueError, "each column once"),
    ],
)
def test_subsets_are_checked(subsets, error, words):
    codes, factors = problem()
    with pytest.raises(error, match=words):
        um.evaluate(codes, factors, metrics="mig", bootstrap=0, subsets=subsets)
