"""Kinds of run that take only a part of the grid, such as a baseline without weights."""

import math

import numpy as np
import pytest

import unweave
from unweave.errors import ConfigError
from unweave.executors import Serial
from unweave.experiment.checks import check_experiment
from unweave.experiment.command_line import typed_experiment
from unweave.experiment.comparison import Comparison
from unweave.experiment.definition import Experiment, Picture
from unweave.experiment.layout import as_text
from unweave.experiment.page import usual_pictures, write_comparison
from unweave.experiment.pictures import draw
from unweave.experiment.results import Results
from unweave.experiment.rows import MeasuredValue, Row
from unweave.experiment.sweep import definition_text, sweep
from unweave.experiment.toml_reader import parse_definition, with_settings
from unweave.reproduce.recipe import Recipe, check_recipe, select_runs
from unweave.reproduce.verdicts import verdicts

STUDY = """
data = ["toy-images"]
seeds = 2
[settings]
prior = "toy-normal"
dim = 3
batch_size = 16
steps = 8
log_every = 4
checkpoint_every = 4
architecture = "mlp:widths=16"
[[runs]]
label = "vae"
settings = { method = "toy-vae" }
[[runs]]
label = "gan"
grid = []
settings = { method = "toy-gan" }
[grid]
beta = [1, 4]
[measures]
error = "squared-error"
score = "metric toy-correlation:power=1"
"""
CLAIM = """
[[expect]]
claim = "The GAN reconstructs better than the VAE with beta 4"
measure = "error"
run = "gan"
below = "vae"
below_where = { beta = 4 }
"""
RECIPE = 'source = "Somebody, 2020"\ndiffers = "It is shorter."' + STUDY + CLAIM


def edited(old="", new="", text=STUDY, kind=Experiment):
    assert old in text
    return parse_definition(text.replace(old, new, 1), "study", kind)


def made_up(experiment):
    """Results in which the error of a run is 10 beta + seed, and that of the baseline 15 + seed."""
    rows = [
        Row(
            run=job.label, place=job.place, seed=job.seed, status="finished", step=8, steps=8,
            measures={
                name: MeasuredValue(
                    measure=name, value=size * job.place.get("beta", 1.5) + job.seed, step=8
                )
                for name, size in (("error", 10.0), ("score", -10.0))
            },
        )
        for job in experiment.jobs()
    ]  # fmt: skip
    return Results(experiment, None, rows)


def test_a_baseline_has_one_run_per_seed(tmp_path):
    results = sweep(edited(), tmp_path / "out", Serial())
    assert all(row.finished for row in results.rows)
    assert [(row.run, row.place, row.seed) for row in results.rows] == [
        ("vae", {"beta": 1}, 0), ("vae", {"beta": 4}, 0), ("gan", {}, 0),
        ("vae", {"beta": 1}, 1), ("vae", {"beta": 4}, 1), ("gan", {}, 1),
    ]  # fmt: skip
    for table in ("experiment.h5", "experiment.csv"):
        beta = unweave.read_experiment(tmp_path / "out" / table, frame=False)["beta"]
        np.testing.assert_array_equal(beta, [1, 4, math.nan] * 2)
    comparison = Comparison(results)
    page = write_comparison(comparison, tmp_path / "out").read_text()
    assert "Not drawn" not in page
    assert ">gan<" in page


def test_texts_of_the_grid_that_a_baseline_lacks_are_empty(tmp_path):
    study = edited("beta = [1, 4]", 'architecture = ["mlp:widths=8", "mlp:widths=16"]')
    results = sweep(study, tmp_path / "out", Serial())
    columns = unweave.read_experiment(tmp_path / "out", frame=False)
    assert columns["architecture"].tolist() == ["mlp:widths=8", "mlp:widths=16", ""] * 2
    assert len(results.rows) == 6


def test_a_baseline_is_compared_with_every_grid_point_and_ranked_there():
    comparison = Comparison(made_up(edited()))
    pairs = {
        (c.first.title, c.second.title): c for c in comparison.contrasts if c.measure == "error"
    }
    assert set(pairs) == {
        ("vae, beta 1", "vae, beta 4"), ("vae, beta 1", "gan"), ("vae, beta 4", "gan"),
    }  # fmt: skip
    assert pairs["vae, beta 4", "gan"].difference == 25
    assert pairs["vae, beta 4", "gan"].pairs == 2
    labels, table = comparison.mean_ranks("error")
    assert labels == ["vae", "gan"]
    assert sorted(table.tolist()) == [[1, 2], [1, 2], [2, 1], [2, 1]]  # at beta 1 and at beta 4
    lines = [line for line in as_text(comparison).splitlines() if line.startswith("gan")]
    assert lines[0].split()[1] == "15.50"


def test_kinds_with_settings_of_their_own_share_no_grid_point():
    text = STUDY.replace("beta = [1, 4]", "beta = [1, 4]\nweight = [2, 3]")
    text = text.replace("grid = []", 'grid = ["weight"]')
    study = edited('label = "vae"', 'label = "vae"\ngrid = ["beta"]', text)
    assert len(study.jobs()) == 2 * (2 + 2)
    comparison = Comparison(made_up(study))
    titles = {(c.first.title, c.second.title) for c in comparison.contrasts}
    assert titles == {("vae, beta 1", "vae, beta 4"), ("gan, weight 2", "gan, weight 3")}
    assert len(comparison.mean_ranks("error")[1]) == 0
    kinds = [picture.kind for picture in usual_pictures(comparison)]
    assert "heat-map" not in kinds


