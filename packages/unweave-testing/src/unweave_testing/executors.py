"""Checks that every executor must pass."""

from __future__ import annotations

import math
import operator
import tempfile
import time
from pathlib import Path
from typing import Any

from unweave_testing.check import Check

PATIENCE = 20.0
"""Seconds that a job waits until the caller has the earlier result; a cluster starts slowly."""
MANY = 300
"""Number of jobs in a large sweep."""


def executor_checks() -> list[Check]:
    """List the checks of executors; their factory is called without arguments.

    The jobs are numbers, texts and tuples, and the functions can be pickled: workers import them
    from the standard library and from this module. Workers and caller must share a file system.

    - `results`: `map(function, jobs)` yields the function's result for every job.
    - `order`: results come in the order of the jobs, however long each job takes.
    - `many`: 300 jobs give 300 results; none is lost and none comes twice.
    - `once`: every job runs exactly once.
    - `lazy`: a result comes as soon as its job and the earlier jobs end; it does not wait for
      later jobs.
    - `iterator`: jobs may come from a generator.
    - `empty`: no jobs give no results.
    - `again`: an executor runs a second batch of jobs.
    - `stop-early`: it does so too if the caller did not take all results of the first batch.
    - `errors`: an error in a job reaches the caller in place of the result, with type and text.

    Examples
    --------
    >>> from unweave_testing import executor_checks
    >>> [check.name for check in executor_checks()][:3]
    ['results', 'order', 'many']
    """
    return [
        Check("results", _results),
        Check("order", _order),
        Check("many", _many),
        Check("once", _once),
        Check("lazy", _lazy),
        Check("iterator", _iterator),
        Check("empty", _empty),
        Check("again", _again),
        Check("stop-early", _stop_early),
        Check("errors", _errors),
    ]


def _results(factory: Any) -> None:
    results = sorted(factory().map(operator.neg, [3, 1, 2]))
    assert results == [-3, -2, -1], (
        f"jobs 3, 1, 2 must give -3, -1, -2 in any order, got {results} after sorting"
    )


def _order(factory: Any) -> None:
    # A large factorial takes about 20 ms, a small one nothing: the first job is done last.
    jobs = [40_000, 1, 2, 3]
    digits = [str(number % 1_000) for number in factory().map(math.factorial, jobs)]
    expected = [str(math.factorial(job) % 1_000) for job in jobs]
    assert digits == expected, "results do not come in the order of the jobs"


def _many(factory: Any) -> None:
    results = sorted(factory().map(operator.neg, range(MANY)), reverse=True)
    assert results == [-job for job in range(MANY)], (
        f"{MANY} jobs must give {MANY} results, got {len(results)}, "
        f"{len(set(results))} of them distinct"
    )


def _once(factory: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / str(number) for number in range(12)]
        list(factory().map(_count, list(map(str, files))))
        counts = [file.stat().st_size if file.exists() else 0 for file in files]
    assert set(counts) == {1}, f"every job must run exactly once, 12 jobs ran {counts} times"


def _count(path: str) -> None:
    """Append a byte to a file, to which other processes may append too."""
    with Path(path).open("ab") as file:
        file.write(b".")


def _lazy(factory: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "first-result"
        results = iter(factory().map(_wait, [("", 0.0), (str(mark), PATIENCE)]))
        next(results)
        mark.touch()
        assert next(results), "the first result must come before the second job ends"


def _wait(job: tuple[str, float]) -> bool:
    """Wait until a file exists, and tell whether it does; the job is its path and a time limit.

    The limit is in seconds. An empty path means no wait.
    """
    path, patience = job
    limit = time.monotonic() + patience
    while path and not Path(path).exists():
        if time.monotonic() > limit:
            return False
        time.sleep(0.01)
    return True


def _iterator(factory: Any) -> None:
    results = sorted(factory().map(operator.neg, (job for job in range(3))))
    assert results == [-2, -1, 0], (
        f"a generator of jobs 0, 1, 2 must give 0, -1, -2 in any order, got {results} after sorting"
    )


def _empty(factory: Any) -> None:
    results = list(factory().map(operator.neg, []))
    assert not results, f"no jobs must give no results, got {results}"


def _again(factory: Any) -> None:
    executor = factory()
    results = [list(executor.map(operator.neg, [job])) for job in (1, 2)]
    assert results == [[-1], [-2]], f"batches of job 1 and job 2 must both run, got {results}"


def _stop_early(factory: Any) -> None:
    executor = factory()
    results = iter(executor.map(operator.neg, [1, 2, 3]))
    next(results)
    getattr(results, "close", lambda: None)()
    later = sorted(executor.map(operator.neg, [5, 6]))
    assert later == [-6, -5], (
        f"jobs 5, 6 must run although the caller left the first batch early, got {later}"
    )


def _errors(factory: Any) -> None:
    results, values = iter(factory().map(_fail, ["good-run", "bad-run", "later-run"])), []
    try:
        values = [next(results)]
        values += list(results)
    except ValueError as error:
        assert values == ["good-run"], (
            f"results of earlier jobs must come before a job's error, got {values}"
        )
        text = str(error)
        assert text == "bad-run failed", (
            f"the error of a job must keep its text, 'bad-run failed', got {text[:80]!r}"
        )
        return
    except Exception as error:
        raise AssertionError(
            f"a job's ValueError must reach the caller as it is, got {type(error).__name__}: "
            f"{str(error)[:80]}"
        ) from error
    raise AssertionError(f"a job's ValueError must reach the caller, got results {values}")


def _fail(job: str) -> str:
    """Raise an error that names the job, as a training run would."""
    if job == "bad-run":
        raise ValueError(f"{job} failed")
    return job
