"""Parts side by side: in order, on no more threads than asked for, what is shared done once."""

import threading
import time

import pytest

from unweave_metrics._parallel import in_parallel
from unweave_metrics._quiet import quiet
from unweave_metrics._shared import shared, sharing


class Crowd:
    """Counts how many are inside at a time."""

    def __init__(self):
        self.lock, self.inside, self.most = threading.Lock(), 0, 0

    def work(self, result):
        with self.lock:
            self.inside += 1
            self.most = max(self.most, self.inside)
        time.sleep(0.002)
        with self.lock:
            self.inside -= 1
        return result


@pytest.mark.parametrize("jobs", [2, 3])
def test_parts_of_parts_share_the_threads_of_the_first_call(jobs):
    crowd = Crowd()

    def metric(m):
        return in_parallel(lambda k: crowd.work(10 * m + k), 4, jobs)

    found = in_parallel(metric, 5, jobs)
    assert found == [[10 * m + k for k in range(4)] for m in range(5)]
    assert crowd.most == jobs


def test_the_largest_start_first_and_results_keep_their_order():
    started = []
    pair = threading.Barrier(2)  # without it the first thread may start a second part at once

    def start(k):
        started.append(k)
        pair.wait(timeout=60)
        return k

    results = in_parallel(start, 4, 2, sizes=[1, 5, 3, 4])
    assert results == [0, 1, 2, 3]
    assert [set(started[:2]), set(started[2:])] == [{1, 3}, {0, 2}]


def test_a_part_that_raises_ends_the_rest_and_frees_its_place():
    def fail(k):
        raise ValueError(f"part {k}")

    def metric(m):
        return in_parallel(fail, 3, 2) if m else crowd.work(m)

    crowd = Crowd()
    for _ in range(5):
        with pytest.raises(ValueError, match="part"):
            in_parallel(metric, 4, 2)


def test_what_is_shared_is_done_once_by_the_thread_that_comes_first():
    calls = []

    @shared
    def slow(word):
        calls.append(word)
        time.sleep(0.02)
        return in_parallel(lambda k: k, 3, 2)

    @shared
    def failing(word):
        calls.append(word)
        time.sleep(0.02)
        raise ValueError(word)

    with sharing():
        assert in_parallel(lambda k: slow("a"), 6, 3) == [[0, 1, 2]] * 6
        with pytest.raises(ValueError, match="b"):
            in_parallel(lambda k: failing("b"), 6, 3)
    assert calls == ["a", "b"]


def test_one_thread_at_a_time_is_quiet():
    crowd = Crowd()

    def part(k):
        with quiet():
            return crowd.work(k)

    assert in_parallel(part, 6, 3) == list(range(6))
    assert crowd.most == 1
