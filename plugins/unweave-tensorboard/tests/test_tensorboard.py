"""Event files are read back with TensorBoard's own reader."""

import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2
from typer.testing import CliRunner

import unweave
from unweave.registry import registry
from unweave_tensorboard import observer
from unweave_tensorboard.board import Board, settings
from unweave_tensorboard.figures import tile, traversals
from unweave_testing import parametrize, plugin_checks

SETTINGS = {
    "data": "digits", "architecture": "mlp:widths=32", "dim": 3, "batch_size": 32, "steps": 40,
    "log_every": 5, "checkpoint_every": 20, "beta": 2.0,
}  # fmt: skip
ALONE = "unweave,unweave-data,unweave-priors,unweave-estimators"
SERIES = ("train/loss", "train/reconstruction", "train/kl")


@pytest.fixture(autouse=True)
def only_this_plugin(monkeypatch):
    names = ("", "-data", "-priors", "-estimators", "-metrics", "-tensorboard")
    monkeypatch.setenv("UNWEAVE_PLUGINS", ",".join(f"unweave{name}" for name in names))
    registry.cache_clear()
    torch.set_num_threads(1)
    yield
    registry.cache_clear()


def read(run):
    """Read all event files of a run directory, as TensorBoard does."""
    sizes = dict.fromkeys(("scalars", "images", "histograms", "tensors"), 0)
    events = EventAccumulator(str(run / "tensorboard"), size_guidance=sizes)
    events.Reload()
    return events


def steps(events, tag, kind="Scalars"):
    return [event.step for event in getattr(events, kind)(tag)]


def session(events, tag, part):
    content = events.summary_metadata[tag].plugin_data.content
    return getattr(plugin_data_pb2.HParamsPluginData.FromString(content), part)


@parametrize(plugin_checks(), "_unweave_tensorboard_plugin")
def test_hook_file(check):
    check()


