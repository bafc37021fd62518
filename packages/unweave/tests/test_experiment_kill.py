"""Sweeps that are stopped and killed: every run once, with the bits of a serial one."""

import contextlib
import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from fresh import context

import unweave
from unweave.checkpoint import load_checkpoint
from unweave.commands import main
from unweave.executors import Serial
from unweave.experiment.claims import read_holder
from unweave.experiment.definition import Experiment, Variant
from unweave.experiment.sweep import StoppedError
from unweave.experiment.sweep import sweep as run_sweep
from unweave.registry import registry

STEPS = 160
COMMAND = [
    sys.executable, "-m", "unweave", "sweep", "toy-vae,toy-gan", "--data", "toy-images",
    "--seeds", "2", "--steps", str(STEPS), "--device", "cpu",
    "--measure", "error=squared-error", "--measure", "variance=code-variance",
]  # fmt: skip
for setting in (
    "prior=toy-normal", "dim=3", "batch_size=16", "architecture=mlp:widths=32",
    "log_every=50", "checkpoint_every=20",
):  # fmt: skip
    COMMAND += ["--set", setting]
JOBS = 4


@pytest.fixture(scope="module")
def environment(toy_path):
    return {
        **os.environ, "OMP_NUM_THREADS": "1", "UNWEAVE_PLUGINS": "unweave,toy",
        "PYTHONPATH": os.pathsep.join([str(toy_path), os.environ.get("PYTHONPATH", "")]),
    }  # fmt: skip


@pytest.fixture(scope="module")
def serial(tmp_path_factory, toy_path):
    folder = tmp_path_factory.mktemp("serial") / "sweep"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(toy_path)
        patch.setenv("UNWEAVE_PLUGINS", "unweave,toy")
        patch.setattr("unweave.experiment.page.draw_all", lambda *_: [])
        registry.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main([*COMMAND[3:], "--executor", "serial", "--out", str(folder)])
    assert not ended.value.code
    return folder


def start(folder, environment, executor="processes:workers=2"):
    """Begin the sweep in a process group of its own, as a shell does."""
    command = [*COMMAND, "--executor", executor, "--out", str(folder)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


def workers_of(folder):
    """Process ids of those that have a claim now."""
    holders = [read_holder(path) for path in (folder / "jobs").glob("*.claim")]
    return sorted({holder.pid for holder in holders if holder is not None})


def wait_for_workers(folder, process, seconds=300):
    deadline = time.monotonic() + seconds
    while not workers_of(folder) and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def assert_all_gone(pids, seconds=300):
    deadline = time.monotonic() + seconds
    while not all(gone(pid) for pid in pids):
        assert time.monotonic() < deadline, "a worker outlived its parent"
        time.sleep(0.02)


def finish(process):
    out, errors = process.communicate()
    assert "Traceback" not in errors, errors
    return process.returncode, out, errors


def assert_equal(folder, serial):
    """Every run is there once, with the same bits, log and measures; nothing is left over."""
    one, other = (unweave.read_experiment(f, frame=False) for f in (folder, serial))
    assert len(one["run"]) == JOBS
    assert set(one["status"]) == {"finished"}
    for name in set(other) - {"seconds"}:
        assert one[name].tolist() == other[name].tolist(), name
    runs = sorted(path.name for path in (serial / "runs").iterdir())
    assert sorted(path.name for path in (folder / "runs").iterdir()) == runs
    for name in runs:
        mine, theirs = (f / "runs" / name for f in (folder, serial))
        assert (mine / "scalars.jsonl").read_text() == (theirs / "scalars.jsonl").read_text()
        step, tensors = load_checkpoint(mine / "checkpoints")
        _, expected = load_checkpoint(theirs / "checkpoints")
        assert step == STEPS
        assert tensors.keys() == expected.keys()
        assert all(torch.equal(tensors[key], expected[key]) for key in expected), name
    assert not list((folder / "jobs").glob("*.claim"))
    assert not list((folder / "jobs").glob("*.progress"))


@pytest.mark.usefixtures("undrawn")
def test_two_processes_and_a_series_give_the_same_bits(tmp_path, serial, call, monkeypatch):
    # `Processes` loads torch in each process anew; these are forked from one that has it.
    monkeypatch.setattr("unweave.executors.multiprocessing.get_context", lambda _: context)
    command = [*COMMAND[3:], "--executor", "processes:workers=2", "--out", tmp_path / "s"]
    said = call(*command)
    assert f"{JOBS} runs: 0 finished, {JOBS} to do, {JOBS * STEPS:,} steps" in said
    assert "toy-gan" in said
    assert_equal(tmp_path / "s", serial)
    assert f"{JOBS} runs, all finished" in call(*command)


def test_a_new_process_may_import_the_command_line_without_running_it():
    """What each of its worker processes begins with."""
    runpy.run_module("unweave.__main__", run_name="__mp_main__")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "executor"),
    [(signal.SIGINT, "processes:workers=2"), (signal.SIGTERM, "serial")],
)
def test_a_sweep_that_is_stopped_says_so_and_goes_on(
    number, executor, tmp_path, environment, serial
):
    folder = tmp_path / "s"
    process = start(folder, environment, executor)
    wait_for_workers(folder, process)  # at once: all jobs together take less than a second
    pids = workers_of(folder)
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # Ctrl-C reaches every process of the terminal
    else:
        process.send_signal(number)
    code, _, errors = finish(process)
    assert code == 130
    assert f"of {JOBS} runs are finished; the same command continues the sweep" in errors
    assert_all_gone(pids)
    assert len(unweave.read_experiment(folder, frame=False)["run"]) == JOBS
    assert finish(start(folder, environment))[0] == 0
    assert_equal(folder, serial)


