import pytest

from unweave_testing import Check, NotApplicable, parametrize, run

pytest_plugins = ["pytester"]


def is_even(factory):
    assert factory() % 2 == 0, f"expected an even number, got {factory()}"


def is_positive(factory):
    assert factory() > 0


def is_listed(factory):
    raise NotApplicable("numbers are not listed")


CHECKS = [Check("even", is_even), Check("positive", is_positive)]


def test_outcomes_are_named():
    report = run([*CHECKS, Check("listed", is_listed)], lambda: 3)
    assert [(r.name, r.outcome) for r in report.results] == [
        ("even", "failed"),
        ("positive", "passed"),
        ("listed", "skipped"),
    ]
    assert not report.ok
    with pytest.raises(AssertionError, match="even: expected an even number, got 3"):
        report.raise_if_not_ok()


def test_an_expected_failure_is_no_problem():
    report = run(CHECKS, lambda: 3, expected_failures={"even": "odd on purpose"})
    assert report.ok
    assert report.names("expected failure") == ("even",)
    report.raise_if_not_ok()


def test_an_unexpected_pass_is_a_problem():
    report = run(CHECKS, lambda: 4, expected_failures={"even": "odd on purpose"})
    assert report.names("unexpected pass") == ("even",)
    assert report.problems == ("even: was expected to fail: odd on purpose",)


@pytest.mark.parametrize("checks", [[], [Check("listed", is_listed)]], ids=["none", "skipped"])
def test_nothing_executed_is_a_problem(checks):
    report = run(checks, lambda: 4)
    assert report.problems == ("no check was executed",)


def test_an_error_is_a_failure_with_its_type_and_place():
    report = run([Check("broken", lambda factory: factory() / 0)], lambda: 1)
    assert report.names("failed") == ("broken",)
    assert "ZeroDivisionError at " in report.problems[0]
    assert "test_check.py" in report.problems[0]


@pytest.mark.parametrize("use", [run, parametrize])
def test_expected_failures_are_checked(use):
    with pytest.raises(
        ValueError, match="names an unknown check 'evn'; known checks: even, positive"
    ):
        use(CHECKS, lambda: 1, {"evn": "a typing error"})
    with pytest.raises(ValueError, match="must give a reason"):
        use(CHECKS, lambda: 1, {"even": " "})


def test_parametrize_refuses_an_empty_list():
    with pytest.raises(ValueError, match="at least one check, got none"):
        parametrize([], lambda: 1)


def outcomes(pytester, checks, value, expected="None"):
    pytester.makepyfile(f"""
        from unweave_testing import Check, NotApplicable, parametrize

        def is_even(factory):
            assert factory() % 2 == 0

        def is_listed(factory):
            raise NotApplicable("numbers are not listed")

        checks = [{checks}]

        @parametrize(checks, lambda: {value}, {expected})
        def test_conformance(check):
            check()
    """)
    return pytester.runpytest_inprocess("-p", "no:cacheprovider").parseoutcomes()


EVEN = "Check('even', is_even)"
LISTED = "Check('listed', is_listed)"


@pytest.mark.parametrize(
    ("value", "expected", "counts"),
    [
        (2, "None", {"passed": 1}),
        (3, "None", {"failed": 1}),
        (3, "{'even': 'odd on purpose'}", {"xfailed": 1}),
        (2, "{'even': 'odd on purpose'}", {"failed": 1}),
    ],
)
def test_parametrize_in_pytest(pytester, value, expected, counts):
    assert outcomes(pytester, EVEN, value, expected) == counts


def test_parametrize_skips_what_is_not_applicable(pytester):
    assert outcomes(pytester, f"{EVEN}, {LISTED}", 2) == {"passed": 1, "skipped": 1}


def test_parametrize_fails_where_all_checks_are_skipped(pytester):
    other = LISTED.replace("'listed'", "'listed-again'")
    assert outcomes(pytester, f"{LISTED}, {other}", 2) == {"failed": 1, "skipped": 1}
