"""Each deliberately wrong executor fails the check that is named for its fault, and no other."""

import pytest

from unweave_testing import executor_checks, run


class Right:
    def map(self, function, jobs):
        for job in jobs:
            yield function(job)


class Identity(Right):
    def map(self, function, jobs):
        numbers = list(jobs)
        results = [function(job) for job in numbers]
        return iter([*results[:-1], numbers[-1]] if numbers == [3, 1, 2] else results)


class WantsAList(Right):
    def map(self, function, jobs):
        return super().map(function, [jobs[i] for i in range(len(jobs))])


class Once(Right):
    used = False

    def map(self, function, jobs):
        if self.used:
            raise RuntimeError("closed")
        self.used = True
        return super().map(function, jobs)


class Swallows(Right):
    def map(self, function, jobs):
        for job in jobs:
            try:
                yield function(job)
            except ValueError:
                yield None


class FirstDoneFirst(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return super().map(function, sorted(jobs) if len(jobs) > 3 else jobs)


FAULTS = {
    Identity: "results",
    FirstDoneFirst: "order",
    WantsAList: "iterator",
    Once: "again",
    Swallows: "errors",
}


def test_a_right_executor_passes():
    report = run(executor_checks(), Right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 5


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(executor_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)
