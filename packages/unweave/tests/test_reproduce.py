"""Recipes: what is trained, compared with what was published, and written."""

import json
import re
import shutil
from urllib.parse import unquote

import pytest

from unweave.errors import ConfigError, UnknownNameError
from unweave.executors import Serial
from unweave.experiment.checks import with_data
from unweave.reproduce.recipe import check_recipe, read_recipe, recipe_names
from unweave.reproduce.reproduction import Outcome, reproduce, summary
from unweave.reproduce.verdicts import WITHIN_ERROR

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
kind = "samples"
name = "samples"
caption = "Samples."
"""


@pytest.fixture
def recipe(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(RECIPE)
    return read_recipe(str(path))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Where the first test that asks for an outcome trains the runs of all of them."""
    return tmp_path_factory.mktemp("trained") / "out"


@pytest.fixture
def outcome(recipe, trained, tmp_path):
    """What the recipe comes to, in a folder of the test's own."""
    if not trained.exists():
        reproduce(recipe, trained, Serial())
    shutil.copytree(trained, tmp_path / "out")
    return reproduce(recipe, tmp_path / "out", Serial())


def verdicts(outcome):
    """Say what agrees; two seeds hardly ever tell more than "within error"."""
    return [one.verdict.removesuffix(WITHIN_ERROR) for one in outcome.verdicts()]


def test_a_recipe_is_trained_measured_compared_and_written(outcome, tmp_path):
    assert verdicts(outcome) == ["agrees", "**disagrees**", "agrees"]
    low, high = (outcome.results.values("kl", "light", {"beta": b}) for b in (0.01, 100))
    assert len(low) == 2
    assert max(high) < min(low)
    text = outcome.path.read_text()
    assert "**disagrees**" in text
    assert "Everything." in text
    assert "`unweave reproduce toy` repeats it" in text
    for name in ("curves", "samples"):
        assert (tmp_path / "out" / f"{name}.png").stat().st_size > 3000
        assert f"({name}.png)" in text
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert sum(link.startswith("runs/") for link in links) == 8
    assert all((tmp_path / "out" / link).exists() for link in links)
    shown = summary(outcome)
    assert "disagrees" in shown
    assert "**" not in shown


def test_names_with_spaces_and_brackets_give_links_and_no_caption_leaves_no_mark(recipe, tmp_path):
    (light, *_), (picture, *_) = recipe.runs, recipe.pictures
    changes = {
        "runs": [light.model_copy(update={"label": "light :)"})], "grid": {}, "seeds": [0],
        "expect": [], "pictures": [picture.model_copy(
            update={"kind": "violins", "name": "all seeds", "caption": "",
                    "options": {"measures": ["error"]}},
        )],
    }  # fmt: skip
    outcome = reproduce(recipe.model_copy(update=changes), tmp_path, Serial())
    text = outcome.path.read_text()
    assert "![all seeds](all%20seeds.png)" in text
    assert "\n**\n" not in text
    (link,) = re.findall(r"seed 0\]\((runs/\S+)\)\.$", text, re.M)
    assert set(link).isdisjoint("() ")
    assert (tmp_path / unquote(link)).is_dir()


@pytest.mark.usefixtures("sketched", "undrawn")
def test_the_page_links_the_reports_of_the_runs(recipe, tmp_path):
    one = {"runs": recipe.runs[:1], "grid": {}, "seeds": [0], "expect": [], "pictures": []}
    outcome = reproduce(recipe.model_copy(update={**one, "reports": True}), tmp_path, Serial())
    assert outcome.results.rows[0].reason == ""
    links = re.findall(r"\]\(([^)]+)\)", outcome.path.read_text())
    reports = [link for link in links if link.endswith("report.html")]
    assert reports == ["runs/light-seed0/report.html"]
    assert (tmp_path / reports[0]).is_file()


@pytest.mark.usefixtures("sketched", "undrawn")
def test_a_report_that_could_not_be_written_is_told_and_tried_again(recipe, tmp_path, monkeypatch):
    one = {"runs": recipe.runs[:1], "grid": {}, "seeds": [0], "expect": [], "pictures": []}
    recipe = recipe.model_copy(update={**one, "reports": True})

    def fail(run):
        raise TypeError("no ink")

    with monkeypatch.context() as patch:
        patch.setattr("unweave.report.write_report", fail)
        outcome = reproduce(recipe, tmp_path, Serial())
    (row,) = outcome.results.rows
    assert row.finished
    assert row.reason == "report: TypeError: no ink"
    assert row.measures
    (row,) = reproduce(recipe, tmp_path, Serial()).results.rows
    assert row.reason == ""
    assert (tmp_path / "runs" / "light-seed0" / "report.html").is_file()


