"""Stopping and killing real processes, and going on as if nothing had happened."""

import random
import signal
import time
from pathlib import Path

import pytest
import torch
from fresh import Unweave, run_on_a_full_disk
from torch import Tensor

import unweave
from unweave.checkpoint import KEEP, list_checkpoints, load_checkpoint, save_checkpoint
from unweave.errors import RunError
from unweave.files import PARTIAL

STEPS = 160
COMMAND = [
    "train", "toy-gan", "--data", "toy-images", "--steps", str(STEPS), "--device", "cpu",
]  # fmt: skip
SETTINGS = [
    "prior=toy-normal", "dim=4", "batch_size=16", "architecture=conv64:width=0.25",
    "log_every=20", "checkpoint_every=10",
]  # fmt: skip
for setting in SETTINGS:
    COMMAND += ["--set", setting]


def resume(path: Path) -> Unweave:
    return Unweave(path.parent, ["train", "--resume", str(path), "--device", "cpu"])


def wait_for_checkpoint(path: Path, process: Unweave, beyond: int = 0) -> None:
    """Wait until a checkpoint after step `beyond` is there, or the process has ended."""
    while process.is_running():
        if any(newest_step(p) > beyond for p in list_checkpoints(path / "checkpoints")):
            return
        time.sleep(0.005)


def newest_step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, toy_path):
    path = tmp_path_factory.mktemp("whole") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_path)
        patch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
        code, _, errors = Unweave(path.parent, [*COMMAND, "--out", str(path)]).finish()
    assert code == 0, errors
    return load_checkpoint(path / "checkpoints"), (path / "scalars.jsonl").read_text()


def assert_equal_to(path: Path, uninterrupted: tuple[tuple[int, dict[str, Tensor]], str]) -> None:
    (step, tensors), log = uninterrupted
    resumed_step, resumed = load_checkpoint(path / "checkpoints")
    assert resumed_step == step == STEPS
    assert resumed.keys() == tensors.keys()
    assert any("optimizer.toy-critic" in name for name in tensors)
    for name, tensor in tensors.items():
        assert torch.equal(resumed[name], tensor), name
    assert (path / "scalars.jsonl").read_text() == log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_run_keeps_a_checkpoint_and_goes_on_bit_for_bit(tmp_path, uninterrupted, number):
    path = tmp_path / "run"
    process = Unweave(tmp_path, [*COMMAND, "--out", str(path)])
    wait_for_checkpoint(path, process, beyond=30)
    process.signal(number)
    code, _, errors = process.finish()
    assert code == 130
    assert f"unweave train --resume {path}" in errors
    assert "Traceback" not in errors
    assert newest_step(list_checkpoints(path / "checkpoints")[-1]) < STEPS
    assert resume(path).finish()[0] == 0
    assert_equal_to(path, uninterrupted)


