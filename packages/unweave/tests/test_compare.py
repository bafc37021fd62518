"""Comparisons: groups, the best within error, contrasts, layouts, pictures, pages."""

import csv
import io
import re
import shutil

import numpy as np
import pytest
import scipy.stats

import unweave
from unweave.errors import ConfigError
from unweave.executors import Serial
from unweave.experiment.comparison import Comparison, pairs_of
from unweave.experiment.definition import Experiment, Picture, Variant
from unweave.experiment.inputs import open_results
from unweave.experiment.layout import as_csv, as_latex, as_markdown, as_text, spread
from unweave.experiment.page import usual_pictures, write_comparison
from unweave.experiment.pictures import draw
from unweave.experiment.results import Group, Results
from unweave.experiment.rows import NOT_DEFINED, MeasuredValue, Row, failures
from unweave.experiment.statistics import Summary, summarise
from unweave.experiment.sweep import sweep
from unweave.experiment.toml_reader import parse_definition

VALUES = {
    ("one", 1): {"mig": [0.10, 0.12, 0.11], "mse": [30.0, 31.0, 32.0]},
    ("one", 4): {"mig": [0.30, 0.34, 0.33], "mse": [40.0, 42.0, 41.0]},
    ("two", 1): {"mig": [0.09, 0.13, 0.10], "mse": [29.0, 33.0, 31.0]},
    ("two", 4): {"mig": [0.31, 0.33, 0.35], "mse": [50.0, 52.0, 51.0]},
}


def row(label, beta, seed, values, status="finished"):
    return Row(
        run=label, place={"beta": beta}, seed=seed, status=status, step=10, steps=10,
        measures={
            name: MeasuredValue(measure=name, value=numbers[seed], step=10)
            for name, numbers in values.items()
        },
    )  # fmt: skip


@pytest.fixture
def results(tmp_path):
    experiment = Experiment(
        name="made-up", runs=[Variant(label="one"), Variant(label="two")],
        grid={"beta": [1, 4]}, seeds=[0, 1, 2],
        measures={"mig": "metric mig", "mse": "squared-error"},
    )  # fmt: skip
    rows = [row(*key, seed, values) for key, values in VALUES.items() for seed in range(3)]
    return Results(experiment, tmp_path, rows)


def test_groups_are_kinds_at_places_and_hold_the_seeds(results):
    groups = Comparison(results).groups
    assert [group.title for group in groups] == [
        "one, beta 1", "one, beta 4", "two, beta 1", "two, beta 4",
    ]  # fmt: skip
    assert list(groups[1].values("mig").values()) == [0.30, 0.34, 0.33]
    assert results.values("mig", "two", {"beta": 4.0}) == [0.31, 0.33, 0.35]
    with pytest.raises(ConfigError, match="has no run 'three'"):
        results.at("three", {})


def test_the_best_is_marked_with_what_is_within_error_of_it(results):
    comparison = Comparison(results)
    assert comparison.best("mig") == [False, True, False, True]  # .323 and .330
    assert comparison.best("mse") == [True, False, True, False]  # lower is better: 31 and 31
    undirected = results.experiment.model_copy(update={"better": {"mig": "neither"}})
    found = Comparison(Results(undirected, results.folder, results.rows))
    assert found.best("mig") == [False] * 4


def test_methods_are_tested_against_each_other_at_equal_places(results):
    contrasts = Comparison(results).contrasts
    found = {(c.measure, c.first.title): c for c in contrasts if c.first.label != c.second.label}
    assert set(found) == {(m, f"one, beta {b}") for m in ("mig", "mse") for b in (1, 4)}
    contrast = found["mse", "one, beta 4"]
    # all three differences are -10: their spread is 0, and flips of signs give 2 / 8
    assert contrast.p == 0.25
    # The p of the two pairs of neighbours are smaller, that of the other pair at beta 1 is larger.
    assert contrast.corrected == 0.5
    assert contrast.difference == -10
    contrast = found["mig", "one, beta 1"]
    expected = scipy.stats.ttest_rel(VALUES["one", 1]["mig"], VALUES["two", 1]["mig"]).pvalue
    assert contrast.p == pytest.approx(expected)