@pytest.mark.usefixtures("undrawn")
def test_a_claim_about_a_run_that_did_not_happen_is_not_met(recipe, outcome):
    """Not by one that is missing, unfinished, failed, or measured at another step."""
    rows = outcome.results.rows
    spoilt = {
        "missing": {"status": "waiting", "step": 0, "measures": {}},
        "unfinished": {"status": "stopped", "step": 10},
        "failed": {"status": "failed", "reason": "it blew up"},
        "measured early": {
            "measures": {n: m.model_copy(update={"step": 10}) for n, m in rows[0].measures.items()}
        },
        "undefined": {
            "measures": {
                n: m.model_copy(update={"value": None}) for n, m in rows[0].measures.items()
            }
        },
    }
    for what, changes in spoilt.items():
        for number, row in enumerate(rows):
            if row.run != "light" or row.seed != 1:
                continue
            changed = [*rows]
            changed[number] = row.model_copy(update=changes)
            results = type(outcome.results)(recipe, outcome.results.folder, changed)
            judged = Outcome(recipe, results, {}, "")
            found = judged.verdicts()
            assert verdicts(judged) == ["not known", "not known", "agrees"], what
            assert found[0].outcome == "1 of 2 runs of light"


@pytest.mark.usefixtures("undrawn")
def test_a_run_that_failed_leaves_its_claims_open(tmp_path):
    """The same through the whole command, with a run that blows up."""
    path = tmp_path / "toy.toml"
    text = RECIPE.replace('method = "toy-vae", learning_rate = 0.01', 'method = "toy-bomb"')
    text = text.replace("beta = [0.01, 100]", "learning_rate = [0.001, 0.01]")
    text = text.replace("beta = 100", "learning_rate = 0.01")
    text = text.replace("beta = 0.01", "learning_rate = 0.001")
    path.write_text(text.replace('x = "beta"', 'x = "learning_rate"'))
    outcome = reproduce(read_recipe(str(path)), tmp_path / "out", Serial())
    assert verdicts(outcome)[2] == "not known"
    assert "bomb is not finite" in outcome.path.read_text()


@pytest.mark.usefixtures("undrawn", "toy_note")
def test_what_was_changed_is_told_and_the_command_is_the_one_that_was_given(tmp_path, call):
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    out = tmp_path / "out"
    shown = call("reproduce", path, "--set", "steps=10", "--out", out, "--executor", "serial")
    assert "not known" not in shown
    text = (out / "outcome.md").read_text()
    assert f"`unweave reproduce {path} --set steps=10` repeats it" in text
    assert "**Changed for this outcome.** `steps=10`" in text
    assert "\n\n**Data.**\ntoy-images: 64 places, each twice.\n\n" in text


@pytest.mark.usefixtures("undrawn")
def test_a_recipe_without_claims_has_no_table_of_them(recipe, tmp_path):
    plain = recipe.model_copy(update={"expect": [], "pictures": [], "seeds": [0], "grid": {}})
    text = reproduce(plain, tmp_path / "out", Serial()).path.read_text()
    assert "| claim |" not in text


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('run = "heavy"', 'run = "heavyy"', "expect 3: unknown run 'heavyy'; did you mean 'heavy'"),
        ('measure = "variance"', 'measure = "varianc"', "expect 3: unknown measure 'varianc'"),
        ('below = "light"', 'below = "ligth"', "expect 1: unknown run 'ligth'"),
        ("where = { beta = 100 }", "where = { beta = 7 }", "the grid has no beta '7'; it has 0.01"),
        ("where = { beta = 100 }", "where = { bta = 1 }", "unknown setting of the grid 'bta'"),
        ("tolerance = 3.9", "", 'set either below = "RUN", or both published and tolerance'),
        ("tolerance = 3.9", "tolerance = -1", "expect.2.tolerance does not take -1"),
        (
            "tolerance = 3.9",
            "tolerance = true",
            "expect.2.tolerance: expected a number, not true or false",
        ),
        ("published = 4.0", "published = nan", "expect.2.published does not take nan"),
        ('below = "light"', 'below = "light"\ntimes = -1', "expect.0.times does not take -1"),
        ("below_where = { beta = 0.01 }", "", "below names the same runs as run"),
        ('kind = "curves"', 'kind = "curve"', "unknown kind of picture 'curve'"),
        ('"log kl"', '"lag kl"', "unknown measure 'lag'; did you mean 'log'"),
        ('name = "curves"', 'name = "/x/victim"', "must be a plain name"),
        ('label = "heavy"', 'label = "../../../outside"', "must be a plain name"),
    ],
)
def test_a_wrong_name_is_said_before_anything_is_trained_or_written(
    tmp_path, old, new, message, monkeypatch, call
):
    def train(*arguments, **settings):
        raise AssertionError("something was trained")

    monkeypatch.setattr("unweave.training.train", train)
    path = tmp_path / "mine.toml"
    assert old in RECIPE
    path.write_text(RECIPE.replace(old, new, 1))
    shown = call("reproduce", path, "--out", tmp_path / "out", code=2)
    assert message in shown
    assert "Traceback" not in shown
    assert not (tmp_path / "out").exists()