def test_a_curve_of_a_baseline_is_level():
    options = {"x": "beta", "measures": ["error"]}
    figure = draw(made_up(edited()), Picture(kind="curves", name="c", options=options))
    vae, gan = figure.axes[0].lines
    np.testing.assert_allclose(vae.get_xydata(), [[1, 10.5], [4, 40.5]])
    np.testing.assert_allclose(gan.get_xydata(), [[1, 15.5], [4, 15.5]])
    options = {**options, "by": "beta"}
    figure = draw(made_up(edited()), Picture(kind="curves", name="c", options=options))
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["vae, beta 1", "vae, beta 4", "gan"]


def test_a_baseline_has_no_number_beside_its_point():
    options = {"x": "error", "y": "score"}
    study = edited().model_copy(update={"better": {"error": "lower", "score": "higher"}})
    figure = draw(made_up(study), Picture(kind="trade", name="t", options=options))
    texts = [text.get_text() for text in figure.axes[0].texts]
    assert sorted(filter(None, texts)) == ["1", "4"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("grid = []\n", "",
         r"run 'gan' has no setting beta, which the grid varies; to train it without, write grid = "
         r"\[\] below its label"),
        ("grid = []", 'grid = ["bta"]', "unknown name in the grid of run 'gan' 'bta'"),
        ("grid = []", "grid = { beta = [1] }", r"runs.1.grid: must be a list of names of the grid"),
        ("grid = []", 'grid = ["beta", "beta"]', "must be distinct, got beta twice"),
        ('label = "vae"', 'label = "vae"\ngrid = []', "no kind of run takes beta of the grid"),
        ('"toy-gan" }', '"toy-gan", learning_rate = "{beta*0.1}" }',
         "run 'gan' has beta in braces, but not in its grid"),
        ("beta = [1, 4]", "bta = [1, 4]", "unknown setting of method toy-vae 'bta'"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_the_grid_of_a_kind_is_said(old, new, said):
    with pytest.raises(ConfigError, match=said):
        check_experiment(edited(old, new))


def test_a_kind_may_set_what_only_others_take_from_the_grid():
    text = STUDY.replace("beta = [1, 4]", "learning_rate = [1e-3, 2e-3]")
    study = edited('"toy-gan" }', '"toy-gan", learning_rate = 0.01 }', text)
    rates = [job.settings["learning_rate"] for job in check_experiment(study).jobs()]
    assert rates == [1e-3, 2e-3, 0.01] * 2


def test_typed_methods_without_a_setting_of_the_grid_are_trained_without_it():
    def typed(*grid):
        return typed_experiment(
            "toy-vae,toy-gan",
            data="toy-images",
            settings=["prior=toy-normal"],
            grid=grid,
            seeds="2",
        )

    found = typed("beta=1,4")
    assert [variant.grid for variant in found.runs] == [None, []]
    assert len(check_experiment(found).jobs()) == 2 * (2 + 1)
    both = typed("beta=1,4", "weight=1,2,3", "dim=2,3")
    assert [variant.grid for variant in both.runs] == [["beta", "dim"], ["weight", "dim"]]
    assert len(check_experiment(both).jobs()) == 2 * (4 + 6)
    with pytest.raises(ConfigError, match="unknown setting of method toy-vae 'bta'"):
        check_experiment(typed("bta=1,4"))


def test_the_definition_in_the_folder_has_the_grid_of_every_kind():
    study = edited()
    assert parse_definition(definition_text(study), "study", Experiment) == study


def test_a_setting_that_is_typed_leaves_the_grid_of_a_kind():
    text = STUDY.replace("beta = [1, 4]", "beta = [1, 4]\ndim = [2, 3]")
    study = edited("grid = []", 'grid = ["dim"]', text)
    fixed = with_settings(study, {"dim": 5})
    assert fixed.grid == {"beta": [1, 4]}
    assert [variant.grid for variant in fixed.runs] == [None, []]
    assert len(fixed.jobs()) == 2 * (2 + 1)


def test_a_claim_may_be_about_a_baseline_at_any_value_of_the_grid():
    recipe = check_recipe(edited(text=RECIPE, kind=Recipe))
    (row,) = verdicts(recipe, made_up(recipe))
    assert "15.5 against 40.5" in row[2]
    itself = RECIPE.replace('below = "vae"', 'below = "gan"')
    with pytest.raises(ConfigError, match="below names the same runs as run"):
        check_recipe(edited(text=itself, kind=Recipe))


def test_a_recipe_with_its_baseline_alone_has_no_grid():
    recipe = edited(text=RECIPE, kind=Recipe)
    alone = select_runs(recipe, ["gan"], None)
    assert alone.grid == {}
    assert len(check_recipe(alone).jobs()) == 2
    with pytest.raises(ConfigError, match="none of the runs takes beta of the grid"):
        select_runs(recipe, ["gan"], None, ["beta=2"])
