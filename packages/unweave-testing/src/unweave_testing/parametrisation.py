"""The checks as one parametrised pytest test."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from unweave_testing.check import Check, NotApplicable, expectations


def parametrize(
    checks: Sequence[Check],
    factory: Any,
    expected_failures: Mapping[str, str] | None = None,
) -> pytest.MarkDecorator:
    """Parametrise a test that takes `check`, so that it runs once per check.

    The test calls `check()`. An expected failure becomes a strict xfail, and a check that does not
    apply becomes a skip; if no check applies, the last one fails.

    Parameters
    ----------
    checks : non-empty sequence of Check
        Such as `prior_checks()`.
    factory : callable, or text for `plugin_checks`
        Builds the object under test. Its arguments depend on the kind of checks; some kinds take
        the object itself.
    expected_failures : mapping from check name to reason, optional
        Checks that are known to fail.

    Returns
    -------
    decorator : pytest.MarkDecorator
        Decorator of the test.

    Raises
    ------
    ValueError
        If there are no checks, or `expected_failures` names an unknown check or gives no reason.

    Examples
    --------
    >>> from unweave_testing import Check, parametrize
    >>> def is_positive(factory):
    ...     assert factory() > 0
    >>> @parametrize([Check("positive", is_positive)], lambda: 1)
    ... def test_conformance(check):
    ...     check()
    """
    if not checks:
        raise ValueError("checks must hold at least one check, got none")
    reasons = expectations(checks, expected_failures)
    skips: set[str] = set()

    def bind(check: Check) -> Callable[[], None]:
        def call() -> None:
            try:
                check(factory)
            except NotApplicable as reason:
                skips.add(check.name)
                if len(skips) == len(checks):
                    raise AssertionError("no check was executed: all were skipped") from reason
                pytest.skip(str(reason))

        return call

    return pytest.mark.parametrize(
        "check",
        [
            pytest.param(bind(check), id=check.name, marks=_marks(reasons, check.name))
            for check in checks
        ],
    )


def _marks(reasons: Mapping[str, str], name: str) -> list[pytest.MarkDecorator]:
    return [pytest.mark.xfail(strict=True, reason=reasons[name])] if name in reasons else []
