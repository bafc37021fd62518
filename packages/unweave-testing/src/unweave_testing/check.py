"""Checks by name, and the report of their results."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any


class NotApplicable(Exception):
    """Raised by a check that does not apply; the message gives the reason."""


@dataclass(frozen=True)
class Check:
    """A property with a name, tested on the object that a factory builds.

    Parameters
    ----------
    name : str
        Lower-case words joined by `-`, unique among the checks of one kind.
    function : callable taking the factory
        Returns if the property holds, raises AssertionError with a sentence if it does not, and
        NotApplicable if the check does not apply.
    """

    name: str
    function: Callable[[Any], None]

    def __call__(self, factory: Any) -> None:
        """Test the property on the object that `factory` builds."""
        self.function(factory)


@dataclass(frozen=True)
class Result:
    """Result of one check.

    `outcome` is one of "passed", "failed", "skipped" (not applicable), "expected failure" and
    "unexpected pass"; `message` gives the reason, and is empty for "passed".
    """

    name: str
    outcome: str
    message: str


@dataclass(frozen=True)
class Report:
    """The results of all checks, in their order."""

    results: tuple[Result, ...]

    def names(self, outcome: str) -> tuple[str, ...]:
        """List the checks with one outcome."""
        return tuple(result.name for result in self.results if result.outcome == outcome)

    @property
    def problems(self) -> tuple[str, ...]:
        """One sentence per failure and unexpected pass, and one if no check was executed."""
        bad = [r for r in self.results if r.outcome in ("failed", "unexpected pass")]
        sentences = [f"{result.name}: {result.message}" for result in bad]
        if all(result.outcome == "skipped" for result in self.results):
            sentences.append("no check was executed")
        return tuple(sentences)

    @property
    def ok(self) -> bool:
        """Whether at least one check was executed and there are no problems."""
        return not self.problems

    def raise_if_not_ok(self) -> None:
        """Raise AssertionError with every problem, one per line."""
        if self.problems:
            raise AssertionError("\n".join(self.problems))

    def __str__(self) -> str:
        width = max((len(result.name) for result in self.results), default=0)
        lines = [
            f"{result.name:<{width}}  {result.outcome}" + (result.message and f": {result.message}")
            for result in self.results
        ]
        return "\n".join(lines)


def run(
    checks: Sequence[Check],
    factory: Any,
    expected_failures: Mapping[str, str] | None = None,
) -> Report:
    """Run every check on the object that a factory builds, and report the results.

    Parameters
    ----------
    checks : sequence of Check
        Such as `prior_checks()`.
    factory : callable, or text for `plugin_checks`
        Builds the object under test. Its arguments depend on the kind of checks; some kinds take
        the object itself.
    expected_failures : mapping from check name to reason, optional
        Checks that are known to fail. If such a check passes, that is a problem too.

    Returns
    -------
    report : Report
        `report.ok` is False if a check failed, one passed unexpectedly, or none was executed.

    Raises
    ------
    ValueError
        If `expected_failures` names an unknown check or gives no reason.

    Examples
    --------
    >>> from unweave_testing import Check, run
    >>> def is_positive(factory):
    ...     assert factory() > 0, f"expected a positive number, got {factory()}"
    >>> print(run([Check("positive", is_positive)], lambda: -1))
    positive  failed: expected a positive number, got -1
    """
    reasons = expectations(checks, expected_failures)
    return Report(tuple(_result(check, factory, reasons.get(check.name)) for check in checks))


def expectations(
    checks: Sequence[Check], expected_failures: Mapping[str, str] | None
) -> Mapping[str, str]:
    """Return the expected failures; refuse an unknown check and an empty reason."""
    names = [check.name for check in checks]
    reasons = expected_failures or {}
    for name, reason in reasons.items():
        if name not in names:
            raise ValueError(
                f"expected_failures names an unknown check {name!r}; "
                f"known checks: {', '.join(names)}"
            )
        if not reason.strip():
            raise ValueError(f"expected_failures[{name!r}] must give a reason, got an empty text")
    return reasons


def _result(check: Check, factory: Any, expected: str | None) -> Result:
    try:
        check(factory)
    except NotApplicable as reason:
        return Result(check.name, "skipped", str(reason))
    except Exception as error:
        if expected is not None:
            return Result(check.name, "expected failure", expected)
        return Result(check.name, "failed", _sentence(error))
    if expected is not None:
        return Result(check.name, "unexpected pass", f"was expected to fail: {expected}")
    return Result(check.name, "passed", "")


def _sentence(error: Exception) -> str:
    """Return the message of an assertion; for any other error, add its type and place."""
    if isinstance(error, AssertionError) and str(error):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {frame.filename}:{frame.lineno}: {error}"