def test_every_log_line_becomes_a_point_of_every_term(tmp_path):
    run = unweave.train("beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS)
    found = read(run.path)
    for name in run.scalars()[0].keys() - {"step"}:
        points = {event.step: event.value for event in found.Scalars(f"train/{name}")}
        logged = {line["step"]: line[name] for line in run.scalars()}
        assert points == pytest.approx(logged, rel=1e-6)
        assert steps(found, f"train/{name}") == list(logged)


def test_figures_are_drawn_at_checkpoints_from_their_weights(tmp_path):
    run = unweave.train("beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS)
    found = read(run.path)
    for tag in ("reconstructions", "traversals"):
        assert steps(found, tag, "Images") == [20, 40]
    assert steps(found, "codes/z3", "Histograms") == [20, 40]
    first, last = found.Images("reconstructions")
    assert first.encoded_image_string != last.encoded_image_string
    height, width = run.dataset.image_shape[:2]
    assert (last.height, last.width) == (2 * height, 8 * width)
    last = found.Images("traversals")[-1]
    assert (last.height, last.width) == (3 * height, 8 * width)
    index = np.unique(np.linspace(0, len(run.dataset) - 1, 512).astype(np.int64))
    codes = run.encode(run.dataset.images(index))
    counted = found.Histograms("codes/z3")[-1].histogram_value
    assert counted.num == len(index)
    assert counted.min == pytest.approx(codes[:, 2].min(), abs=1e-5)
    assert counted.max == pytest.approx(codes[:, 2].max(), abs=1e-5)


def test_settings_are_hyperparameters_and_the_end_is_told(tmp_path):
    run = unweave.train("beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS)
    found = read(run.path)
    started = session(found, metadata.SESSION_START_INFO_TAG, "session_start_info").hparams
    assert started["beta"].number_value == 2
    assert started["dim"].number_value == 3
    assert started["data.name"].string_value == "unweave-data:digits"
    assert started["compile"].WhichOneof("kind") == "bool_value"
    assert not [name for name in started if name.startswith("versions")]
    ended = session(found, metadata.SESSION_END_INFO_TAG, "session_end_info")
    assert ended.status == api_pb2.Status.Value("STATUS_SUCCESS")


def test_a_run_that_fails_is_a_failed_session(tmp_path):
    with pytest.raises(ArithmeticError):
        unweave.train(
            "beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS, learning_rate=1e30
        )
    ended = session(read(tmp_path / "run"), metadata.SESSION_END_INFO_TAG, "session_end_info")
    assert ended.status == api_pb2.Status.Value("STATUS_FAILURE")


def test_validation_terms_keep_their_names(tmp_path):
    more = {"holdout": 100, "validate_every": 20}
    run = unweave.train("beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS | more)
    found = read(run.path)
    assert steps(found, "validation/reconstruction") == [20, 40]


def test_networks_given_from_python_are_drawn_and_left_in_training(tmp_path, monkeypatch):
    def networks():
        torch.manual_seed(0)
        encoder = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 6))
        layers = torch.nn.Linear(3, 64), torch.nn.Unflatten(1, (1, 8, 8))
        return encoder, torch.nn.Sequential(*layers)

    weights = []
    for name in ("observed", "alone"):
        run = unweave.train(
            "beta-vae", out=tmp_path / name, device="cpu",
            **SETTINGS | {"architecture": networks(), "steps": 45},
        )  # fmt: skip
        weights.append(run.model.state_dict())
        if name == "observed":
            assert steps(read(run.path), "traversals", "Images") == [20, 40, 45]
            monkeypatch.setenv("UNWEAVE_PLUGINS", ALONE)
            registry.cache_clear()
    for name, tensor in weights[0].items():
        assert torch.equal(tensor, weights[1][name]), name


def test_observing_changes_no_bit_of_a_run(tmp_path, monkeypatch):
    observed = unweave.train("beta-vae", out=tmp_path / "observed", device="cpu", **SETTINGS)
    monkeypatch.setenv("UNWEAVE_PLUGINS", ALONE)
    registry.cache_clear()
    alone = unweave.train("beta-vae", out=tmp_path / "alone", device="cpu", **SETTINGS)
    assert not (alone.path / "tensorboard").exists()
    assert observed.scalars() == alone.scalars()
    for name, tensor in alone.model.state_dict().items():
        assert torch.equal(tensor, observed.model.state_dict()[name]), name


TRAIN = """
import sys, unweave
unweave.train("beta-vae", out=sys.argv[1], device="cpu", **{settings!r})
"""


def test_after_a_kill_and_a_resume_every_step_is_there_once(tmp_path):
    path = tmp_path / "run"
    long = SETTINGS | {"steps": 100_000, "checkpoint_every": 35}
    log = path / "scalars.jsonl"
    process = subprocess.Popen([sys.executable, "-c", TRAIN.format(settings=long), str(path)])
    while not log.is_file() or log.read_text().count("\n") < 10:
        assert process.poll() is None
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    config = path / "config.toml"
    config.write_text(config.read_text().replace("steps = 100000", f"steps = {_rounded(log)}"))
    # TensorBoard orders the files of a run by the second in which they were opened.
    time.sleep(1.1)
    run = unweave.resume(path, device="cpu")
    found = read(path)
    logged = [line["step"] for line in run.scalars()]
    for tag in SERIES:
        assert steps(found, tag) == logged
    assert steps(found, "traversals", "Images")[-1] == run.config.steps
    assert len(list((path / "tensorboard").iterdir())) == 2


def _rounded(log):
    """Return a last step well after what the killed process logged."""
    return 5 * log.read_text().count("\n") + 100


def test_a_stopped_run_is_not_ended(tmp_path):
    path = tmp_path / "run"

    def interrupt():
        while not (path / "scalars.jsonl").is_file():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    run = unweave.train("beta-vae", out=path, device="cpu", **SETTINGS | {"steps": 1_000_000})
    assert run.outcome == "stopped"
    assert metadata.SESSION_END_INFO_TAG not in read(path).summary_metadata


def test_two_runs_of_one_process_do_not_mix(tmp_path):
    runs = [SimpleNamespace(path=tmp_path / name, step=0) for name in ("one", "two")]
    for run in runs:
        run.path.mkdir()
        (run.path / "config.toml").write_text("dim = 3")
        observer.start(run)
    for step, run in enumerate(runs, 60):
        observer.log(run, step, {"loss": step})
    for run in runs:
        observer.end(run, "finished")
    assert [steps(read(run.path), "train/loss") for run in runs] == [[60], [61]]


@pytest.fixture
def trained_before(tmp_path, monkeypatch):
    """A run that was trained without the plugin."""
    names = os.environ["UNWEAVE_PLUGINS"]
    monkeypatch.setenv("UNWEAVE_PLUGINS", names.replace(",unweave-tensorboard", ""))
    registry.cache_clear()
    run = unweave.train("beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS)
    monkeypatch.setenv("UNWEAVE_PLUGINS", names)
    registry.cache_clear()
    return run


def command(*paths):
    import typer

    import _unweave_tensorboard_plugin as hooks

    app = typer.Typer()
    hooks.unweave_commands(app)
    return CliRunner().invoke(app, [str(path) for path in paths])


def test_the_command_writes_older_runs_and_replaces_scores(trained_before):
    run = trained_before
    done = command(run.path)
    assert done.exit_code == 0, done.output
    assert done.output.split() == [str(run.path / "tensorboard")]
    found = read(run.path)
    assert steps(found, "train/loss") == [line["step"] for line in run.scalars()]
    assert steps(found, "traversals", "Images") == [40]
    assert not [tag for tag in found.Tags()["scalars"] if tag.startswith("evaluation/")]
    finite = {name: value for name, value in run.scores.items() if np.isfinite(value)}
    assert finite
    for _ in range(2):
        command(run.path)
    found = read(run.path)
    for name, value in finite.items():
        (event,) = found.Scalars(f"evaluation/{name}")
        assert (event.step, event.value) == (40, pytest.approx(value, rel=1e-6))
    assert steps(found, "train/loss") == [line["step"] for line in run.scalars()]


def test_the_command_refuses_what_is_no_run(tmp_path):
    done = command(tmp_path)
    assert done.exit_code != 0
    assert "is not a run directory" in str(done.exception)


def test_traversals_put_what_varies_most_first(tmp_path):
    run = unweave.train("beta-vae", out=tmp_path / "run", device="cpu", **SETTINGS)
    codes = np.random.default_rng(0).normal(size=(100, 3)) * np.array([0.1, 3.0, 1.0])
    image = run.dataset.images(np.array([0]))[0]
    picture = traversals(run, image, codes.astype(np.float32))
    height = image.shape[0]
    ends = np.quantile(codes, (0.02, 0.98), axis=0).astype(np.float32)
    for row, dimension in enumerate((1, 2, 0)):
        code = run.encode(image[None]).repeat(2, axis=0)
        code[:, dimension] = ends[:, dimension]
        shown = picture[row * height : (row + 1) * height]
        expected = run.decode(code).astype(int)
        for found, wanted in zip((shown[:, :height], shown[:, -height:]), expected, strict=True):
            assert np.abs(found - wanted).max() <= 1


def test_tiles_lie_in_reading_order():
    images = np.stack([np.full((2, 3, 1), number, np.uint8) for number in range(6)])
    picture = tile(images, 3)
    assert picture.shape == (4, 9, 1)
    assert picture[::2, ::3, 0].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_settings_are_those_of_the_configuration(tmp_path):
    (tmp_path / "config.toml").write_text(
        'compile = false\nbetas = [0.9, 0.99]\n[prior]\nname = "p"\nscale = 2\n[versions]\na = "1"'
    )
    found = settings(tmp_path)
    assert found == {"compile": False, "betas": "[0.9, 0.99]", "prior.name": "p", "prior.scale": 2}
    assert set(tomllib.loads((tmp_path / "config.toml").read_text())) > {"versions"}


def test_scores_that_are_undefined_are_left_out(tmp_path):
    board = Board(tmp_path)
    board.write_scores(7, {"mig": 0.5, "sap": float("nan")})
    board.close()
    found = read(tmp_path)
    assert found.Tags()["scalars"] == ["evaluation/mig"]
    assert steps(found, "evaluation/mig") == [7]
