"""Several processes that share every batch: two are one."""

import json
import os
import signal
import subprocess
import sys
import time
from typing import Any

import pytest
import torch
from torch import nn

import unweave
from unweave.checkpoint import load_checkpoint, newest_step
from unweave.errors import ConfigError
from unweave.launch import _free_port
from unweave.ranks import Ranks

CASES: dict[str, dict[str, Any]] = {
    "toy-vae": {},
    "convolutions": {"architecture": "conv64:width=0.25"},
    "critic": {"method": "toy-gan"},
    "clipped": {"clip_norm": 1.0, "beta": "warmup(3, 10)"},
}
PATIENCE = 600.0
"""Seconds: on a busy machine two processes wait for each other in every step."""
WORKER = """
import json, sys
import torch
torch.set_num_threads(1)
torch.distributed.init_process_group("gloo")
import unweave
for settings in json.loads(sys.argv[1]):
    unweave.train(**settings, device="cpu")
torch.distributed.destroy_process_group()
"""


def start(rank, command, size=2, port=0):
    job = {"RANK": rank, "WORLD_SIZE": size, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **{k: str(v) for k, v in job.items()}}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)  # fmt: skip


def two(command):
    """Run a command as two processes; return what both wrote to stderr."""
    port = _free_port()
    processes = [start(rank, command, port=port) for rank in (0, 1)]
    told = [process.communicate(timeout=PATIENCE) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], told
    return told


def tensors(path):
    return load_checkpoint(path / "checkpoints")[1]


def assert_close(found, expected, rtol=1e-3):
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        error = (found[name].double() - tensor.double()).norm()
        assert error <= rtol * tensor.double().norm() + 1e-6, name


def test_two_processes_are_one_of_the_same_batch(tmp_path, settings):
    """Both draw the whole noise and part the rows; with noise of its own a rank is far off."""
    runs = [
        {"method": "toy-vae", **settings, **case, "out": str(tmp_path / name)}
        for name, case in CASES.items()
    ]
    two([sys.executable, "-c", WORKER, json.dumps(runs)])
    for run in runs:
        path = tmp_path / run["out"]
        alone = unweave.train(**{**run, "out": f"{path}-alone"}, device="cpu")
        assert_close(tensors(path), tensors(alone.path))
        lines = [json.loads(line) for line in (path / "scalars.jsonl").read_text().splitlines()]
        for line, expected in zip(lines, alone.scalars(), strict=True):
            assert line == pytest.approx(expected, rel=1e-3)


def test_torchrun_trains_and_devices_go_on_until_all_hear_a_stop(tmp_path, settings):
    common = [f"--set={key}={value}" for key, value in settings.items()]
    run = tmp_path / "run"
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2",
                "--master-port", str(_free_port()), "-m"]  # fmt: skip
    train = ["unweave", "train", "toy-vae", *common, "--device", "cpu", "--out", str(run)]
    first = subprocess.run([*torchrun, *train], capture_output=True, text=True)
    assert first.returncode == 0, first.stderr
    assert first.stdout.split() == [str(run)]  # one process alone speaks
    job = with_devices("--resume", run, "--steps", 100_000)
    wait_for_step(run, 30)
    job.send_signal(signal.SIGTERM)
    told = job.communicate(timeout=PATIENCE)[1]
    assert job.returncode == 130, told
    assert told.count("stopped; continue with: unweave train --resume") == 1
    alone = unweave.train(
        "toy-vae", **{**settings, "steps": 30}, out=tmp_path / "alone", device="cpu"
    )
    lines = [json.loads(line) for line in (run / "scalars.jsonl").read_text().splitlines()]
    for line, expected in zip(lines, alone.scalars(), strict=False):
        assert line == pytest.approx(expected, rel=1e-3)
    assert lines[5]["step"] == 30


def with_devices(*arguments):
    """Begin training by two processes that the command line starts."""
    command = [sys.executable, "-m", "unweave", "train", *map(str, arguments)]
    return subprocess.Popen(
        [*command, "--devices", "2", "--device", "cpu"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def wait_for_step(run, step):
    deadline = time.monotonic() + PATIENCE
    while newest_step(run / "checkpoints") < step and time.monotonic() < deadline:
        time.sleep(0.1)


def test_a_killed_process_ends_the_job_with_a_sentence_and_the_run_goes_on(tmp_path, settings):
    settings |= {"steps": 100_000, "log_every": 10}
    common = [f"--set={key}={value}" for key, value in settings.items()]
    run = tmp_path / "run"
    job = with_devices("toy-vae", *common, "--out", run)
    wait_for_step(run, 20)
    os.kill(children(job.pid)[1], signal.SIGKILL)
    told = job.communicate(timeout=PATIENCE)[1]
    assert job.returncode == 2, told
    assert "process 1 of the job was ended by signal 9, and the others with it" in told
    assert "Traceback" not in told
    done = newest_step(run / "checkpoints")
    assert done >= 20
    resumed = unweave.resume(run, steps=done + 10, device="cpu")
    assert resumed.step == done + 10


def children(pid):
    text = subprocess.run(["ps", "--ppid", str(pid), "-o", "pid="], capture_output=True, text=True)
    return sorted(int(word) for word in text.stdout.split())


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
