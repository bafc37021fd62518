"""Several processes that share every batch: two are one."""

import json
import os
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from fresh import Unweave, context, run_by_torchrun, train_together
from torch import nn

import unweave
from unweave.checkpoint import load_checkpoint, newest_step
from unweave.commands import main
from unweave.errors import ConfigError
from unweave.launch import EXIT_LOST, LostProcessError, _end_of, _free_port, launch_explains
from unweave.ranks import Ranks

CASES: dict[str, dict[str, Any]] = {
    "toy-vae": {},
    "convolutions": {"architecture": "conv64:width=0.25"},
    "critic": {"method": "toy-gan"},
    "clipped": {"clip_norm": 1.0, "beta": "warmup(3, 10)"},
}
PATIENCE = 600.0
"""Seconds: on a busy machine two processes wait for each other in every step."""


def job_of(rank, port, size=2):
    job = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {name: str(value) for name, value in job.items()}


class Forked(Unweave):
    """What `launch` starts, forked from a process that has loaded torch, as `Popen` has it."""

    everyone: ClassVar[list[Unweave]] = []

    def __init__(self, command, env):
        assert command[:3] == [sys.executable, "-m", "unweave"]
        folder = Path(tempfile.mkdtemp(dir=env["FORKED"]))
        super().__init__(folder, command[3:], **env)
        self.everyone.append(self)

    def poll(self):
        return self._process.exitcode

    def terminate(self):
        self.signal(signal.SIGTERM)

    def wait(self):
        self._process.join()


@pytest.fixture
def with_devices(tmp_path, monkeypatch):
    """Run training by two processes that the command line starts; meanwhile do something."""
    (tmp_path / "forked").mkdir()
    monkeypatch.setenv("FORKED", str(tmp_path / "forked"))
    monkeypatch.setattr("unweave.launch.subprocess", SimpleNamespace(Popen=Forked))
    monkeypatch.setattr(Forked, "everyone", [])

    def run(meanwhile, *arguments):
        thread = threading.Thread(target=meanwhile)
        thread.start()
        with pytest.raises(SystemExit) as ended:
            main(["train", *map(str, arguments), "--devices", "2", "--device", "cpu"])
        thread.join()
        return ended.value.code, "".join(process.finish()[2] for process in Forked.everyone)

    return run


def tensors(path):
    return load_checkpoint(path / "checkpoints")[1]


def assert_close(state, expected, rtol=1e-3):
    assert state.keys() == expected.keys()
    for name, tensor in expected.items():
        error = (state[name].double() - tensor.double()).norm()
        assert error <= rtol * tensor.double().norm() + 1e-6, name


def test_two_processes_are_one_of_the_same_batch(tmp_path, settings):
    """Both draw the whole noise and part the rows; with noise of its own a rank is far off."""
    runs = [
        {"method": "toy-vae", **settings, **case, "out": str(tmp_path / name)}
        for name, case in CASES.items()
    ]
    port = _free_port()
    processes = [
        context.Process(target=train_together, args=(runs, {**os.environ, **job_of(rank, port)}))
        for rank in (0, 1)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(PATIENCE)
    assert [process.exitcode for process in processes] == [0, 0]
    for run in runs:
        path = tmp_path / run["out"]
        alone = unweave.train(**{**run, "out": f"{path}-alone"}, device="cpu")
        assert_close(tensors(path), tensors(alone.path))
        lines = [json.loads(line) for line in (path / "scalars.jsonl").read_text().splitlines()]
        for line, expected in zip(lines, alone.scalars(), strict=True):
            assert line == pytest.approx(expected, rel=1e-3)


def test_torchrun_trains_and_devices_go_on_until_all_hear_a_stop(tmp_path, settings, with_devices):
    common = [f"--set={key}={value}" for key, value in settings.items()]
    run = tmp_path / "run"
    train = ["train", "toy-vae", *common, "--device", "cpu", "--out", str(run)]
    code, output, errors = Unweave(tmp_path, train, run_by_torchrun).finish()
    assert code == 0, errors
    assert output.split() == [str(run)]  # one process alone speaks

    def stop():
        wait_for_step(run, 30)
        os.kill(os.getpid(), signal.SIGTERM)

    code, told = with_devices(stop, "--resume", run, "--steps", 100_000)
    assert code == 130, told
    assert told.count(f"stopped; continue with: unweave train --resume {run} --devices 2\n") == 1
    alone = unweave.train(
        "toy-vae", **{**settings, "steps": 30}, out=tmp_path / "alone", device="cpu"
    )
    lines = [json.loads(line) for line in (run / "scalars.jsonl").read_text().splitlines()]
    for line, expected in zip(lines, alone.scalars(), strict=False):
        assert line == pytest.approx(expected, rel=1e-3)
    assert lines[5]["step"] == 30


def wait_for_step(run, step):
    deadline = time.monotonic() + PATIENCE
    while newest_step(run / "checkpoints") < step and time.monotonic() < deadline:
        time.sleep(0.02)


def test_a_killed_process_ends_the_job_with_a_sentence_and_the_run_goes_on(
    tmp_path, settings, with_devices, capsys
):
    settings |= {"steps": 100_000, "log_every": 10}
    common = [f"--set={key}={value}" for key, value in settings.items()]
    run = tmp_path / "run"

    def kill():
        wait_for_step(run, 20)
        Forked.everyone[1].kill()

    code, told = with_devices(kill, "toy-vae", *common, "--out", run)
    assert code == 2, told
    sentence = "process 1 of the job was ended by signal 9, and the others with it"
    sentence += f"; continue with: unweave train --resume {run} --devices 2"
    assert sentence in capsys.readouterr().err
    # One sentence: the process that is left says nothing of its own.
    assert "Traceback" not in told
    assert "another process" not in told
    done = newest_step(run / "checkpoints")
    assert done >= 20
    resumed = unweave.resume(run, steps=done + 10, device="cpu")
    assert resumed.step == done + 10


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ({1: -9, 0: EXIT_LOST}, "process 1 of the job was ended by signal 9"),
        ({0: EXIT_LOST, 1: -9}, "process 1 of the job was ended by signal 9"),
        ({0: EXIT_LOST, 1: 1}, "process 1 of the job ended with exit code 1"),
        ({0: EXIT_LOST, 1: EXIT_LOST}, "the processes of the job could not reach each other"),
        ({0: 0, 1: EXIT_LOST}, "the processes of the job could not reach each other"),
        ({1: 2}, "process 1 of the job ended: it has no disk"),  # the first waits for it
        ({1: 2, 0: EXIT_LOST}, "process 1 of the job ended: it has no disk"),
        ({0: 0, 1: 2}, "process 1 of the job ended: it has no disk"),
        ({0: 2, 1: EXIT_LOST}, ""),  # the first has told its own error
        ({0: 2, 1: 2}, ""),
        ({1: 2, 0: 1}, ""),
        ({0: 0, 1: 0}, ""),
    ],
)
def test_the_end_of_a_job_is_told_once_by_its_cause(codes, said):
    sentences = {rank: "it has no disk" for rank, code in codes.items() if rank and code == 2}
    assert _end_of(codes, sentences)[: len(said) or None] == said