def kill_at_random(folder, environment, kills, seed):
    """Kill the sweep or one of its workers at random moments, and give the command again."""
    rng = random.Random(seed)
    process = start(folder, environment)
    for _ in range(kills):
        wait_for_workers(folder, process)
        time.sleep(rng.uniform(0, 1.5))
        pids = workers_of(folder)
        if pids and rng.random() < 0.5:
            number = rng.choice([signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(rng.choice(pids), number)
            continue
        process.kill()
        process.communicate()
        assert_all_gone(pids)
        process = start(folder, environment)
    return finish(process)


@pytest.mark.slow
def test_a_sweep_that_is_killed_at_random_ends_with_every_run_once(tmp_path, environment, serial):
    code, _, errors = kill_at_random(tmp_path / "s", environment, 4, seed=1)
    assert code == 0, errors
    assert_equal(tmp_path / "s", serial)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
def test_many_kills(seed, tmp_path, environment, serial):
    code, _, errors = kill_at_random(tmp_path / "s", environment, 10, seed=100 + seed)
    assert code == 0, errors
    assert_equal(tmp_path / "s", serial)


@pytest.mark.slow
def test_two_sweeps_of_one_folder_share_the_work(tmp_path, environment, serial):
    processes = [start(tmp_path / "s", environment, "serial") for _ in range(2)]
    for process in processes:
        code, _, errors = finish(process)
        assert code == 0, errors
    assert_equal(tmp_path / "s", serial)


def test_a_process_that_is_killed_as_a_job_ends_leaves_no_file(tmp_path, monkeypatch):
    """Whatever is done last of a job, nothing is left over by the sweep that goes on."""
    study = Experiment(
        name="study", data=["toy-images"], seeds=1, measures={"error": "squared-error"},
        settings={"prior": "toy-normal", "dim": 3, "batch_size": 16, "steps": 8,
                  "architecture": "mlp:widths=16"},
        runs=[Variant(label="vae", settings={"method": "toy-vae"})],
    )  # fmt: skip
    for name in (
        "unweave.experiment.worker.write_row",
        "unweave.experiment.job_progress.Reporter.finish",
    ):
        folder = tmp_path / name.rpartition(".")[2]
        with monkeypatch.context() as patch:
            patch.setattr(name, interrupted)
            with contextlib.suppress(StoppedError):
                run_sweep(study, folder, Serial())
        run_sweep(study, folder, Serial())
        assert [path.name for path in (folder / "jobs").iterdir()] == ["vae-seed0.json"]


def interrupted(*arguments):
    raise KeyboardInterrupt
