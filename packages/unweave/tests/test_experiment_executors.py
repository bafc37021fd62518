"""Executors of one machine: order, errors, processes that are killed, and whose parent is."""

import multiprocessing
import operator
import os
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import executor_jobs
import pytest

from unweave.executors import Processes, Serial, WorkerDiedError

PARENT = """
import os, time
from unweave.executors import Processes
if __name__ == "__main__":
    list(Processes(workers=2).map(sleep_and_say, [{folder!r}, {folder!r}]))
"""


def gone(pid):
    """Whether a process is not there, or a zombie whose parent has not asked yet."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state in "ZX"


def wait_until(condition, seconds=600):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.02)


def test_results_come_in_order_and_an_executor_can_be_used_again():
    for executor in (Serial(), Processes(workers=2)):
        assert list(executor.map(operator.neg, (n for n in range(5)))) == [0, -1, -2, -3, -4]
        assert list(executor.map(operator.neg, [])) == []
        assert list(executor.map(operator.neg, [7])) == [-7]


def test_an_error_comes_in_the_place_of_its_job_and_leaves_no_process():
    found = Processes(workers=2).map(operator.truediv, [])
    assert list(found) == []
    results = Processes(workers=2).map(os.path.getsize, ["/", "/not/there", "/"])
    assert next(results) > 0
    with pytest.raises(FileNotFoundError):
        next(results)
    with pytest.raises(RuntimeError, match="AwkwardError: sorry"):
        list(Processes(workers=1).map(executor_jobs.raise_awkward, [1]))


def test_a_job_whose_process_is_killed_is_begun_again(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    assert list(Processes(workers=2).map(executor_jobs.die_unless, paths)) == [
        str(path) for path in paths
    ]


def test_a_job_that_kills_three_processes_is_given_up_and_the_others_are_done():
    results = Processes(workers=1).map(executor_jobs.die, [0])
    with pytest.raises(
        WorkerDiedError, match="3 processes died during one job, the last with signal 9"
    ):
        next(results)


def test_workers_have_one_thread_unless_the_user_says_otherwise(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    names = ["OMP_NUM_THREADS", "NUMBA_NUM_THREADS"]
    assert list(Processes(workers=1).map(executor_jobs.environment_of, names)) == ["1", "2"]


def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    """SIGKILL leaves a parent no moment to tell anyone."""
    script = tmp_path / "parent.py"
    (tmp_path / "pids").mkdir()
    here = Path(__file__)
    script.write_text(
        f"import sys; sys.path.insert(0, {str(here.parent)!r})\n"
        f"from executor_jobs import say_and_sleep as sleep_and_say\n"
        + PARENT.format(folder=str(tmp_path / "pids"))
    )
    parent = subprocess.Popen([sys.executable, str(script)])
    wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    pids = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    assert not any(gone(pid) for pid in pids)
    parent.kill()
    parent.wait()
    wait_until(lambda: all(gone(pid) for pid in pids))


def test_workers_end_when_nobody_wants_the_rest(tmp_path):
    results = Processes(workers=2).map(executor_jobs.first_pid_then_sleep, [None, str(tmp_path)])
    pid = next(results)
    wait_until(lambda: list(tmp_path.iterdir()))
    (other,) = (int(path.name) for path in tmp_path.iterdir())
    assert isinstance(results, Generator)
    results.close()
    wait_until(lambda: gone(pid) and gone(other))


def test_a_worker_that_has_kept_its_checkpoint_ends_by_itself(tmp_path):
    results = Processes(workers=1).map(executor_jobs.first_pid_then_train, [None, tmp_path])
    pid = next(results)
    wait_until((tmp_path / "trains").exists)
    (worker,) = (child for child in multiprocessing.active_children() if child.pid == pid)
    assert isinstance(results, Generator)
    results.close()
    assert (tmp_path / "checkpoint").exists()
    assert worker.exitcode == 0  # it was not killed after the time of grace


def test_workers_must_not_be_negative():
    with pytest.raises(ValueError, match="workers must not be negative, got -1"):
        Processes(workers=-1)
    assert Processes().workers == len(os.sched_getaffinity(0))
