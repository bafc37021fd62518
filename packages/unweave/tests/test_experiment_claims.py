"""Claims: one process of all has a job, and what a dead one left is taken over by one alone."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace

import executor_jobs
import fresh
import pytest

from unweave.experiment.claims import (
    STALE_SECONDS,
    Holder,
    claim_job,
    live_holder,
    read_holder,
)
from unweave.processes import is_alive, process_start


def put(path, holder):
    path.write_text(json.dumps(asdict(holder)))


@pytest.fixture
def dead():
    """A holder of this machine whose process is over."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    holder = replace(Holder.this_process(), pid=process.pid, began=process_start(process.pid))
    assert is_alive(holder.pid, holder.began)
    process.communicate(b"\n")
    return holder


def holder_of(path):
    holder = live_holder(path)
    assert holder is not None
    return holder


def test_a_claim_is_held_while_the_block_runs(tmp_path):
    path = tmp_path / "a.claim"
    with claim_job(path) as other:
        assert other is None
        assert holder_of(path).pid == os.getpid()
        with claim_job(path) as second:
            assert second is not None
            assert second.pid == os.getpid()
        assert path.exists()  # the second, who did not have it, removed nothing
    assert not path.exists()


@pytest.mark.parametrize("target", ["a.claim", "nowhere"])
def test_a_link_to_nothing_in_the_place_of_a_claim_is_removed(target, tmp_path):
    path = tmp_path / "a.claim"
    path.symlink_to(tmp_path / target)
    with claim_job(path) as other:
        assert other is not None  # as long as it may be a claim that is being written
    os.utime(path, (0, 0), follow_symlinks=False)
    with claim_job(path) as other:
        assert other is None


def test_an_empty_claim_from_the_future_is_removed(tmp_path):
    path = tmp_path / "a.claim"
    path.touch()
    os.utime(path, (time.time() + 3600,) * 2)
    with claim_job(path) as other:
        assert other is None


def test_a_claim_is_given_back_when_the_block_raises(tmp_path):
    with pytest.raises(KeyboardInterrupt), claim_job(tmp_path / "a.claim"):
        raise KeyboardInterrupt
    assert live_holder(tmp_path / "a.claim") is None


def test_what_a_dead_process_left_is_taken_over(tmp_path, dead):
    path = tmp_path / "a.claim"
    put(path, dead)
    assert live_holder(path) is None
    with claim_job(path) as other:
        assert other is None


def test_a_process_id_that_is_used_again_is_another_process(tmp_path):
    path = tmp_path / "a.claim"
    put(path, replace(Holder.this_process(), began="1"))
    assert live_holder(path) is None
    put(path, Holder.this_process())
    assert live_holder(path) is not None


def test_on_another_host_a_claim_is_stale_when_nobody_touches_it(tmp_path):
    path = tmp_path / "a.claim"
    put(path, Holder("another-machine", 1, "1", "x"))
    assert holder_of(path).host == "another-machine"
    old = time.time() - STALE_SECONDS - 10
    os.utime(path, (old, old))
    assert live_holder(path) is None
    with claim_job(path) as other:
        assert other is None


@pytest.mark.parametrize("content", ["", "null", "{}", "[1]", '{"host": 3}', "\x00"])
def test_a_claim_that_says_nothing_is_respected_while_it_is_fresh(tmp_path, content):
    path = tmp_path / "a.claim"
    path.write_text(content)
    with claim_job(path) as other:
        assert other is not None  # it may be in the middle of being written
    os.utime(path, (1, 1))
    with claim_job(path) as other:
        assert other is None


def test_of_many_that_find_a_stale_claim_one_takes_it(tmp_path, dead):
    context = fresh.context
    path = tmp_path / "a.claim"
    put(path, dead)
    start, end, won = context.Barrier(6), context.Barrier(6), context.Value("i", 0)
    given = (path, start, end, won)
    racers = [context.Process(target=executor_jobs.race, args=given) for _ in range(6)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert won.value == 1
    assert read_holder(path) is None
