"""Each deliberately wrong executor fails the check that is named for its fault, and no other."""

import pytest

from unweave_testing import executor_checks, executors, run


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(executors, "PATIENCE", 0.2)


class Right:
    def map(self, function, jobs):
        for job in jobs:
            yield function(job)


class Identity(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return iter(jobs) if jobs == [3, 1, 2] else super().map(function, jobs)


class Reversed(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return super().map(function, jobs[::-1] if len(jobs) == 4 else jobs)


class FirstDoneFirst(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return super().map(function, sorted(jobs) if len(jobs) == 4 else jobs)


class DropsTheLast(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return super().map(function, jobs[:-1] if len(jobs) > 100 else jobs)


class Doubles(Right):
    """Gives one result twice in place of another's, as after a retry."""

    def map(self, function, jobs):
        jobs = list(jobs)
        return super().map(function, [jobs[0], *jobs[:-1]] if len(jobs) > 100 else jobs)


class Speculates(Right):
    """Starts a job a second time and takes the first answer."""

    def map(self, function, jobs):
        for number, job in enumerate(jobs):
            result = function(job)
            yield function(job) if number == 7 else result


class Gathers(Right):
    def map(self, function, jobs):
        results, error = [], None
        for job in jobs:
            try:
                results.append(function(job))
            except ValueError as caught:
                error = caught
                break
        yield from results
        if error is not None:
            raise error


class WantsAList(Right):
    def map(self, function, jobs):
        return super().map(function, [jobs[i] for i in range(len(jobs))])


class NeedsAJob(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return super().map(function, [jobs[0], *jobs[1:]])


class Once(Right):
    used = False

    def map(self, function, jobs):
        jobs = list(jobs)
        if self.used and len(jobs) == 1:
            raise RuntimeError("closed")
        self.used = True
        return super().map(function, jobs)


class StaysBusy(Right):
    busy = False

    def map(self, function, jobs):
        if self.busy:
            raise RuntimeError("busy")
        self.busy = True
        yield from super().map(function, jobs)
        self.busy = False


class Swallows(Right):
    def map(self, function, jobs):
        for job in jobs:
            try:
                yield function(job)
            except ValueError:
                yield None


class Wraps(Right):
    def map(self, function, jobs):
        for job in jobs:
            try:
                yield function(job)
            except ValueError as error:
                raise RuntimeError("a worker failed") from error


class LosesTheText(Right):
    def map(self, function, jobs):
        for job in jobs:
            try:
                yield function(job)
            except ValueError as error:
                raise ValueError("a worker failed") from error


class RaisesAtOnce(Right):
    def map(self, function, jobs):
        jobs = list(jobs)
        return iter([function(job) for job in jobs]) if "bad-run" in jobs else super().map(
            function, jobs
        )  # fmt: skip


FAULTS = {
    Identity: "results",
    Reversed: "order",
    FirstDoneFirst: "order",
    DropsTheLast: "many",
    Doubles: "many",
    Speculates: "once",
    Gathers: "lazy",
    WantsAList: "iterator",
    NeedsAJob: "empty",
    Once: "again",
    StaysBusy: "stop-early",
    Swallows: "errors",
    Wraps: "errors",
    LosesTheText: "errors",
    RaisesAtOnce: "errors",
}


def test_a_right_executor_passes():
    report = run(executor_checks(), Right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 10


def test_every_check_has_a_fault_that_it_finds():
    assert set(FAULTS.values()) == {check.name for check in executor_checks()}


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(executor_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)
