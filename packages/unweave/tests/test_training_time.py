"""The record of how long training took, and what a report says of it."""

import json
import os
import re
import time

import pytest

import unweave
from unweave.progress import Silent
from unweave.report.facts import describe_run, trained_on, training_time, versions
from unweave.together import RunRequest, train_together
from unweave.training_time import NAME, Stopwatch, Time, read_times

ON_CPU = {"device": "cpu"}


@pytest.fixture
def clock(monkeypatch):
    """A clock that tests set."""
    now = [100.0]
    monkeypatch.setattr("unweave.training_time.time.monotonic", lambda: now[0])
    return now


def test_seconds_are_summed_over_sessions_and_pauses_are_not(tmp_path, clock):
    watch = Stopwatch(tmp_path, 0, "cpu")
    clock[0] += 10
    watch.note(5)
    clock[0] += 10
    watch.note(10)
    watch.note(10)
    clock[0] += 1000
    # The session from the checkpoint of step 5 does steps 6 to 10 again.
    watch = Stopwatch(tmp_path, 5, "cuda, H100", 2)
    clock[0] += 3
    watch.note(10)
    lines = [(line.step, line.seconds, line.device) for line in read_times(tmp_path)]
    assert lines == [(5, 10, "cpu"), (10, 13, "cuda, H100")]
    assert training_time(read_times(tmp_path)) == "13 s"
    assert trained_on(read_times(tmp_path)) == "cpu, then cuda, H100; 2 processes"


def test_a_run_that_was_begun_without_a_record_says_from_where_it_was_timed(tmp_path, clock):
    watch = Stopwatch(tmp_path, 1500, "cpu")
    clock[0] += 65
    watch.note(2000)
    watch = Stopwatch(tmp_path, 2000, "cpu")
    clock[0] += 65
    watch.note(2500)
    assert training_time(read_times(tmp_path)) == "2 min 10 s after step 1,500"


def test_lines_of_a_stranger_and_torn_ones_are_passed_over(tmp_path, clock):
    good = Time(step=5, seconds=2, device="cpu").model_dump_json()
    bad = (
        '{"step": 6}',
        "[",
        good.replace("2.0", "-2"),
        good.replace("2.0", "Infinity"),
        "9" * 10**6,
    )
    (tmp_path / NAME).write_text("\n".join([good, *bad, good.replace("5", "7")[:-4]]))
    assert [line.step for line in read_times(tmp_path)] == [5]
    clock[0] += 1
    Stopwatch(tmp_path, 6, "cpu").note(8)
    assert len((tmp_path / NAME).read_text().splitlines()) == 2


def facts(run):
    return dict(describe_run(run))


@pytest.mark.usefixtures("toy_note")
def test_training_time_is_that_of_training_and_not_of_files(tmp_path, settings):
    """Checkpoints lie between two log lines; copied files have other times."""
    settings |= {"steps": 8, "log_every": 3, "checkpoint_every": 4}
    began = time.monotonic()
    run = unweave.train("toy-vae", out=tmp_path / "run", **settings, **ON_CPU)
    assert [line.step for line in read_times(run.path)] == [3, 4, 6, 8]
    unweave.resume(run.path, steps=10, **ON_CPU)
    took = time.monotonic() - began
    times = read_times(run.path)
    assert [line.step for line in times] == [3, 4, 6, 8, 9, 10]
    assert times == sorted(times, key=lambda line: line.seconds)
    assert 0 < times[-1].seconds < took
    assert not any("seconds" in line for line in run.scalars())
    day = time.time() - 86400
    os.utime(run.config_path, (day, day))
    said = facts(unweave.Run.open(run.path, **ON_CPU))
    assert said["about the data"] == "64 places, each twice"
    assert re.fullmatch(r"\d+\.?\d* s", said["training time"])
    assert said["trained on"] == "cpu"
    (run.path / NAME).unlink()
    assert not {"training time", "trained on"} & facts(unweave.Run.open(run.path, **ON_CPU)).keys()


def test_equal_trainings_have_equal_logs(tmp_path, settings):
    first, second = (
        unweave.train("toy-vae", out=tmp_path / name, **settings, **ON_CPU) for name in "ab"
    )
    assert first.scalars_path.read_bytes() == second.scalars_path.read_bytes()
    assert (first.path / NAME).is_file()


def test_the_best_checkpoint_has_the_time_that_it_took(tmp_path, settings):
    settings |= {"keep_best": "loss"}
    run = unweave.train("toy-vae", out=tmp_path / "run", **settings, **ON_CPU)
    times = read_times(run.best_path)
    assert times == read_times(run.path, times[-1].step)


def test_runs_that_were_trained_at_once_say_so(tmp_path, settings):
    requests = [
        RunRequest({"method": "toy-vae", **settings, "seed": seed}, tmp_path / str(seed), Silent())
        for seed in (0, 1)
    ]
    assert train_together(requests, "cpu") == ["finished", "finished"]
    run = unweave.Run.open(tmp_path / "1", **ON_CPU)
    assert facts(run)["trained on"] == "cpu; 2 runs at once"


def test_a_process_that_waits_for_no_log_line_is_timed_to_its_end(tmp_path, settings):
    """Training that a signal or an observer ends has a checkpoint between log lines."""
    settings |= {"steps": 7, "log_every": 5}
    run = unweave.train("toy-vae", out=tmp_path / "run", **settings, **ON_CPU)
    assert json.loads((run.path / NAME).read_text().splitlines()[-1])["step"] == 7


def test_versions_name_what_scored_and_counted(tmp_path, settings):
    from importlib.metadata import distributions, version

    run = unweave.train("toy-vae", out=tmp_path / "run", **settings, **ON_CPU)
    named = dict(versions(run))
    assert named["numpy"] == version("numpy")
    installed = {distribution.name for distribution in distributions()}
    expected = version("unweave-metrics") if "unweave-metrics" in installed else None
    assert named.get("unweave-metrics") == expected
    assert len(named) == len(versions(run))
