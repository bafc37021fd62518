"""Checks that every disentanglement metric must pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave_testing.check import Check, NotApplicable

SIZES = (4, 5, 6)
DIRECTIONS = ("higher", "lower", "neither")
CHANGES = ("factor-order", "permutation", "scale", "shift", "sign")


@dataclass(frozen=True)
class _Facts:
    """The author's statements about the metric."""

    bounds: tuple[float, float]
    perfect: float | None
    random: float | None
    tolerance: float
    invariant: frozenset[str]

    @property
    def lower_is_better(self) -> bool:
        """Whether perfect codes have the lower score."""
        return self.perfect is not None and self.random is not None and self.perfect < self.random


def metric_checks(
    *,
    bounds: tuple[float, float] = (0.0, 1.0),
    perfect: float | None = 1.0,
    random: float | None = 0.0,
    tolerance: float = 0.05,
    invariant: Collection[str] = CHANGES,
) -> list[Check]:
    """List the checks of metrics; their factory is `metric(codes, factors)` itself.

    Codes are floats (n, 6), factors are integer classes (n, 3). To test a metric with options, bind
    them with `functools.partial`.

    - `number`: the score is finite and converts to a float.
    - `deterministic`: the same arrays give the same score.
    - `inputs-untouched`: the metric does not write to its arrays.
    - `bounds`: scores of good, bad and mixed codes lie within `bounds`.
    - `declared`: if the metric has attributes `better` and `bounds`, they agree with `perfect`,
      `random` and `bounds`, and a metric of which lower is better has the attribute.
    - `perfect`: codes that are the factors, with noise in spare dimensions, score `perfect`.
    - `random`: codes that are independent of the factors score `random`.
    - `monotone`: more noise in the codes never gives a better score.
    - `invariant`: the score changes by at most `tolerance` if code dimensions are permuted, scaled,
      shifted or negated, or if factors are permuted.
    - `wrong-shapes`: codes and factors of different lengths, and codes that are not a matrix,
      raise ValueError.
    - `not-finite`: codes with a NaN raise ValueError.

    Parameters
    ----------
    bounds : two floats
        Smallest and largest possible score.
    perfect, random : float or None
        Scores of the best and of uninformative codes; with None the check is skipped.
    tolerance : float
        Largest allowed difference from `perfect` and `random`, and between the scores before and
        after a change in `invariant`.
    invariant : collection of str
        Changes that leave the score as it is: "factor-order", "permutation", "scale", "shift" and
        "sign", or some of them.

    Raises
    ------
    ValueError
        If `invariant` names an unknown change.

    Examples
    --------
    >>> from unweave_testing import metric_checks
    >>> len(metric_checks(invariant=("permutation",)))
    11
    """
    unknown = sorted(set(invariant) - set(CHANGES))
    if unknown:
        raise ValueError(f"invariant must be among {', '.join(CHANGES)}, got {', '.join(unknown)}")
    facts = _Facts(bounds, perfect, random, tolerance, frozenset(invariant))
    functions: dict[str, Callable[[Any, _Facts], None]] = {
        "number": _number,
        "deterministic": _deterministic,
        "inputs-untouched": _inputs_untouched,
        "bounds": _bounds,
        "declared": _declared,
        "perfect": _perfect,
        "random": _random,
        "monotone": _monotone,
        "invariant": _invariant,
        "wrong-shapes": _wrong_shapes,
        "not-finite": _not_finite,
    }
    return [Check(name, _with(facts, function)) for name, function in functions.items()]


def _with(facts: _Facts, function: Callable[[Any, _Facts], None]) -> Callable[[Any], None]:
    return lambda metric: function(metric, facts)


def _factors(n: int = 3_000) -> NDArray[np.int64]:
    """Draw independent classes (n, 3)."""
    rng = np.random.default_rng(0)
    return np.stack([rng.integers(size, size=n) for size in SIZES], axis=1)


def _codes(factors: NDArray[np.int64], noise: float) -> NDArray[np.float64]:
    """Encode each factor in a dimension with a share of noise; add three dimensions of noise."""
    rng = np.random.default_rng(1)
    codes = rng.normal(size=(len(factors), 6))
    signal = (factors - factors.mean(axis=0)) / factors.std(axis=0)
    codes[:, :3] = np.sqrt(1 - noise) * signal + np.sqrt(noise) * codes[:, :3]
    return codes


def _score(metric: Any, noise: float) -> float:
    factors = _factors()
    return float(metric(_codes(factors, noise), factors))