def test_a_wrong_setting_leaves_no_folder(tmp_path, call):
    path = tmp_path / "mine.toml"
    path.write_text(RECIPE)
    shown = call("reproduce", path, "--set", "steps=0", "--out", tmp_path / "out", code=2)
    assert "setting steps does not take '0'" in shown
    assert not (tmp_path / "out").exists()


def test_recipes_that_are_none_are_said(tmp_path):
    with pytest.raises(UnknownNameError, match="unknown recipe 'vcae'; did you mean 'vcae-"):
        read_recipe("vcae")
    path = tmp_path / "mine.toml"
    with pytest.raises(ConfigError, match="mine.toml cannot be read"):
        read_recipe(str(path))
    path.write_text(RECIPE.replace("label = ", "labels = ", 1))
    with pytest.raises(ConfigError, match=r"runs\.0\.label"):
        read_recipe(str(path))
    path.write_text(RECIPE.replace("[measures]", "[better]"))
    with pytest.raises(ConfigError):
        read_recipe(str(path))
    path.write_text(re.sub(r"\[measures\].*?(?=\[\[expect)", "", RECIPE, flags=re.DOTALL))
    with pytest.raises(ConfigError, match="recipe mine has no measures"):
        check_recipe(read_recipe(str(path)))


def test_the_first_data_set_that_is_there_is_taken(recipe):
    assert with_data(recipe)[0].settings["data"] == "toy-images"
    given = recipe.model_copy(update={"settings": recipe.settings | {"data": "toy-vectors"}})
    assert with_data(given)[0].settings["data"] == "toy-vectors"
    with pytest.raises(ConfigError, match="cannot start: unknown dataset 'nothing'"):
        with_data(recipe.model_copy(update={"data": ["nothing"]}))


def test_every_carried_recipe_is_read_and_its_claims_are_about_its_runs():
    for name in recipe_names():
        recipe = read_recipe(name)
        labels = {variant.label for variant in recipe.runs}
        for expected in recipe.expect:
            assert {expected.run, expected.below or expected.run} <= labels, name
            assert expected.measure in recipe.measures, name
            assert expected.below is not None or expected.published is not None, name


@pytest.mark.usefixtures("sketched", "undrawn")
def test_numbers_of_an_interrupted_recipe_are_made_anew(recipe, outcome):
    """A run that is behind its last step is trained on, and its old numbers are not taken."""
    out = outcome.results.folder
    file = out / "jobs" / "light-beta100-seed0.json"
    row = json.loads(file.read_text())
    for found in row["measures"].values():
        found["value"] = -7.0
    file.write_text(json.dumps(row))
    newest = max((out / "runs" / "light-beta100-seed0" / "checkpoints").iterdir())
    newest.unlink()
    again = reproduce(recipe, out, Serial())
    assert again.results.values("kl", "light", {"beta": 100}) == outcome.results.values(
        "kl", "light", {"beta": 100}
    )


def test_the_device_is_that_of_the_option(tmp_path, call):
    text = RECIPE.split("[[expect]]")[0]
    path = tmp_path / "toy.toml"
    path.write_text(text)
    wrong = call("reproduce", path, "--device", "abacus", "--out", tmp_path / "out", code=2)
    assert "device 'abacus' does not exist here; use auto, cpu, cuda or cuda:N" in wrong
    assert not (tmp_path / "out").exists()
