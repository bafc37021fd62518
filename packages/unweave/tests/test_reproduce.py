"""Recipes: what is trained, measured, compared and written."""

import json

import pytest

from unweave.errors import ConfigError, UnknownNameError
from unweave.reproduce.recipe import read_recipe, recipe_names
from unweave.reproduce.reproduction import reproduce, with_data

RECIPE = """
title = "A toy"
source = "Nobody 1999"
differs = "Everything."
data = ["no-such-data", "toy-images"]
seeds = [0, 1]
density = "toy-affine"
[settings]
prior = "toy-normal"
dim = 4
batch_size = 16
steps = 20
log_every = 10
architecture = "mlp:widths=32"
[[runs]]
label = "light"
settings = { method = "toy-vae" }
[[runs]]
label = "heavy"
settings = { method = "toy-vae", learning_rate = 0.01 }
[grid]
beta = [0.01, 100]
[measures]
kl = "log kl"
error = "squared-error"
variance = "code-variance"
[[expect]]
claim = "a larger beta gives a lower KL"
measure = "kl"
run = "light"
where = { beta = 100 }
below = "light"
below_where = { beta = 0.01 }
[[expect]]
claim = "the opposite"
measure = "kl"
run = "light"
where = { beta = 0.01 }
below = "light"
below_where = { beta = 100 }
[[expect]]
claim = "a variance nobody published"
measure = "variance"
run = "heavy"
where = { beta = 100 }
published = 4.0
tolerance = 3.9
[[pictures]]
kind = "curves"
name = "curves"
caption = "Terms over beta."
options = { x = "beta", measures = ["kl", "error"], log = true }
[[pictures]]
kind = "trade"
name = "trade"
caption = "One against the other."
options = { x = "kl", y = "error", label = "beta" }
[[pictures]]
kind = "representations"
name = "representations"
caption = "Codes."
[[pictures]]
kind = "samples"
name = "samples"
caption = "Samples."
[[pictures]]
kind = "magnitudes"
name = "magnitudes"
caption = "Magnitudes."
options = { run = "heavy", where = { beta = 100 }, classes = [0, 3] }
[[pictures]]
kind = "reconstructions"
name = "reconstructions"
caption = "Reconstructions."
"""


class Here:
    """An executor of this process that counts its jobs."""

    def __init__(self):
        self.jobs = []

    def map(self, function, jobs):
        for job in jobs:
            self.jobs.append(job[2])
            yield function(job)


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    return read_recipe(str(path))


def test_every_carried_recipe_can_be_read():
    wanted = {
        "vcae-mixture", "decomposition-pinwheel", "decomposition-sparsity",
        "prior-disentanglement", "vcae-overfitting", "vcae-generation",
    }  # fmt: skip
    assert set(recipe_names()) == wanted
    for name in wanted:
        recipe = read_recipe(name)
        assert recipe.expect
        labels = {variant.label for variant in recipe.runs}
        for expected in recipe.expect:
            assert {expected.run, expected.below or expected.run} <= labels
            assert expected.measure in recipe.measures
            assert expected.below is not None or expected.published is not None