@pytest.mark.parametrize("kills", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_a_run_killed_at_random_moments_goes_on_bit_for_bit(tmp_path, uninterrupted, kills):
    """SIGKILL at random moments, of which some fall into the writing of a checkpoint."""
    path, rng = tmp_path / "run", random.Random(0)
    process = Unweave(tmp_path, [*COMMAND, "--out", str(path)])
    wait_for_checkpoint(path, process)
    for kill in range(kills):
        checkpoints = list_checkpoints(path / "checkpoints")
        done = newest_step(checkpoints[-1]) if checkpoints else 0
        wait_for_checkpoint(path, process, beyond=min(done, STEPS // 2))
        time.sleep(rng.uniform(0, 0.05))
        process.kill()
        step, tensors = load_checkpoint(path / "checkpoints")  # the newest one is whole
        assert step <= STEPS
        assert all(tensor.isfinite().all() for tensor in tensors.values()), kill
        process = resume(path)
    assert process.finish()[0] == 0
    assert_equal_to(path, uninterrupted)
    assert not list((path / "checkpoints").glob(f"{PARTIAL}*"))


def test_a_finished_run_can_be_resumed_without_harm(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    before = {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()}
    again = unweave.resume(run.path, device="cpu")
    assert again.outcome == "finished"
    assert {p: p.read_bytes() for p in run.path.rglob("*") if p.is_file()} == before


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_anew(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    expected = load_checkpoint(run.checkpoints)[1]
    for path in list_checkpoints(run.checkpoints):
        path.unlink()
    unweave.resume(run.path, device="cpu")
    resumed = load_checkpoint(run.checkpoints)[1]
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)


def test_a_full_disk_is_one_sentence_and_the_last_checkpoint_is_intact(tmp_path):
    """A limit on the size of files stands in for the disk: writing fails half-way."""
    path = tmp_path / "run"
    arguments = [*COMMAND, "--out", str(path)]
    code, _, errors = Unweave(tmp_path, arguments, run_on_a_full_disk).finish()
    assert code == 2
    assert "cannot be written: File too large" in errors
    assert "Traceback" not in errors
    assert load_checkpoint(path / "checkpoints")[0] == 20
    assert not list((path / "checkpoints").glob(f"{PARTIAL}*"))


@pytest.mark.parametrize("method", ["toy-vae", "toy-gan"])
def test_moments_of_convolutions_go_on_bit_for_bit(tmp_path, settings, method):
    """Weights are channels-last and a checkpoint is contiguous: moments must follow the weights."""
    settings |= {"architecture": "conv64", "checkpoint_every": 7}
    whole = unweave.train(method, out=tmp_path / "whole", device="cpu", **settings)
    expected = load_checkpoint(whole.checkpoints)[1]
    part = unweave.train(method, out=tmp_path / "part", device="cpu", **settings)
    for path in list_checkpoints(part.checkpoints)[1:]:
        path.unlink()
    assert newest_step(list_checkpoints(part.checkpoints)[-1]) == 14
    unweave.resume(part.path, device="cpu")
    resumed = load_checkpoint(part.checkpoints)[1]
    for name, tensor in expected.items():
        assert torch.equal(resumed[name], tensor), name


def test_only_the_newest_checkpoints_stay(tmp_path):
    for step in (5, 50, 500):
        save_checkpoint(tmp_path, step, {"x": torch.full((3,), float(step))})
    assert [newest_step(p) for p in list_checkpoints(tmp_path)] == [5, 50, 500][-KEEP:]
    step, tensors = load_checkpoint(tmp_path)
    assert step == 500
    assert torch.equal(tensors["x"], torch.full((3,), 500.0))


def test_what_is_no_checkpoint_is_said(tmp_path):
    with pytest.raises(RunError, match="has no checkpoint"):
        load_checkpoint(tmp_path)
    (tmp_path / "step-000000007.safetensors").write_bytes(b"not at all")
    with pytest.raises(RunError, match="step-000000007.safetensors is not a checkpoint"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    text = run.config_path.read_text().replace("dim = 4", "dim = 5")
    run.config_path.write_text(text)
    with pytest.raises(RunError, match="belongs to a run with another configuration"):
        unweave.resume(run.path, device="cpu")


def test_what_cannot_be_resumed(tmp_path):
    with pytest.raises(RunError, match="is not a run directory"):
        unweave.resume(tmp_path)


def test_a_run_killed_before_its_data_were_recorded_is_whole_after_a_resume(
    tmp_path, settings, monkeypatch
):
    whole = unweave.train("toy-vae", out=tmp_path / "whole", device="cpu", **settings)
    with monkeypatch.context() as patch:
        patch.setattr(unweave.Run, "record_images", None)
        with pytest.raises(TypeError):
            unweave.train("toy-vae", out=tmp_path / "killed", device="cpu", **settings)
    assert "[images]" not in (tmp_path / "killed/config.toml").read_text()
    run = unweave.resume(tmp_path / "killed", device="cpu")
    assert run.config_path.read_text() == whole.config_path.read_text()
    longer = unweave.resume(run.path, steps=22, device="cpu")
    assert longer.recorded("continued") == [20]
    assert longer.recorded("images") == whole.recorded("images")
