"""Checks that every executor must pass."""

from __future__ import annotations

import math
import operator
from typing import Any

from unweave_testing.check import Check


def executor_checks() -> list[Check]:
    """List the checks of executors; their factory is called without arguments.

    The jobs are numbers, and the functions can be pickled.

    - `results`: `map(function, jobs)` yields what the function gives for every job.
    - `order`: in the order of the jobs, however long each takes.
    - `iterator`: jobs may come from a generator, and there may be none.
    - `again`: an executor runs a second batch of jobs.
    - `errors`: what a job raises reaches the caller as it is.

    Examples
    --------
    >>> from unweave_testing import executor_checks
    >>> [check.name for check in executor_checks()][:3]
    ['results', 'order', 'iterator']
    """
    return [
        Check("results", _results),
        Check("order", _order),
        Check("iterator", _iterator),
        Check("again", _again),
        Check("errors", _errors),
    ]


def _expect(found: Any, expected: list[Any]) -> None:
    results = list(found)
    assert results == expected, f"expected {expected}, got {results}"


def _results(factory: Any) -> None:
    found = sorted(factory().map(operator.neg, [3, 1, 2]))
    assert found == [-3, -2, -1], f"jobs 3, 1, 2 must be negated, got {found} in some order"


def _order(factory: Any) -> None:
    # A large factorial takes about 20 ms, a small one nothing: the first job is done last.
    jobs = [40_000, 1, 2, 3]
    digits = [str(number % 1_000) for number in factory().map(math.factorial, jobs)]
    expected = [str(math.factorial(job) % 1_000) for job in jobs]
    assert digits == expected, "results do not come in the order of the jobs"


def _iterator(factory: Any) -> None:
    _expect(factory().map(operator.neg, (job for job in range(3))), [0, -1, -2])
    _expect(factory().map(operator.neg, []), [])


def _again(factory: Any) -> None:
    executor = factory()
    _expect(executor.map(operator.neg, [1]), [-1])
    _expect(executor.map(operator.neg, [2]), [-2])


def _errors(factory: Any) -> None:
    try:
        found = list(factory().map(math.sqrt, [4.0, -1.0]))
    except ValueError:
        return
    raise AssertionError(f"a job that raises ValueError must raise it here, got {found}")