def _number(metric: Any, facts: _Facts) -> None:
    score = _score(metric, 0.2)
    assert np.isfinite(score), f"the score must be finite, got {score}"


def _deterministic(metric: Any, facts: _Facts) -> None:
    first, again = _score(metric, 0.2), _score(metric, 0.2)
    assert first == again, f"the same arrays score {first} and then {again}"


def _inputs_untouched(metric: Any, facts: _Facts) -> None:
    factors = _factors()
    codes = _codes(factors, 0.2)
    before = codes.copy(), factors.copy()
    metric(codes, factors)
    assert np.array_equal(codes, before[0]), "the metric wrote to the codes"
    assert np.array_equal(factors, before[1]), "the metric wrote to the factors"


def _bounds(metric: Any, facts: _Facts) -> None:
    low, high = facts.bounds
    for noise in (0.0, 0.2, 0.8, 1.0):
        score = _score(metric, noise)
        # Sums of floats may round past a bound.
        assert low - 1e-9 <= score <= high + 1e-9, f"a score must lie in {low, high}, got {score}"


def _perfect(metric: Any, facts: _Facts) -> None:
    if facts.perfect is None:
        raise NotApplicable("no score of perfect codes is known")
    score = _score(metric, 0.0)
    assert abs(score - facts.perfect) <= facts.tolerance, (
        f"codes that are the factors score {score:.4f}, expected {facts.perfect}"
    )


def _random(metric: Any, facts: _Facts) -> None:
    if facts.random is None:
        raise NotApplicable("no score of uninformative codes is known")
    score = _score(metric, 1.0)
    assert abs(score - facts.random) <= facts.tolerance, (
        f"codes that are independent of the factors score {score:.4f}, expected {facts.random}"
    )


def _declared(metric: Any, facts: _Facts) -> None:
    while isinstance(metric, functools.partial):
        metric = metric.func
    better, bounds = getattr(metric, "better", "higher"), getattr(metric, "bounds", None)
    assert better in DIRECTIONS, f"`better` must be one of {DIRECTIONS}, got {better!r}"
    if facts.perfect is not None and facts.random is not None:
        right = "lower" if facts.lower_is_better else "higher"
        assert better == right, (
            f"uninformative codes score {facts.random} and perfect ones {facts.perfect}, and "
            f"`better` is {better!r}; set `metric.better = {right!r}`"
        )
    assert bounds is None or tuple(bounds) == tuple(facts.bounds), (
        f"`bounds` of the metric are {bounds}, and those of `metric_checks` {facts.bounds}"
    )


def _monotone(metric: Any, facts: _Facts) -> None:
    scores = [_score(metric, noise) for noise in (0.0, 0.3, 0.9)]
    ranking = sorted(scores, reverse=not facts.lower_is_better)
    # Scores that saturate may be equal.
    assert scores == ranking, f"scores must get worse with noise of 0, 0.3 and 0.9, got {scores}"


def _invariant(metric: Any, facts: _Facts) -> None:
    factors = _factors()
    codes = _codes(factors, 0.2)
    order = np.array([4, 2, 0, 5, 1, 3])
    variants = {
        "factor-order": (codes, factors[:, [2, 0, 1]]),
        "permutation": (codes[:, order], factors),
        "scale": (codes * np.array([0.1, 3, 1, 10, 0.5, 2]), factors),
        "shift": (codes + np.arange(6.0), factors),
        "sign": (codes * np.array([-1, 1, -1, 1, -1, 1]), factors),
    }
    base = float(metric(codes, factors))
    for name in sorted(facts.invariant):
        score = float(metric(*variants[name]))
        assert abs(score - base) <= facts.tolerance, (
            f"the score changes from {base:.4f} to {score:.4f} under a change of {name}"
        )


def _wrong_shapes(metric: Any, facts: _Facts) -> None:
    factors = _factors()
    codes = _codes(factors, 0.2)
    _expect_error(metric, codes[:-1], factors, "codes and factors of different lengths")
    _expect_error(metric, codes[:, 0], factors, "codes of shape (n,)")


def _not_finite(metric: Any, facts: _Facts) -> None:
    factors = _factors()
    codes = _codes(factors, 0.2)
    codes[3, 1] = np.nan
    _expect_error(metric, codes, factors, "codes with a NaN")


def _expect_error(metric: Any, codes: Any, factors: Any, what: str) -> None:
    try:
        score = metric(codes, factors)
    except ValueError:
        return
    raise AssertionError(f"{what} must raise ValueError, got the score {score}")
