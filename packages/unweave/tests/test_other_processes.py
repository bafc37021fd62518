"""Processes beside one that imports torch: what they compute, and how they end."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

import unweave
from unweave.other_processes import begin, other_processes
from unweave.processes import is_alive, usable_cores
from unweave.report import write_figures

WORK = """
import os, sys, warnings
from unweave.plots import warm_up

def prepare():
    warm_up()

def place():
    return os.getpid(), "torch" in sys.modules, "matplotlib" in sys.modules

def warn(text):
    warnings.warn(text)
    return text.upper()

def refuse():
    raise ValueError("no")

def die(first):
    if os.getpid() != first:
        os._exit(9)
    return os.getpid()
"""
ASK = """
import json, os, warnings
import work
from unweave.other_processes import begin, other_processes

if __name__ == "__main__":
    with other_processes(work.prepare) as pool:
        found = {"first": os.getpid(), "place": begin(pool, work.place)()}
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            found["value"] = begin(pool, work.warn, "mind")()
        found["said"] = [str(warning.message) for warning in said]
        try:
            begin(pool, work.refuse)()
        except ValueError as error:
            found["error"] = str(error)
        found["killed"] = begin(pool, work.die, os.getpid())()
        found["after"] = begin(pool, work.place)()
    print(json.dumps(found))
"""
WAIT = """
import os, time
import work
from unweave.other_processes import begin, other_processes

if __name__ == "__main__":
    with other_processes(os.getpid) as pool:
        print(begin(pool, work.place)()[0], flush=True)
        time.sleep(60)
"""
several_cores = pytest.mark.skipif(
    usable_cores() < 2,
    reason="on one core nothing is done in other processes",
)


def script(folder, text):
    """Write a program and the module that it sends calls of; return how it is started."""
    (folder / "work.py").write_text(WORK)
    (folder / "ask.py").write_text(text)
    return [sys.executable, str(folder / "ask.py")]


def test_without_other_processes_a_call_is_made_when_its_result_is_asked_for():
    made: list[int] = []
    with other_processes(os.getpid) as pool:  # torch was imported long ago
        assert pool is None
        result = begin(pool, made.append, 3)
        assert made == []
        result()
    assert made == [3]


@several_cores
def test_other_processes_compute_without_torch_and_tell_warnings_and_errors(tmp_path):
    done = subprocess.run(script(tmp_path, ASK), capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    pid, torch, matplotlib = found["place"]
    assert (torch, matplotlib) == (False, True)
    assert pid != found["first"]
    assert (found["value"], found["said"], found["error"]) == ("MIND", ["mind"], "no")
    # What a killed process had to do, and what comes after, the first process does itself.
    assert found["killed"] == found["after"][0] == found["first"]


@several_cores
def test_other_processes_end_with_one_that_is_killed(tmp_path):
    started = subprocess.Popen(script(tmp_path, WAIT), stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    other = int(started.stdout.readline())
    assert is_alive(other)
    started.send_signal(signal.SIGKILL)
    started.wait()
    started.stdout.close()
    deadline = time.monotonic() + 30
    while is_alive(other) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_alive(other)


@several_cores
def test_figures_of_the_command_are_those_of_one_process(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    run.evaluate()
    command = [sys.executable, "-m", "unweave", "report", str(run.path), "--device", "cpu"]
    subprocess.run(command, check=True, capture_output=True)
    drawn = {path.name: path.read_bytes() for path in run.figures.glob("*.png")}
    assert drawn == {path.name: path.read_bytes() for path in write_figures(run)}
    assert len(drawn) > 5