def test_a_recipe_is_trained_measured_compared_and_written(recipe, tmp_path):
    outcome = reproduce(recipe, tmp_path / "out", Here())
    assert len(outcome.jobs) == 8
    verdicts = [verdict for *_, verdict in outcome.verdicts()]
    assert verdicts == ["agrees", "**disagrees**", "agrees"]
    low, high = (outcome.values("kl", "light", {"beta": b}) for b in (0.01, 100))
    assert len(low) == 2
    assert max(high) < min(low)
    job, values = outcome.jobs[0]
    run = outcome.run(job)
    assert values["kl"] == run.scalars()[-1]["kl"]
    assert values["variance"] == pytest.approx(run.posterior_codes().var(0).sum(), rel=1e-4)
    text = (tmp_path / "out" / "outcome.md").read_text()
    for name in ("curves", "trade", "representations", "samples", "magnitudes", "reconstructions"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 3000
        assert f"({name}.png)" in text
    assert "**disagrees**" in text
    assert "Everything." in text


def test_what_is_done_is_not_done_again_and_what_stopped_goes_on(recipe, tmp_path):
    out = tmp_path / "out"
    first = reproduce(recipe, out, Here())
    paths = [out / "runs" / job.folder for job, _ in first.jobs]
    (paths[1] / "measures.json").unlink()
    kept = json.loads((paths[0] / "measures.json").read_text())
    (paths[0] / "measures.json").write_text(json.dumps(kept | {"kl": -7.0}))
    for file in (paths[2] / "checkpoints").glob("*"):
        file.unlink()
    (paths[2] / "scalars.jsonl").unlink()
    (paths[2] / "measures.json").unlink()
    second = reproduce(recipe, out, Here())
    assert second.jobs[0][1]["kl"] == -7.0
    assert [v for _, v in second.jobs[1:]] == [v for _, v in first.jobs[1:]]


def test_a_folder_of_other_settings_is_refused(recipe, tmp_path):
    reproduce(recipe, tmp_path / "out", Here())
    changed = recipe.model_copy(update={"settings": recipe.settings | {"dim": 5}})
    with pytest.raises(ConfigError, match="other settings than the recipe's; choose another --out"):
        reproduce(changed, tmp_path / "out", Here())


def test_the_first_data_set_that_is_there_is_taken(recipe):
    assert with_data(recipe).settings["data"] == "toy-images"
    given = recipe.model_copy(update={"settings": {"data": "toy-vectors"}})
    assert with_data(given).settings["data"] == "toy-vectors"
    with pytest.raises(ConfigError, match="recipe toy needs data: unknown dataset 'nothing'"):
        with_data(recipe.model_copy(update={"data": ["nothing"]}))


def test_recipes_that_are_none_are_said(tmp_path):
    with pytest.raises(
        UnknownNameError, match="unknown recipe 'vcae'; did you mean 'vcae-mixture'"
    ):
        read_recipe("vcae")
    path = tmp_path / "mine.toml"
    with pytest.raises(ConfigError, match="recipe .*mine.toml cannot be read"):
        read_recipe(str(path))
    path.write_text("title = ")
    with pytest.raises(ConfigError, match="is not TOML"):
        read_recipe(str(path))
    path.write_text(RECIPE.replace("label = ", "labels = ", 1))
    with pytest.raises(ConfigError, match=r"runs\.0\.label: Field required"):
        read_recipe(str(path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"log kl"', '"lag kl"', "unknown measure 'lag'; did you mean 'log'"),
        ('kind = "curves"', 'kind = "curve"', "unknown kind of picture 'curve'"),
        ('run = "heavy"\nwhere = { beta = 100 }\npub', 'run = "huge"\npub', "no run 'huge'"),
    ],
)
def test_a_wrong_name_in_a_recipe_is_said(tmp_path, old, new, message):
    path = tmp_path / "mine.toml"
    assert old in RECIPE
    path.write_text(RECIPE.replace(old, new))
    recipe = read_recipe(str(path), {"steps": 2})
    with pytest.raises(ValueError, match=message):
        reproduce(recipe, tmp_path / "out", Here())


def test_processes_give_what_this_process_gives(recipe, tmp_path, call):
    path = tmp_path / "toy.toml"
    shown = call("reproduce", path, "--out", tmp_path / "a", "--executor", "processes:workers=2")
    assert "agrees" in shown
    reproduce(recipe, tmp_path / "b", Here())
    for one in (tmp_path / "a" / "runs").glob("*/measures.json"):
        other = tmp_path / "b" / "runs" / one.parent.name / "measures.json"
        assert json.loads(one.read_text()) == pytest.approx(json.loads(other.read_text()))
    assert "vcae-mixture" in call("reproduce")
