"""Which direction of a measure is better, between which numbers it lies, and what is said of it."""

import math

import pytest
import toy

from unweave.errors import ConfigError
from unweave.experiment.comparison import Comparison
from unweave.experiment.definition import Experiment, Variant, unknown_label
from unweave.experiment.measures import better, bounds
from unweave.experiment.metric_facts import metric_facts
from unweave.experiment.results import Results
from unweave.experiment.rows import MeasuredValue, Row, needs_work
from unweave.experiment.statistics import interval, summarise
from unweave.registry import registry
from unweave.reproduce.recipe import read_recipe, select_runs


def study(measure):
    return Experiment(name="e", runs=[Variant(label="a")], measures={"m": measure})


@pytest.fixture
def metrics(monkeypatch):
    """The package of metrics beside the toy."""
    pytest.importorskip("unweave_metrics")
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,unweave-metrics,toy")
    registry.cache_clear()


ENDLESS = (-math.inf, math.inf)


@pytest.mark.parametrize(
    ("measure", "direction", "ends"),
    [
        ("squared-error", "lower", (0, math.inf)),
        ("code-variance", "neither", (0, math.inf)),
        ("linear-probe test", "higher", (0, 1)),
        ("frechet prior", "lower", (0, math.inf)),
        ("mmd prior", "lower", ENDLESS),  # a U-statistic falls below 0
        ("regulariser", "neither", ENDLESS),
        ("decomposition total_correlation", "neither", (0, math.inf)),
        ("log reconstruction", "lower", ENDLESS),
        ("log validation/loss", "lower", ENDLESS),
        ("log total_correlation", "neither", ENDLESS),
        ("log kl", "neither", (0, math.inf)),
        ("log validation/inclusive_kl", "neither", (0, math.inf)),
        ("log mmd", "neither", ENDLESS),
        ("metric toy-correlation/active", "higher", ENDLESS),
        ("metric toy-distance", "lower", (0, 1)),  # which declares it
        ("metric not-installed", "higher", ENDLESS),
    ],
)
def test_directions_and_ranges(measure, direction, ends):
    assert (better(study(measure), "m"), bounds(study(measure), "m")) == (direction, ends)


@pytest.mark.parametrize(
    ("measure", "direction", "ends"),
    [
        ("metric mig:bins=10/active/sampled", "higher", (0, 1)),
        ("mapped-metric mig", "higher", (0, 1)),
        ("mapped-metric gaussian-total-correlation", "lower", (0, math.inf)),
        ("metric fairness", "lower", (0, 1)),
        ("metric factorized-support", "lower", (0, math.inf)),
        ("metric hoyer-sparsity", "neither", (0, 1)),
        ("metric laplacian-variance", "neither", (0, math.inf)),
        ("metric mmd", "lower", ENDLESS),
        ("metric mmd:unbiased=false", "lower", (0, math.inf)),
        ("log score/mig/active", "higher", (0, 1)),
    ],
)
@pytest.mark.usefixtures("metrics")
def test_a_metric_is_asked_itself(measure, direction, ends):
    assert (better(study(measure), "m"), bounds(study(measure), "m")) == (direction, ends)


@pytest.mark.parametrize(
    ("name", "wrong", "sentence"),
    [
        ("better", "low", "better must be 'higher', 'lower' or 'neither', got 'low'; a higher"),
        ("better", ["lower"], "better must be 'higher', 'lower' or 'neither', got "),
        ("bounds", (1, 0), r"bounds must be two numbers in ascending order, got \(1, 0\); int"),
        ("bounds", (0, "1"), "bounds must be two numbers in ascending order, got "),
        ("bounds", (math.nan, 1), "bounds must be two numbers in ascending order, got "),
        ("bounds", 1, "bounds must be two numbers in ascending order, got 1"),
    ],
)
def test_a_metric_that_declares_nonsense_counts_as_one_that_declares_nothing(
    monkeypatch, name, wrong, sentence
):
    monkeypatch.setattr(toy.correlation, name, wrong, raising=False)
    with pytest.warns(UserWarning, match=f"metric toy-correlation of toy .*: {sentence}"):
        facts = metric_facts("toy-correlation")
    assert facts == ("higher", ENDLESS)


def test_an_interval_ends_at_the_range_unless_a_value_lies_outside():
    values = [0.01, 0.2, 0.02]
    low, high = interval(values)
    assert low < 0
    found = summarise(values, (0.0, 1.0))
    assert (found.low, found.high) == (0.0, high)
    assert summarise(values).low == low
    outside = [-0.01, 0.2, 0.02]
    assert (summarise(outside, (0.0, 1.0)).low, summarise(outside).low) == (
        interval(outside)[0],
    ) * 2
    assert summarise([0.99, 1.0, 0.8], (0.0, 1.0)).high == 1.0


def test_a_table_has_no_interval_outside_of_a_measure(tmp_path):
    rows = [
        Row(run="a", place={}, seed=seed, status="finished", step=1, steps=1,
            measures={"m": MeasuredValue(measure="squared-error", value=value, step=1)})
        for seed, value in enumerate([0.1, 2.0, 0.2])
    ]  # fmt: skip
    (summary,) = Comparison(Results(study("squared-error"), tmp_path, rows)).summaries["m"]
    assert summary.low == 0.0
    (summary,) = Comparison(Results(study("regulariser"), tmp_path, rows)).summaries["m"]
    assert summary.low < 0


def test_labels_with_commas_are_listed_with_semicolons():
    recipe = read_recipe("latent-mnist")
    with pytest.raises(ConfigError, match="Known: vae-gan; vae-gan, joint; "):
        select_runs(recipe, ["vae-gann"], None)
    assert "Known: b, a" in str(unknown_label("run", "bb", ["a", "b"]))


def test_a_recipe_without_a_grid_says_so():
    with pytest.raises(ConfigError, match="recipe tcwae-curve has no grid; leave out --grid"):
        select_runs(read_recipe("tcwae-curve"), [], None, ["beta=1,2"])


def test_a_report_that_is_asked_for_later_is_work_to_do(tmp_path):
    experiment = study("squared-error")
    value = MeasuredValue(measure="squared-error", value=1.0, step=1)
    row = Row(run="a", place={}, seed=0, status="finished", step=1, steps=1,
              folder=str(tmp_path), measures={"m": value})  # fmt: skip
    asked = experiment.model_copy(update={"reports": True})
    assert not needs_work(row, experiment)
    assert needs_work(row, asked)
    (tmp_path / "report.html").touch()
    assert not needs_work(row, asked)


@pytest.mark.usefixtures("sketched", "undrawn")
def test_the_option_writes_the_reports_of_a_sweep_that_is_done(tmp_path, call):
    command = [
        "sweep", "toy-vae", "--data", "toy-images", "--steps", "4", "--out", tmp_path / "s",
        "--executor", "serial", "--set", "prior=toy-normal", "--set", "architecture=mlp:widths=8",
        "--measure", "error=squared-error",
    ]  # fmt: skip
    call(*command)
    assert not list(tmp_path.rglob("report.html"))
    call(*command, "--reports")
    assert len(list(tmp_path.rglob("report.html"))) == 1
    assert 'href="runs/toy-vae-seed0/report.html"' in (tmp_path / "s/experiment.html").read_text()
