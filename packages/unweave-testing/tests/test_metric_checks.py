"""Each deliberately wrong metric fails the check that is named for its fault, and no other."""

import functools
import itertools

import numpy as np
import pytest

from unweave_testing import metric_checks, run


def right(codes, factors):
    """Mean over factors of the largest gap between squared correlations."""
    codes, factors = np.asarray(codes), np.asarray(factors)
    if codes.ndim != 2 or factors.ndim != 2 or len(codes) != len(factors):
        raise ValueError(f"codes (n, d) and factors (n, k), got {codes.shape}, {factors.shape}")
    if not np.isfinite(codes).all():
        raise ValueError("codes must be finite")
    d = codes.shape[1]
    r = np.corrcoef(codes.T, factors.T)[:d, d:] ** 2
    ordered = np.sort(r, axis=0)
    return float(np.mean(ordered[-1] - ordered[-2]))


calls = itertools.count()


def wavering(codes, factors):
    return right(codes, factors) - 1e-4 * (next(calls) % 2)


def writing(codes, factors):
    score = right(codes, factors)
    codes -= codes.mean(axis=0)
    return score


def too_high(codes, factors):
    return 1.04 * right(codes, factors)


def half(codes, factors):
    return 0.5 * right(codes, factors)


def biased(codes, factors):
    return 0.2 + 0.8 * right(codes, factors)


def humped(codes, factors):
    score = right(codes, factors)
    return 0.95 if 0.05 < score < 0.2 else score


def first_dimensions(codes, factors):
    score = right(codes, factors)
    gaps = [abs(np.corrcoef(codes[:, k], factors[:, k])[0, 1]) for k in range(3)]
    return score * (min(gaps) > 0.2 or score < 0.02)


def takes_any_shape(codes, factors):
    codes = np.asarray(codes)
    codes = codes if codes.ndim == 2 else codes[:, None].repeat(2, axis=1)
    n = min(len(codes), len(factors))
    return right(codes[:n], factors[:n])


def takes_nan(codes, factors):
    return right(np.nan_to_num(codes), factors)


def not_a_number(codes, factors):
    score = right(codes, factors)
    return np.nan if 0.5 < score < 0.9 else score


FAULTS = {
    wavering: {"deterministic"},
    writing: {"inputs-untouched"},
    too_high: {"bounds"},
    half: {"perfect"},
    biased: {"random"},
    humped: {"monotone"},
    first_dimensions: {"invariant"},
    takes_any_shape: {"wrong-shapes"},
    takes_nan: {"not-finite"},
}


def test_a_right_metric_passes():
    report = run(metric_checks(), right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 11


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(metric_checks(), wrong)
    assert set(report.names("failed")) == FAULTS[wrong], str(report)


def test_a_score_that_is_no_number_fails():
    assert "number" in run(metric_checks(), not_a_number).names("failed")


def test_facts_are_arguments():
    report = run(metric_checks(perfect=0.5, bounds=(0.0, 0.5)), half)
    assert report.ok, str(report)
    report = run(metric_checks(perfect=None, random=None), biased)
    assert report.names("skipped") == ("perfect", "random")
    assert report.ok, str(report)
    report = run(metric_checks(invariant=("scale", "shift", "sign")), first_dimensions)
    assert report.ok, str(report)
    with pytest.raises(ValueError, match="invariant must be among .*, got rotation"):
        metric_checks(invariant=("rotation",))


def test_a_metric_that_is_best_at_zero_declares_it(monkeypatch):
    def distance(codes, factors):
        return 1 - right(codes, factors)

    checks = metric_checks(perfect=0.0, random=1.0)
    report = run(checks, distance)
    assert report.names("failed") == ("declared",)
    assert "`better` is 'higher'; set `metric.better = 'lower'`" in str(report)
    monkeypatch.setattr(distance, "better", "lower", raising=False)
    assert run(checks, distance).ok
    assert run(checks, functools.partial(distance)).ok
    monkeypatch.setattr(distance, "bounds", [0, 1], raising=False)
    assert run(checks, distance).ok
    monkeypatch.setattr(distance, "bounds", (0, 2))
    assert "(0, 2), and those of `metric_checks` (0.0, 1.0)" in str(run(checks, distance))


def test_a_declared_direction_is_one_of_three(monkeypatch):
    def misspelt(codes, factors):
        return right(codes, factors)

    monkeypatch.setattr(misspelt, "better", "high", raising=False)
    report = run(metric_checks(perfect=None, random=None), misspelt)
    assert report.names("failed") == ("declared",)