ONLY_IN_THE_FIRST = """
import os
from toy import ToyImages
UNWEAVE_API = 1

import pluggy
@pluggy.HookimplMarker("unweave")
def unweave_datasets():
    return {"first-alone": "_hooks_first_alone:FirstAlone"}

class FirstAlone(ToyImages):
    def __init__(self) -> None:
        if os.environ.get("RANK") == "1":
            raise ValueError("the disk of this process is not mounted")
        super().__init__()
"""


def test_an_error_that_a_later_process_alone_has_is_told_in_its_words(
    tmp_path, settings, with_devices, capsys, monkeypatch
):
    """The first process waits for the other, which has ended, and can say nothing."""
    info = tmp_path / "plugin" / "first_alone-1.0.dist-info"
    info.mkdir(parents=True)
    (info.parent / "_hooks_first_alone.py").write_text(ONLY_IN_THE_FIRST)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: first-alone\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[unweave]\nfirst-alone = _hooks_first_alone\n")
    monkeypatch.syspath_prepend(info.parent)
    monkeypatch.setenv("PYTHONPATH", str(info.parent), prepend=os.pathsep)
    monkeypatch.setenv("UNWEAVE_PLUGINS", f"{os.environ['UNWEAVE_PLUGINS']},first-alone")
    monkeypatch.setattr("unweave.launch.GRACE_SECONDS", 1.0)
    common = [f"--set={k}={v}" for k, v in (settings | {"data": "first-alone"}).items()]
    code, told = with_devices(lambda: None, "toy-vae", *common, "--out", tmp_path / "run")
    assert code == 2, told
    assert told == ""
    said = capsys.readouterr().err
    assert said.startswith("unweave: process 1 of the job ended: ")
    assert "the disk of this process is not mounted" in said


def test_a_process_that_torchrun_started_says_how_to_go_on(tmp_path, settings, monkeypatch):
    """Nobody else does: its launcher knows no run."""

    def lose(*_):
        raise RuntimeError("Connection reset by peer")

    run = unweave.train("toy-vae", **settings, out=tmp_path / "run", device="cpu")
    monkeypatch.setattr("unweave.training.fit", lambda trainer, *_: trainer.ranks.any(True))
    monkeypatch.setattr("unweave.ranks.dist.is_initialized", lambda: True)
    monkeypatch.setattr("unweave.ranks.dist.all_reduce", lose)
    monkeypatch.setattr(Ranks, "of_job", classmethod(lambda _: Ranks(0, 2)))
    steps = settings["steps"] + 10
    with pytest.raises(LostProcessError) as lost:
        unweave.resume(run.path, steps=steps, device="cpu")
    assert str(lost.value) == (
        "another process of the job has ended or cannot be reached; "
        f"continue with: unweave train --resume {run.path} --devices 2"
    )
    assert not launch_explains(lost.value)


def test_a_job_that_was_killed_before_it_made_a_run_is_to_be_repeated(
    tmp_path, settings, with_devices, capsys
):
    def kill():
        while len(list((tmp_path / "forked").glob("*/std*"))) < 4:  # both have begun
            time.sleep(0.001)
        for process in Forked.everyone:
            process.kill()

    common = [f"--set={key}={value}" for key, value in settings.items()]
    code, told = with_devices(kill, "toy-vae", *common, "--out", tmp_path / "run")
    assert code == 2, told
    sentence = "it had not made a run directory yet: repeat the command"
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_what_processes_cannot_share_is_said(monkeypatch):
    job = Ranks(1, 2)
    with pytest.raises(ConfigError, match="a multiple of the 2 processes, got 15"):
        job.check(15, nn.Linear(1, 1), nn.Linear(1, 1))
    gathering = nn.Linear(1, 1)
    gathering.gather = True  # type: ignore[assignment]
    with pytest.raises(ConfigError, match="leave out gather=true"):
        job.check(16, nn.Linear(1, 1), nn.ModuleList([gathering]))
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match="MASTER_ADDR, MASTER_PORT, RANK is not"):
        Ranks.of_job()


def test_rows_that_do_not_part_evenly_are_computed_by_all():
    module = nn.Linear(3, 2)
    rows = torch.randn(5, 3, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Ranks(0, 2).over_rows(module, rows), module(rows))