def titles(pairs):
    return {(first.title, second.title) for first, second in pairs}


def test_pairs_differ_in_one_thing_or_are_in_a_claim(results):
    groups = Comparison(results).groups
    one = {
        ("one, beta 1", "one, beta 4"), ("two, beta 1", "two, beta 4"),
        ("one, beta 1", "two, beta 1"), ("one, beta 4", "two, beta 4"),
    }  # fmt: skip
    assert titles(pairs_of(groups, {"beta": [4, 1]})) == one
    claim = (("two", {"beta": 1}), ("one", {"beta": 4}))
    across = {("one, beta 4", "two, beta 1")}
    assert titles(pairs_of(groups, {"beta": [1, 4]}, [claim])) == one | across
    # Values of which another lies between are no neighbours; that alone leaves no pair at all.
    assert titles(pairs_of(groups[:2], {"beta": [1, "2", 4]})) == {("one, beta 1", "one, beta 4")}
    wide = [Group("one", {"beta": beta}, []) for beta in (1, 2, 10)]
    assert titles(pairs_of(wide, {"beta": [10, 1, 2]})) == {
        ("one, beta 1", "one, beta 2"), ("one, beta 2", "one, beta 10"),
    }  # fmt: skip


def test_a_page_shows_some_dozens_of_tests_and_a_file_has_all(tmp_path, undrawn):
    """A grid of 5 x 5 has 300 pairs, 40 of neighbours; with three measures 120 tests."""
    values = [0, 1, 2, 3, 4]
    experiment = Experiment(
        name="grid", runs=[Variant(label="one")], grid={"a": values, "b": values}, seeds=[0, 1, 2],
        measures=dict.fromkeys("xyz", "squared-error"),
    )  # fmt: skip
    rng = np.random.default_rng(0)
    rows = [
        Row(run="one", place={"a": a, "b": b}, seed=seed, status="finished", step=1, steps=1,
            measures={n: MeasuredValue(measure=n, value=rng.normal(), step=1) for n in "xyz"})
        for a in values for b in values for seed in range(3)
    ]  # fmt: skip
    claim = (("one", {"a": 0, "b": 0}), ("one", {"a": 4, "b": 4}))
    comparison = Comparison(Results(experiment, tmp_path, rows), claims=(claim,))
    assert len(comparison.contrasts) == 3 * 41
    page = write_comparison(comparison, tmp_path).read_text()
    with (tmp_path / "comparison-tests.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 3 * 41
    text = (tmp_path / "comparison.md").read_text()
    shown = re.findall(r"^\| [xyz] \| (one, .*?) \| (one, .*?) \|", text, re.M)
    assert len(shown) == 36
    assert shown.count(("one, a 0, b 0", "one, a 4, b 4")) == 3
    smallest = min(lines, key=lambda line: float(line["p"]))
    assert (smallest["one"], smallest["the other"]) in shown
    for said in (text, page):
        assert "The table has 36 of 123 tests" in said
        assert "comparison-tests.csv has all" in said


def test_only_seeds_that_both_have_are_paired(results):
    rows = [r for r in results.rows if not (r.run == "two" and r.seed == 1)]
    comparison = Comparison(Results(results.experiment, results.folder, rows))
    found = next(c for c in comparison.contrasts if c.second.title == "two, beta 1")
    first, second = VALUES["one", 1]["mig"], VALUES["two", 1]["mig"]
    assert found.pairs == 2
    assert found.difference == pytest.approx(np.mean(first[::2]) - np.mean(second[::2]))


def test_a_run_that_is_not_finished_counts_for_nothing(results):
    broken = [r.model_copy(update={"status": "failed", "reason": "it blew up"})
              if r.seed == 2 else r for r in results.rows]  # fmt: skip
    comparison = Comparison(Results(results.experiment, results.folder, broken))
    assert [s.n for s in comparison.summaries["mig"]] == [2, 2, 2, 2]
    assert "it blew up" in as_text(comparison)
    assert "it blew up" in as_markdown(comparison)


def test_ranks_are_within_places_and_seeds(results):
    labels, table = Comparison(results).mean_ranks("mig")
    assert labels == ["one", "two"]
    assert table.tolist() == [[1, 2], [2, 1], [1, 2], [2, 1], [1, 2], [2, 1]]


def test_the_layouts_say_the_same(results):
    comparison = Comparison(results)
    lines = list(csv.DictReader(io.StringIO(as_csv(comparison))))
    line = next(x for x in lines if (x["run"], x["beta"], x["measure"]) == ("one", "4", "mig"))
    assert float(line["mean"]) == np.mean(VALUES["one", 4]["mig"])
    assert float(line["std"]) == np.std(VALUES["one", 4]["mig"], ddof=1)
    assert float(line["low"]) < float(line["mean"]) < float(line["high"])
    assert line["best"] == "1"
    text = as_markdown(comparison)
    assert re.search(r"\| one \| 4 \| \*\*0\.323 ± 0\.021 \[.*?\]\*\* \| 41\.0 ± 1\.0 \[", text)
    assert "mig ↑ | mse ↓" in text
    assert "0.323 ± 0.021" in as_text(comparison)
    latex = as_latex(comparison)
    assert r"\begin{tabular}{llrr}" in latex
    assert r"one & 4 & $\mathbf{0.323 \pm 0.021}$ & $41.0 \pm 1.0$ \\" in latex
    assert latex.index(r"\toprule") < latex.index(r"\midrule") < latex.index(r"\bottomrule")


def test_a_power_of_ten_is_one_in_latex(results):
    rows = [
        row("one", 1, seed, {"mig": [1.1e-5, 1.3e-5], "mse": [1234e4, 1236e4]}) for seed in (0, 1)
    ]
    comparison = Comparison(Results(results.experiment, results.folder, rows))
    latex = as_latex(comparison)
    assert r"$\mathbf{1.20 \times 10^{-5} \pm 1.4 \times 10^{-6}}$" in latex
    assert r"$\mathbf{1.2350 \times 10^{7} \pm 1.4 \times 10^{4}}$" in latex
    assert "1.20e-05 ± 1.4e-06" in as_text(comparison)


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ([], "-"),
        ([0.12345], "0.123"),
        ([-1004.2], "-1004"),
        ([999.7], "1000"),
        ([2.5e7], "2.5e+07"),
        ([0.5, 0.5], "0.5 ± 0 [0.5, 0.5]"),
        ([990.1, 990.5], "990.30 ± 0.28 [987.76, 992.84]"),  # three digits would hide the spread
        ([0.0, 0.32], "0.16 ± 0.23 [-1.87, 2.19]"),
        ([0.0999, 0.2411], "0.17 ± 0.10 [-0.73, 1.07]"),  # a deviation that is rounded up
        ([-0.0603, 0.06], "0.000 ± 0.085 [-0.764, 0.764]"),  # not -0.000
        ([1000.0, 1400.0], "1200 ± 283 [-1341, 3741]"),
    ],
)
def test_a_deviation_has_two_digits_and_the_mean_ends_where_it_does(values, text):
    assert spread(summarise(values)) == text


