"""What a person types, right and wrong."""

import json
import re
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest
from fresh import Unweave

SET = [
    "--set", "prior=toy-normal", "--set", "dim=3", "--set", "batch_size=16",
    "--set", "architecture=mlp:widths=16", "--set", "log_every=5",
]  # fmt: skip


@pytest.fixture
def trained(tmp_path, call):
    path = tmp_path / "run"
    call("train", "toy-vae", "--data", "toy-images", "--steps", 10, *SET, "--out", path)
    return path


def test_train_evaluate_report_and_the_rest(trained, call, tmp_path):
    assert "toy-correlation" in call("evaluate", trained, "--metrics", "toy-correlation")
    printed = call("evaluate", "--metrics", "toy-correlation:power=1", "toy-correlation", trained)
    assert "toy-correlation:power=1" in printed
    assert call("report", trained).strip().endswith("report.html")
    call("encode", trained, "--out", tmp_path / "codes.npz", "--rows", 20)
    with np.load(tmp_path / "codes.npz") as table:
        assert table["codes"].shape == (20, 3)
        assert table["factors"].shape == (20, 2)
        means, std = table["codes"], table["std"]
    call(
        "encode", trained, "--out", tmp_path / "draws.npz", "--rows", 20, "--codes", "sampled"
    )  # the same images
    with np.load(tmp_path / "draws.npz") as table:
        deviations = (table["codes"] - means) / std
    assert 0.7 < deviations.std() < 1.3
    call("encode", trained, "--out", tmp_path / "codes.h5", "--data", "toy-images:bits=1")
    call("sample", trained, "--n", 3, "--out", tmp_path / "samples.png")
    call("traverse", trained, "--image", 3, "--out", tmp_path / "traversal.npz", "--steps", 5)
    with np.load(tmp_path / "traversal.npz") as traversal:
        assert traversal["images"].shape == (3, 5, 16, 16, 1)
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")


def test_a_configuration_repeats_a_run(trained, call, tmp_path):
    again = tmp_path / "again"
    call("train", "--config", trained / "config.toml", "--out", again)
    assert (again / "scalars.jsonl").read_text() == (trained / "scalars.jsonl").read_text()


