"""The executor on a cluster of this machine, whose workers are killed."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import pytest

ray = pytest.importorskip("ray")

from unweave.errors import UnweaveError  # noqa: E402
from unweave_ray import Ray, WorkersLost  # noqa: E402
from unweave_testing import executor_checks, parametrize, plugin_checks  # noqa: E402

sys.path.insert(0, str(Path(__file__).parent))

import ray_jobs  # noqa: E402

PLUGINS = "unweave,unweave-data,unweave-priors,unweave-estimators"


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two cores, whatever the machine has; workers import what the tests import."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        patch.delenv("OMP_NUM_THREADS", raising=False)
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    yield
    ray.shutdown()


@parametrize(executor_checks(), Ray)
def test_conformance(check):
    check()


@parametrize(plugin_checks(), "_unweave_ray_plugin")
def test_hook_file(check):
    check()


def kill_at_random(folder, seed, end, kills):
    """Kill workers chosen at random in mid-run, each run at most twice; list the runs."""
    rng, killed = random.Random(seed), set()
    while not end.wait(rng.uniform(0.1, 0.5)):
        logs = (log for log in sorted(folder.glob("*.workers")) if _is_under_way(log))
        workers = {log.stem: int(log.read_text().split()[-1]) for log in logs}
        ready = [name for name in workers if kills.count(name) < 2 and workers[name] not in killed]
        if ready:
            name = rng.choice(ready)
            os.kill(workers[name], signal.SIGKILL)
            killed.add(workers[name])
            kills.append(name)


def _is_under_way(log):
    """Whether the newest worker of a run has logged since it began, and is not done."""
    run = log.with_suffix("")
    scalars = run / "scalars.jsonl"
    has_logged = scalars.is_file() and scalars.stat().st_mtime_ns > log.stat().st_mtime_ns
    return has_logged and not _is_finished(run)


def _is_finished(run):
    return (run / "checkpoints" / f"step-{ray_jobs.SETTINGS['steps']:09d}.safetensors").is_file()


def weights(folder):
    from safetensors import safe_open

    (*_, path) = sorted((folder / "checkpoints").iterdir())
    with safe_open(path, framework="np") as file:
        return {name: file.get_tensor(name).tobytes() for name in file.keys()}  # noqa: SIM118


def test_a_sweep_whose_workers_are_killed_equals_the_serial_one(tmp_path, monkeypatch):
    monkeypatch.setenv("UNWEAVE_PLUGINS", PLUGINS)
    from unweave.registry import registry

    registry.cache_clear()
    jobs = {name: [(str(tmp_path / name / f"{seed}"), seed) for seed in range(6)] for name in "ab"}
    for name in jobs:
        (tmp_path / name).mkdir()
    expected = [ray_jobs.train(job) for job in jobs["a"]]
    done = threading.Event()
    kills: list[str] = []
    killer = threading.Thread(target=kill_at_random, args=(tmp_path / "b", 0, done, kills))
    killer.start()
    try:
        found = list(Ray(retries=-1).map(ray_jobs.train, jobs["b"]))
    finally:
        done.set()
        killer.join()
        registry.cache_clear()
    starts = [len((tmp_path / "b" / f"{seed}.workers").read_text().split()) for seed in range(6)]
    assert len(kills) >= 3, "too few workers were killed to show anything"
    assert starts == [1 + kills.count(f"{seed}") for seed in range(6)]
    assert found == expected
    for seed in range(6):
        assert weights(tmp_path / "b" / f"{seed}") == weights(tmp_path / "a" / f"{seed}")


def kill_holders(folder, seed, end, kills):
    """Kill three workers that have the claim of a job whose training is under way, each job once.

    A new worker loads torch anew, which is most of what the test takes.
    """
    from unweave.experiment.claims import read_holder

    rng = random.Random(seed)
    while len(kills) < 3 and not end.wait(rng.uniform(0.05, 0.3)):
        claims = sorted((folder / "jobs").glob("*.claim"))
        holders = {claim.stem: read_holder(claim) for claim in claims}
        ready = [
            (name, holder.pid)
            for name, holder in holders.items()
            if holder is not None and name not in kills
            and any((folder / "runs" / name / "checkpoints").glob("*.safetensors"))
            and not _is_finished(folder / "runs" / name)
        ]  # fmt: skip
        if ready:
            name, pid = rng.choice(ready)
            with contextlib.suppress(ProcessLookupError):  # it has just ended
                os.kill(pid, signal.SIGKILL)
                kills.append(name)


def test_an_experiment_whose_workers_are_killed_equals_the_serial_one(tmp_path, monkeypatch):
    """Claims, rows and locks of killed workers are taken over; the table is the serial one's."""
    monkeypatch.setenv("UNWEAVE_PLUGINS", PLUGINS)
    from unweave.directory import LOCK
    from unweave.executors import Serial
    from unweave.experiment.definition import Experiment, Variant
    from unweave.experiment.sweep import sweep
    from unweave.experiment.table import read_experiment
    from unweave.registry import registry

    registry.cache_clear()
    experiment = Experiment(
        name="killed", settings=ray_jobs.SETTINGS, seeds=[0, 1],
        runs=[Variant(label=name, settings={"method": name}) for name in ("vae", "wae-mmd")],
        measures={"error": "squared-error", "regulariser": "regulariser"},
    )  # fmt: skip
    one, other = tmp_path / "serial", tmp_path / "ray"
    done = threading.Event()
    kills: list[str] = []
    sweep(experiment, one, Serial(), device="cpu")
    killer = threading.Thread(target=kill_holders, args=(other, 0, done, kills))
    killer.start()
    try:
        results = sweep(experiment, other, Ray(retries=-1), device="cpu")
    finally:
        done.set()
        killer.join()
        registry.cache_clear()
    assert len(kills) >= 2, "too few workers were killed to show anything"
    assert [row.status for row in results.rows] == ["finished"] * 4
    expected, found = (read_experiment(folder, frame=False) for folder in (one, other))
    for column in expected.keys() - {"seconds"}:
        assert found[column].tolist() == expected[column].tolist(), column
    names = sorted(path.name for path in (one / "runs").iterdir())
    assert sorted(path.name for path in (other / "runs").iterdir()) == names
    for name in names:
        mine, theirs = other / "runs" / name, one / "runs" / name
        assert weights(mine) == weights(theirs)
        assert (mine / "scalars.jsonl").read_text() == (theirs / "scalars.jsonl").read_text()
        assert not (mine / LOCK).exists()
    assert {path.suffix for path in (other / "jobs").iterdir()} == {".json"}