def test_a_deviation_whose_square_overflows_is_infinite():
    assert spread(Summary(2, 2e200, np.inf, -np.inf, np.inf)) == "2e+200 ± inf [-inf, inf]"


def test_a_trained_run_without_a_measure_is_named(results):
    """A sweep may be stopped between the training and the measures of a run."""
    whole = results.rows[0]
    partial = whole.model_copy(update={"measures": {"mig": whole.measures["mig"]}})
    rows = [partial, *results.rows[1:]]
    text = as_text(Comparison(Results(results.experiment, results.folder, rows)))
    line = next(line for line in text.splitlines() if line.endswith("not computed yet"))
    assert re.split(" {2,}", line) == [
        "one, beta 1", "0", "finished", "10 of 10", "measure 'mse': not computed yet",
    ]  # fmt: skip
    assert "not computed yet" not in as_text(Comparison(results))


def test_a_mean_of_some_seeds_says_of_how_many_and_why(results):
    """A score may be undefined for some seeds, which need not be like the others."""
    whole = results.rows[0]
    lost = MeasuredValue(measure="mig", value=None, step=10, reason=NOT_DEFINED)
    measures = {**whole.measures, "mig": lost}
    assert not lost.failed  # and is not computed again
    partial = whole.model_copy(update={"measures": measures, "reason": failures(measures, "")})
    rest = results.rows[1:]
    comparison = Comparison(Results(results.experiment, results.folder, [partial, *rest]))
    for layout in (as_text, as_markdown):
        text = layout(comparison)
        assert re.search(r"0\.1150 ± 0\.0071 \[\S+, \S+\] \(2 of 3\)", text)
        assert text.count(" of 3)") == 1
        assert "In parentheses: how many seeds have a value, where some have none." in text
        assert "measure 'mig': not defined" in text
    assert as_latex(comparison).count("$ (2 of 3)") == 1
    for layout in (as_text, as_markdown, as_latex):
        assert " of 3)" not in layout(Comparison(results))
        assert "In parentheses" not in layout(Comparison(results))