def test_the_command_line_wins_over_the_configuration(trained, call, tmp_path):
    again = tmp_path / "again"
    call("train", "--config", trained / "config.toml", "--steps", 5, "--seed", 3, "--out", again)
    text = (again / "config.toml").read_text()
    assert "steps = 5" in text
    assert "seed = 3" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "unknown command 'trian'; did you mean 'train'"),
        (["train"], "name a method"),
        (["train", "toy-vea"], "did you mean 'toy-vae'"),
        (["train", "toy-vae", "--stps", "3"], "unknown option '--stps'; did you mean '--steps'"),
        (["train", "toy-vae", "--beta", "3"], "if it is a setting, write --set beta=VALUE"),
        (["train", "toy-vae", "--steps", "many"], "setting steps does not take 'many'"),
        (["train", "toy-vae", "--steps", "0"], "setting steps does not take '0'"),
        (["train", "toy-vae", "--set", "beta"], "--set takes key=value, got 'beta'"),
        (["train", "toy-vae", "--set", "bata=3"], "did you mean 'beta'"),
        (["train", "toy-vae", "--set", "beta=high"], "option beta of method toy-vae"),
        (["train", "toy-vae", "--data", "toy-imags"], "did you mean 'toy-images'"),
        (["train", "toy-vae", "--data", "toy-images:sde=3"], "did you mean 'side'"),
        (["train", "toy-vae", "--config", "none.toml"], "none.toml cannot be read"),
        (["train", "--resume", "nowhere"], "nowhere is not a run directory"),
        (["train", "toy-vae", "--resume", "nowhere"], "and no other setting"),
        (["evaluate", "nowhere"], "nowhere is not a run directory"),
        (["report"], "RUN is missing; `unweave report --help` shows what to type"),
        (["evaluate", "x", "y"], "more words than the command takes: y; `unweave evaluate --help`"),
        (["evaluate", "x", "--rows", "0"], "'--rows': expected a value greater than or equal to 1"),
        (["evaluate", "x", "--rows", "many"], "'--rows': expected a whole number; `unweave"),
        (["train", "toy-vae", "--set", "dim=2.5"], "'2.5': expected a whole number"),
        (["train", "toy-vae", "--set", "compile=yess"], "'yess': expected true or false"),
        (["train", "toy-vae", "--data", "toy-images:side"], "options as toy-images:key=value, got"),
        (["train", "toy-vae", "--data", "toy-images:"], "options as toy-images:key=value, got ''"),
        (["data", "/"], "files of your own are read by a data set, as in images:path=FOLDER"),
        (["sweep", "none"], "unknown method 'none'; did you mean"),
        (["sweep", "none.toml"], "none.toml cannot be read: No such file or directory"),
        (["sweep", "toy-vae"], "has no data; add --data NAME"),
        (["methods", "toy-vea"], "did you mean 'toy-vae'"),
        (["data", "toy-imges"], "did you mean 'toy-images'"),
        (["data", "toy-images:side=four"], "option side of dataset toy-images does not take"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(
    arguments, message, call, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if "train" in arguments and "--resume" not in arguments:
        arguments = [*arguments, "--set", "prior=toy-normal"]
    text = call(*arguments, code=2)
    assert message in text
    assert "Traceback" not in text
    assert len(text.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_is_no_run_names_one_that_may_be_meant(trained, call, tmp_path):
    said = call("evaluate", trained.parent, code=2)
    assert said.endswith(f"it has no config.toml; name a run directory in it, such as {trained}\n")
    said = call("evaluate", f"{trained}s", code=2)
    assert said.endswith(f"it has no config.toml; did you mean {trained}?\n")
    said = call("evaluate", tmp_path / "none" / "run", code=2)
    assert said.endswith("it has no config.toml\n")


def test_a_demonstration_that_was_stopped_says_how_it_continues(call, monkeypatch, tmp_path):
    stopped = SimpleNamespace(outcome="stopped", path=tmp_path / "my run")
    monkeypatch.setattr("unweave.api.train", lambda *_, **__: stopped)
    said = call("demo", "--out", tmp_path / "my run", code=130)
    assert said == f"stopped; continue with: unweave train --resume '{tmp_path}/my run'\n"


def test_a_file_in_the_place_of_a_run_directory_is_kept(call, tmp_path):
    (tmp_path / "notes").write_text("mine")
    settings = ["toy-vae", "--set", "prior=toy-normal", "--data", "toy-images"]
    said = call("train", *settings, "--out", tmp_path / "notes", code=2)
    assert "notes is a file; choose another --out, a new or empty folder" in said
    assert (tmp_path / "notes").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the field runs is missing: write [[runs]], label ="),
        (b"\x82\x00", "is not TOML: it is not UTF-8 text"),
        (b"[[runs]]\nsettings = {}\n", "the field runs.0.label is missing"),
        (b"seeds = 'two'\n[[runs]]\nlabel = 'a'\n", "must be a number or a list of numbers, got"),
        (b"[[runs]]\nlabel = 3\n", "runs.0.label does not take 3: expected text"),
        (b"runs = []\n", "runs does not take []: expected at least 1 item"),
    ],
)
def test_a_wrong_study_is_one_sentence(content, message, call, tmp_path):
    (tmp_path / "study.toml").write_bytes(content)
    said = call("sweep", tmp_path / "study.toml", "--out", tmp_path / "out", code=2)
    assert message in said
    assert len(said.splitlines()) == 1
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["encode", "RUN", "--out", "codes.csv"], "unknown file type '.csv'"),
        (["encode", "RUN", "--out", "no/such/codes.npz"], "folder no/such does not exist"),
        (["encode", "RUN", "--out", "c.npz", "--data", "toy-images:side=20"], "choose a data set"),
        (["encode", "RUN", "--out", "c.npz", "--codes", "means"], "did you mean 'mean'"),
        (["traverse", "RUN", "--image", "128"], "image must be below 128, got 128"),
        (["sample", "RUN", "--out", "x.gif"], "unknown file type '.gif'; did you mean '.png'"),
        (["evaluate", "RUN", "--metrics", "toy-colleration"], "did you mean 'toy-correlation'"),
    ],
)
def test_wrong_questions_to_a_run(arguments, message, trained, call, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    text = call(*(str(trained) if a == "RUN" else a for a in arguments), code=2)
    assert message in text
    assert len(text.strip().splitlines()) == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_debug_shows_the_traceback(call):
    assert "Traceback" in call("--debug", "evaluate", "nowhere", code=2)


def test_no_arguments_show_the_help(call):
    assert "Usage: unweave" in call()


def test_listings(call):
    assert "toy-gan" in call("methods")
    described = call("methods", "toy-vae")
    assert "toy-kl" in described
    assert "beta=1.0" in described
    assert "toy-images" in call("data")
    assert "128 images of 16 x 16 x 1" in call("data", "toy-images")
    assert re.search(r"toy +1\.0 +ok", call("plugins"))


def test_check_finds_targets_that_cannot_be_loaded(call, toy_path, tmp_path, monkeypatch):
    from conftest import write_distribution

    from unweave.registry import registry

    hooks = (
        'import pluggy\nUNWEAVE_API = 1\nhookimpl = pluggy.HookimplMarker("unweave")\n'
        '@hookimpl\ndef unweave_priors():\n    return {"gone": "not_there:Prior"}\n'
    )
    write_distribution(tmp_path, "gone", hooks)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("UNWEAVE_PLUGINS", "toy,gone")
    registry.cache_clear()
    assert "ModuleNotFoundError" in call("plugins", "--check", code=1)
    registry.cache_clear()
    monkeypatch.setenv("UNWEAVE_PLUGINS", "toy")
    call("plugins", "--check")


def test_a_plugin_adds_a_command(call, tmp_path, monkeypatch):
    from conftest import write_distribution

    from unweave.registry import registry

    hooks = (
        'import pluggy\nUNWEAVE_API = 1\nhookimpl = pluggy.HookimplMarker("unweave")\n'
        "@hookimpl\ndef unweave_commands(app):\n"
        "    @app.command()\n    def greet():\n        print('hello')\n"
    )
    write_distribution(tmp_path, "greeter", hooks)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("UNWEAVE_PLUGINS", "greeter")
    registry.cache_clear()
    assert call("greet") == "hello\n"


def test_progress_without_a_terminal_is_lines(toy_path, tmp_path):
    command = ["train", "toy-vae", "--data", "toy-images", "--steps", "10", *SET]
    code, out, errors = Unweave(tmp_path, [*command, "--out", str(tmp_path / "run")]).finish()
    assert code == 0, errors
    assert out.strip() == str(tmp_path / "run")
    assert "\x1b" not in errors


def test_a_bar_shows_terms_rate_and_time_left(monkeypatch, capsys):
    from rich.console import Console

    from unweave import progress

    monkeypatch.setattr(
        progress, "Console", lambda stderr: Console(file=sys.stderr, force_terminal=True, width=160)
    )
    bar = progress.TrainingProgress()
    bar.start(0, 100)
    time.sleep(0.02)
    bar.logged(50, {"loss": 1.25, "kl": 0.5})
    bar.close()
    shown = capsys.readouterr().err
    for text in ("50/100", "steps/s", "left", "loss 1.25", "kl 0.5"):
        assert text in shown


def test_scores_are_json_with_settings(trained, call):
    call("evaluate", trained, "--metrics", "toy-correlation:power=1")
    scores = json.loads((trained / "scores.json").read_text())["scores"]
    assert scores["toy-correlation:power=1"]["settings"] == {}
    assert scores["toy-correlation:power=1"]["source"] == "toy 1.0"
    assert scores["reconstruction_error"]["source"] == ""
    assert 0 <= scores["toy-correlation:power=1"]["value"] <= 1
