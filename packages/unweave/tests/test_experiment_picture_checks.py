"""Pictures that could never be drawn are refused before any training; others that fail are told."""

import pytest
import tomli_w

from unweave.errors import ConfigError
from unweave.experiment.checks import check_experiment
from unweave.experiment.definition import Experiment, Picture, Variant
from unweave.experiment.page import draw_all
from unweave.experiment.pictures import picture_options
from unweave.experiment.results import Results
from unweave.experiment.rows import Row

SETTINGS = {
    "method": "toy-vae", "prior": "toy-normal", "architecture": "mlp:widths=8", "dim": 3,
    "steps": 5, "batch_size": 8, "data": "toy-images", "holdout": 40,
}  # fmt: skip


def study(kind, options, **changes):
    fields = {
        "name": "e", "settings": SETTINGS, "runs": [Variant(label="a")],
        "grid": {"learning_rate": [0.1, 0.01], "architecture": ["mlp:widths=8", "mlp:widths=9"]},
        "measures": {"error": "test-squared-error", "std": "posterior-std"},
        "pictures": [Picture(kind=kind, name="p", options=options)],
    }  # fmt: skip
    fields |= changes
    fields["settings"] = SETTINGS | changes.get("settings", {})
    return Experiment(**fields)


WHERE = {"learning_rate": 0.1, "architecture": "mlp:widths=8"}
RATE = "learning_rate"


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        ("steps", {"terms": ["recnstruction"]}, "unknown term in the log 'recnstruction'; did you"),
        ("steps", {"terms": ["validation/klx"]}, "unknown term in the log 'validation/klx'"),
        ("steps", {"terms": ["score/mig"]}, "unknown term in the log 'score/mig'"),
        ("steps", {"terms": []}, "terms must have at least one entry"),
        ("embedding", {"method": "foo"}, "method must be one of tsne, umap, got 'foo'"),
        ("embedding", {"points": 2}, "points and the number of test images must be at least 3"),
        ("traversals", {"classes": [77]}, "toy-images has no image of class 77; .* from 0 to 7"),
        ("traversals", {"classes": []}, "classes must have at least one entry"),
        ("traversals", {"dimensions": -3}, "dimensions must be at least 1, got -3"),
        ("traversals", {"reach": 0.0}, "reach must be a positive number, got 0"),
        ("noise", {}, "it needs a density; set one"),
        ("histograms", {"flow": True}, "it needs a density; set one"),
        ("histograms", {"dimensions": 0}, "dimensions must be at least 1, got 0"),
        ("moves", {"run": "a", "where": WHERE, "images": 0}, "images must be at least 1, got 0"),
        ("magnitudes", {"run": "a", "where": WHERE, "classes": []}, "classes must have at least"),
        ("magnitudes", {"run": "a", "where": WHERE, "classes": [9]}, "no image of class 9"),
        (
            "curves",
            {"x": "architecture", "measures": ["error"]},
            "architecture has 'mlp:widths=8'; choose",
        ),
        ("curves", {"x": RATE, "measures": []}, "measures must have at least one entry"),
        ("curves", {"x": RATE, "by": RATE, "measures": ["error"]}, "must be different settings"),
        ("heat-map", {"measure": "error", "rows": RATE, "columns": RATE}, "must be different"),
        ("aggregate", {"rows": RATE, "columns": "architecture", "reach": -1.0}, "reach must be"),
        ("violins", {"measures": []}, "measures must have at least one entry"),
        ("ranks", {"measures": ["std"]}, "it is not known for std; add it to"),
        ("sharpness", {"without": list(range(8))}, "the option without removes all classes"),
    ],
)
def test_a_picture_that_cannot_be_drawn_is_refused(kind, options, problem):
    with pytest.raises(ConfigError, match=f"picture p: .*{problem}"):
        check_experiment(study(kind, options))


@pytest.mark.parametrize(
    ("kind", "settings", "problem"),
    [
        ("embedding", {"data": "toy-images:factors=false"}, "needs classes, and toy-images has"),
        ("sharpness", {"data": "toy-images:factors=false"}, "needs classes, and toy-images has"),
        (
            "samples",
            {"data": "toy-vectors", "cost": "l2sq"},
            "and toy-vectors has vectors",
        ),
        ("noise", {}, "has no to_noise; choose a flow"),
    ],
)
def test_what_the_data_or_the_density_lack_is_told(kind, settings, problem):
    density = "toy-affine" if kind == "noise" else None
    with pytest.raises(ConfigError, match=f"picture p: .*{problem}"):
        check_experiment(study(kind, {}, settings=settings, density=density))


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("steps", {"terms": ["kl", "validation/kl", "loss"]}),
        ("traversals", {"classes": [0, 7], "dimensions": 9}),
        ("magnitudes", {"run": "a", "where": WHERE, "classes": [3]}),
        ("moves", {"run": "a", "where": {"architecture": "mlp:widths=8"}}),
        ("curves", {"x": "learning_rate", "by": "architecture", "measures": ["error"]}),
        ("aggregate", {"rows": "learning_rate", "columns": "architecture"}),
        ("embedding", {}),
    ],
)
def test_a_picture_that_can_be_drawn_is_let_pass(kind, options):
    assert check_experiment(study(kind, options)).pictures[0].kind == kind


@pytest.mark.parametrize(
    ("kind", "options", "problem"),
    [
        (
            "curves",
            {"x": "beta", "measures": ["error"]},
            "beta must be a setting of the grid, which is empty",
        ),
        (
            "moves",
            {"run": "a", "where": {"beta": 1}},
            "beta is not in the grid, which is empty; leave it",
        ),
    ],
)
def test_a_setting_of_a_grid_that_is_not_there_is_told(kind, options, problem):
    experiment = study(kind, options, grid={})
    with pytest.raises(ConfigError, match=problem):
        picture_options(experiment, experiment.pictures[0])


def test_the_command_trains_nothing_and_exits_with_2(tmp_path, call):
    definition = study("steps", {"terms": ["recnstruction"]}).model_dump(exclude_none=True)
    path = tmp_path / "e.toml"
    path.write_text(tomli_w.dumps(definition))
    said = call("sweep", path, "--out", tmp_path / "out", "--executor", "serial", code=2)
    assert said.count("\n") == 1
    assert "experiment e: picture p: unknown term in the log 'recnstruction'" in said
    assert not (tmp_path / "out").exists()


def test_a_picture_that_is_not_drawn_is_told_on_stderr(tmp_path, capsys):
    experiment = study("samples", {}, grid={})
    results = Results(experiment, tmp_path, [Row(run="a", place={}, seed=0)])
    (one,) = draw_all(results, experiment.pictures, tmp_path)
    assert one.path is None
    assert one.caption == "Not drawn: no run is finished."
    assert capsys.readouterr().err == "picture p is not drawn: no run is finished\n"