def bars(panel):
    return [tuple(bar.get_segments()[0][:, 0]) for _, _, (bar,) in panel.containers]


def test_intervals_of_ranks_end_at_the_first_and_the_last_rank(results):
    rows = [one for one in results.rows if one.place == {"beta": 1} and one.seed < 2]
    picture = Picture(kind="ranks", name="ranks", options={"measures": ["mig"]})
    (panel,) = draw(Results(results.experiment, results.folder, rows), picture).axes
    assert bars(panel) == [(1, 2), (1, 2)]  # ranks 1, 2 and 2, 1: Student's reach is 6.4


def test_bands_of_curves_are_errors_over_seeds_also_where_another_setting_varies(tmp_path):
    """A mean over other grid points first: what differs between them is no error."""
    experiment = Experiment(
        name="grid", runs=[Variant(label="one")], grid={"a": [1, 2], "b": [1, 2]}, seeds=[0, 1],
        measures={"mse": "squared-error"},
    )  # fmt: skip
    rows = [
        Row(run="one", place={"a": a, "b": b}, seed=seed, step=1, steps=1,
            status="waiting" if (a, b, seed) == (2, 2, 1) else "finished",
            measures={"mse": MeasuredValue(measure="m", value=a + 100 * b + seed, step=1)})
        for a in (1, 2) for b in (1, 2) for seed in (0, 1)
    ]  # fmt: skip
    picture = Picture(kind="curves", name="p", options={"x": "a", "measures": ["mse"]})
    (panel,) = draw(Results(experiment, tmp_path, rows), picture).axes
    (line,), (band,) = panel.lines, panel.collections
    assert list(line.get_ydata()) == [151.5, 152]  # at a 2, seed 0 alone has both points
    low, high = band.get_datalim(panel.transData).intervaly
    assert (low, high) == pytest.approx((150.5, 152.5))  # 2 sqrt(.5) / sqrt(2) on each side


def test_names_are_text_in_every_layout(tmp_path):
    label = r"a_b & 50% $x$ <script>alert(1)</script> | \input{/etc/passwd}"
    experiment = Experiment.model_construct(
        name="e", title=label, settings={}, data=[], runs=[Variant.model_construct(label=label)],
        grid={}, seeds=[0], test=None, density=None, measures={"mig": "metric mig"}, better={},
        pictures=[], reports=False,
    )  # fmt: skip
    rows = [Row(run=label, place={}, seed=0, status="finished", step=1, steps=1,
                measures={"mig": MeasuredValue(measure="m", value=0.5, step=1)})]  # fmt: skip
    comparison = Comparison(Results(experiment, tmp_path, rows))
    latex = as_latex(comparison)
    assert r"a\_b \& 50\% \$x\$ \textless{}script\textgreater{}" in latex
    assert r"\input" not in latex
    assert r"\|" in as_markdown(comparison)
    page = write_comparison(comparison, tmp_path).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;" in page


