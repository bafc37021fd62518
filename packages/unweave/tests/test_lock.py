"""A lock between processes: one holder, dead ones are known, nobody's files are removed."""

import json
import multiprocessing
import os
import socket
import subprocess
import sys
import threading
import time

import pytest

import unweave
from unweave import files, lock
from unweave.errors import RunError
from unweave.files import PARTIAL, remove_partial, replacing, write_text
from unweave.lock import holding
from unweave.processes import is_alive


def hold(path, enough, result):
    try:
        with holding(path, "it is held"):
            result.put("held")
            enough.wait()
    except RunError as error:
        result.put(str(error))


def start(target, *arguments):
    process = multiprocessing.get_context("fork").Process(target=target, args=arguments)
    process.start()
    return process


@pytest.fixture
def path(tmp_path):
    return tmp_path / ".lock"


def refusal(path):
    """Return the sentence with which a lock is refused."""
    with pytest.raises(RunError) as caught, holding(path, "it is held"):
        pass
    return str(caught.value)


def dead_holder():
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return {"host": socket.gethostname(), "pid": process.pid, "started": "1"}


def test_it_names_its_holder_and_goes_with_it(path):
    with holding(path, "runs/a is being trained"):
        assert refusal(path).startswith(f"it is held by process {os.getpid()} on")
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert list(path.parent.iterdir()) == []


def test_of_many_that_find_a_dead_holder_one_takes_over(path):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    for _ in range(5):
        path.write_text(json.dumps(dead_holder()))
        enough = context.Event()
        everyone = [start(hold, path, enough, queue) for _ in range(8)]
        said = [queue.get() for _ in everyone]
        enough.set()
        for process in everyone:
            process.join()
        assert sorted(text == "held" for text in said) == [False] * 7 + [True]
        assert all("it is held by process" in text for text in said if text != "held")


def test_a_process_that_was_killed_holds_nothing(path):
    """Also before its parent has waited for it, and where its number was given to another."""
    context = multiprocessing.get_context("fork")
    process = start(hold, path, context.Event(), context.Queue())
    while not path.exists():
        time.sleep(0.01)
    process.kill()
    limit = time.monotonic() + 60
    while is_alive(process.pid):  # it is a zombie soon, as nobody has waited for it
        assert time.monotonic() < limit
        time.sleep(0.01)
    with holding(path, "it is held"):
        pass
    process.join()
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": os.getpid(), "started": "7"}))
    with holding(path, "it is held"):
        pass


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "{}", "[" * 5000, '{"pid": "x"}', "null",
     '{"host": "here", "pid": Infinity, "started": ""}'],
)  # fmt: skip
def test_a_file_that_names_nobody_is_taken_over(path, content, monkeypatch):
    monkeypatch.setattr(lock, "SECONDS_TO_WRITE", 0.05)
    path.write_text(content)
    with holding(path, "it is held"):
        assert json.loads(path.read_text())["pid"] == os.getpid()


@pytest.mark.parametrize("pid", [-1, 0, 10**30])
def test_numbers_that_are_no_process(path, pid):
    path.write_text(json.dumps({"host": socket.gethostname(), "pid": pid, "started": ""}))
    with holding(path, "it is held"):
        pass


def test_a_holder_on_another_machine_is_believed(path):
    path.write_text(json.dumps({"host": "elsewhere", "pid": 1, "started": "1"}))
    assert "by process 1 on elsewhere; wait for it, or delete" in refusal(path)


def test_a_lock_that_was_given_to_another_is_not_removed(path):
    other = {"host": "elsewhere", "pid": 1, "started": "1"}
    with holding(path, "it is held"):
        path.unlink()
        path.write_text(json.dumps(other))
    assert json.loads(path.read_text()) == other


def test_it_works_where_there_are_no_hard_links(path, monkeypatch):
    def refuse(*_):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    with holding(path, "it is held"):
        assert "it is held by process" in refusal(path)
    assert list(path.parent.iterdir()) == []


# Partial files


def test_nobodys_partial_file_is_removed_while_it_is_written(tmp_path):
    with replacing(tmp_path / "a.txt") as mine:
        remove_partial(tmp_path)
        assert mine.exists()
    begun, goes_on = (multiprocessing.get_context("fork").Event() for _ in range(2))
    process = start(write_slowly, tmp_path / "b.txt", begun, goes_on)
    begun.wait()
    remove_partial(tmp_path)
    goes_on.set()
    process.join()
    assert (tmp_path / "b.txt").read_text() == "whole"


def write_slowly(path, begun, goes_on):
    with replacing(path) as temporary:
        temporary.write_text("whole")
        begun.set()
        goes_on.wait()


def test_what_an_earlier_process_of_the_same_number_left_is_removed(tmp_path):
    """In a container every run may be process 1."""
    left = tmp_path / f"{PARTIAL}{files._host()}-{os.getpid()}-abc.toml"
    left.write_text("half")
    remove_partial(tmp_path)
    assert not left.exists()


def test_hosts_with_long_names_are_told_apart(monkeypatch):
    names = []
    for name in ("train-job-worker-abcdefgh-1", "train-job-worker-abcdefgh-2"):
        monkeypatch.setattr(socket, "gethostname", lambda name=name: name)
        names.append(files._host())
    assert names[0] != names[1]


# Runs


def test_a_run_that_is_trained_is_not_trained_by_another(tmp_path, settings):
    run = unweave.train("toy-vae", out=tmp_path / "run", device="cpu", **settings)
    config = run.config_path.read_text()
    with run.locked():
        with pytest.raises(RunError, match=f"{run.path} is being trained by process"):
            unweave.resume(run.path, steps=30, device="cpu")
        assert run.config_path.read_text() == config  # not even the new steps are recorded
        assert unweave.Run.open(run.path, device="cpu").sample(2).shape[0] == 2


def test_simultaneous_starts_have_directories_of_their_own(tmp_path, settings, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings |= {"steps": 2, "log_every": 1}
    paths, errors = [], []

    def train():
        try:
            paths.append(unweave.train("toy-vae", device="cpu", **settings).path)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=train) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(set(paths)) == 4
    assert all(unweave.Run.open(path).step == 2 for path in paths)


def test_of_two_starts_into_one_directory_one_is_refused(tmp_path, settings):
    out = tmp_path / "run"
    unweave.train("toy-vae", out=out, device="cpu", **settings)
    with pytest.raises(RunError, match="is not empty; choose another --out"):
        unweave.train("toy-vae", out=out, device="cpu", **settings)
    write_text(tmp_path / "file", "text")
    with pytest.raises(RunError, match="is a file; choose another --out"):
        unweave.train("toy-vae", out=tmp_path / "file", device="cpu", **settings)