def test_a_job_is_started_again_when_its_worker_dies(tmp_path):
    assert list(Ray().map(ray_jobs.die_once, [str(tmp_path / "count")])) == [2]


def test_a_job_that_kills_every_worker_is_one_sentence():
    with pytest.raises(WorkersLost, match="job the-run lost its worker 2 times") as caught:
        list(Ray(retries=1).map(ray_jobs.die, ["the-run"]))
    assert isinstance(caught.value, UnweaveError)
    assert "\n" not in str(caught.value)


def test_an_error_says_which_job_and_where_it_was_raised():
    with pytest.raises(KeyError) as caught:
        list(Ray().map({"a": 1}.__getitem__, ["a", "b"]))
    assert "raised by job b" in caught.value.__notes__[0]


def test_an_error_that_cannot_be_pickled_keeps_its_text():
    with pytest.raises(Exception, match="run-7 failed at step 3"):
        list(Ray().map(ray_jobs.raise_careless, ["run-7"]))


def test_workers_have_the_callers_folder_and_plugins(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNWEAVE_PLUGINS", PLUGINS)
    assert list(Ray(cpus=2).map(ray_jobs.where, [0])) == [(str(tmp_path), PLUGINS, "2")]


def test_a_caller_who_leaves_ends_what_runs_with_time_to_write(tmp_path):
    paths = [str(tmp_path / name) for name in "ab"]
    results = Ray().map(ray_jobs.wait_for_stop, ["", *paths])
    next(results)
    wait_until(lambda: all(Path(path + ".begun").exists() for path in paths))
    assert isinstance(results, Generator)
    results.close()
    assert all(Path(path).exists() for path in paths)


def wait_until(condition):
    limit = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.05)


def test_without_an_address_a_cluster_is_started_here_and_ended():
    done = alone(
        "print(list(Ray().map(operator.neg, [1, 2])))\n"
        "print(ray.is_initialized())\n"
        "for options in ({'gpus': 1.0}, {'address': '127.0.0.1:1'}):\n"
        "    try:\n"
        "        list(Ray(**options).map(operator.neg, [1]))\n"
        "    except ValueError as error:\n"
        "        print(error)\n"
    )
    results, initialised, *problems = done.stdout.splitlines()
    assert (results, initialised) == ("[-1, -2]", "False"), done.stderr
    assert problems[0].startswith("a job needs cpus=1 and gpus=1, and no machine has both: ")
    assert problems[1].startswith("no Ray cluster answers at address '127.0.0.1:1' (")
    assert len(problems) == 2


def alone(program):
    """Run a program in a process that is connected to no cluster."""
    environment = {name: text for name, text in os.environ.items() if name != "RAY_ADDRESS"}
    return subprocess.run(
        [sys.executable, "-c", f"import operator, ray\nfrom unweave_ray import Ray\n{program}"],
        capture_output=True, text=True, timeout=240, env=environment,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"cpus": 0.0}, "cpus must be positive, got 0.0"),
        ({"cpus": float("nan")}, "cpus must be positive, got nan"),
        ({"gpus": -1.0}, "gpus must not be negative, got -1.0"),
        ({"retries": -2}, "retries must be at least -1, got -2"),
    ],
)
def test_options_are_checked(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Ray(**options)