STUDY = """
data = ["toy-images"]
seeds = 2
density = "toy-affine"
[settings]
prior = "toy-normal"
dim = 2
batch_size = 16
steps = 6
log_every = 2
architecture = "mlp:widths=8"
[[runs]]
label = "vae"
settings = { method = "toy-vae" }
[[runs]]
label = "heavy vae"
settings = { method = "toy-vae", learning_rate = 0.01 }
[grid]
beta = [1, 4]
dim = [2, 3]
[measures]
error = "squared-error"
score = "metric toy-correlation"
[[pictures]]
kind = "heat-map"
name = "heat"
options = { measure = "score", rows = "beta", columns = "dim" }
[[pictures]]
kind = "curves"
name = "curves"
options = { x = "beta", by = "dim", measures = ["error", "score"], log = true }
[[pictures]]
kind = "trade"
name = "trade"
options = { x = "error", y = "score", label = "beta" }
[[pictures]]
kind = "violins"
name = "violins"
options = { measures = ["error", "score"] }
[[pictures]]
kind = "ranks"
name = "ranks"
options = { measures = ["error", "score"] }
[[pictures]]
kind = "steps"
name = "steps"
options = { terms = ["loss", "kl"] }
[[pictures]]
kind = "traversals"
name = "traversals"
options = { dimensions = 2, reach = 3 }
[[pictures]]
kind = "aggregate"
name = "aggregate"
options = { rows = "beta", columns = "dim" }
[[pictures]]
kind = "magnitudes"
name = "magnitudes"
options = { run = "vae", where = { beta = 4, dim = 2 }, classes = [0, 3] }
[[pictures]]
kind = "moves"
name = "moves"
options = { run = "vae", where = { beta = 4, dim = 3 }, images = 3, dimensions = 2 }
[[pictures]]
kind = "samples"
name = "samples"
[[pictures]]
kind = "reconstructions"
name = "reconstructions"
[[pictures]]
kind = "representations"
name = "representations"
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory, toy_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_path)
        patch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
        from unweave.registry import registry

        registry.cache_clear()
        folder = tmp_path_factory.mktemp("swept")
        sweep(parse_definition(STUDY, "study", Experiment), folder, Serial())
    return folder


@pytest.mark.usefixtures("toy_note")
def test_every_picture_is_drawn_and_the_page_needs_nothing_else(swept, tmp_path, call):
    shown = call("compare", swept, "--out", tmp_path / "page")
    assert "heavy vae" in shown
    page = (tmp_path / "page" / "experiment.html").read_text()
    experiment = open_results([swept]).experiment
    assert "Not drawn" not in page
    assert "Data: toy-images: 64 places, each twice." in page
    for picture in experiment.pictures:
        assert (tmp_path / "page" / f"{picture.name}.png").stat().st_size > 3000
    assert page.count("data:image/png;base64,") == len(experiment.pictures)
    assert "http" not in page.replace("http-equiv", "")
    links = re.findall(r'href="([^"]+)"', page)
    assert len(links) == 16
    assert all((tmp_path / "page" / link).resolve().is_dir() for link in links)


def test_the_usual_pictures_of_an_experiment_are_drawn(swept, tmp_path):
    results = open_results([swept])
    plain = results.experiment.model_copy(update={"pictures": []})
    comparison = Comparison(Results(plain, results.folder, results.rows))
    kinds = {picture.kind for picture in usual_pictures(comparison)}
    assert kinds == {"violins", "trade", "heat-map", "ranks", "steps", "traversals"}
    page = write_comparison(comparison, tmp_path).read_text()
    assert "Not drawn" not in page


def test_a_picture_that_cannot_be_drawn_says_why(swept, tmp_path):
    results = open_results([swept])
    waiting = [r.model_copy(update={"status": "waiting", "step": 0}) for r in results.rows]
    comparison = Comparison(Results(results.experiment, results.folder, waiting))
    page = write_comparison(comparison, tmp_path).read_text()
    assert "Not drawn: no run is finished." in page


@pytest.mark.usefixtures("undrawn")
def test_the_formats_of_the_command(swept, tmp_path, call):
    for form, mark in {
        "text": "heavy vae", "markdown": "| --- |", "csv": "run,beta,dim,measure",
        "latex": r"\toprule",
    }.items():  # fmt: skip
        assert mark in call("compare", swept, "--format", form, "--out", tmp_path)


@pytest.mark.usefixtures("undrawn")
def test_run_directories_are_compared_by_method_seed_and_what_differs(
    tmp_path, settings, call, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    paths = []
    for beta in (1, 5):
        for seed in (0, 1):
            path = tmp_path / f"vae-{beta}-{seed}"
            unweave.train("toy-vae", beta=beta, seed=seed, out=path, device="cpu", **settings)
            paths.append(path)
    unweave.train("toy-gan", seed=0, out=tmp_path / "gan", device="cpu", **settings)
    found = open_results([*paths, tmp_path / "gan"])
    assert [(r.run, r.place, r.seed) for r in found.rows] == [
        ("toy-vae", {"beta": 1.0}, 0), ("toy-vae", {"beta": 1.0}, 1),
        ("toy-vae", {"beta": 5.0}, 0), ("toy-vae", {"beta": 5.0}, 1), ("toy-gan", {}, 0),
    ]  # fmt: skip
    run = unweave.Run.open(paths[0])
    assert found.rows[0].value("reconstruction_error") == run.scores["reconstruction_error"]
    call("evaluate", paths[0], "--codes", "both")
    comparison = Comparison(open_results(paths))
    errors = [name for name in comparison.measures if name.startswith("reconstruction_error")]
    assert errors == ["reconstruction_error", "reconstruction_error/sampled"]
    assert [comparison.better(name) for name in errors] == ["lower", "lower"]
    assert "toy-gan" in call("compare", *paths, tmp_path / "gan")
    assert (tmp_path / "comparison" / "experiment.html").is_file()
    with pytest.raises(ConfigError, match="have the same method, seed and settings"):
        open_results([paths[0], paths[0]])


def test_a_folder_whose_definition_is_lost_says_how_to_get_it_back(swept, tmp_path, call):
    folder = shutil.copytree(swept, tmp_path / "copy")
    definition = folder / "experiment.toml"
    definition.write_text("runs = [")
    again = "the command that made the folder writes it again, and trains no finished run twice"
    assert f"{definition} is damaged" in (said := call("compare", folder, code=2))
    assert again in said
    definition.unlink()
    assert f"without its experiment.toml; {again}" in call("compare", folder, code=2)


def test_a_folder_is_compared_without_the_plugins_of_its_runs(swept, tmp_path, call):
    call("compare", swept, "--out", tmp_path)
    folder = shutil.copytree(swept, tmp_path / "copy")
    for path in (folder / "experiment.toml", *folder.glob("runs/*/config.toml")):
        path.write_text(re.sub("toy-(vae|images|normal)", r"far-\1", path.read_text()))
    assert "picture traversals is not drawn" in call("compare", folder)
    for table in ("comparison.csv", "comparison-tests.csv"):
        assert (folder / table).read_text() == (tmp_path / table).read_text()


def test_what_cannot_be_compared_is_said(swept, tmp_path, call):
    assert "is not a run directory" in call("compare", tmp_path, code=2)
    assert "is the folder of an experiment, which is compared alone" in call(
        "compare", swept, tmp_path, code=2
    )
    with pytest.raises(
        ConfigError, match="no path; give the folder of an experiment, or run directories"
    ):
        open_results([])
