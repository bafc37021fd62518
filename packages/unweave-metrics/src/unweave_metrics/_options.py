"""Check options of metrics: one rule per name, the same for all metrics with that option."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np

from unweave_metrics._arrays import quoted

Rule = Callable[[Any, str], Any]

# A larger count is a mistake: a billion votes take hours.
MOST = 1_000_000_000

# numpy's legacy generators, which some reference implementations use, accept seeds of 32 bits.
MOST_SEED = 2**32 - 1


def _is_number(value: Any, kind: type) -> bool:
    """Return whether a value is a number of a kind; booleans are not."""
    return isinstance(value, kind) and not isinstance(value, bool | np.bool_)


def _as_float(value: Any) -> float:
    """Return a number as a float; a number too large for a float becomes infinite."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def whole(minimum: int, maximum: int = MOST) -> Rule:
    """Return the rule of a whole number from `minimum` to `maximum`."""

    def check(value: Any, name: str) -> int:
        if not _is_number(value, Integral):
            raise TypeError(f"{name} must be a whole number, got {quoted(value)}")
        if not minimum <= int(value) <= maximum:
            raise ValueError(
                f"{name} must be at least {minimum}, got {quoted(value)}"
                if value < minimum
                else f"{name} must be at most {maximum}, got {quoted(value)}"
            )
        return int(value)

    return check


def real(low: float, high: float, words: str, *, infinite: bool = False) -> Rule:
    """Return the rule of a number from `low` to `high`, or, if `infinite`, infinity."""

    def check(value: Any, name: str) -> float:
        if not _is_number(value, Real):
            raise TypeError(f"{name} must be a number, got {quoted(value)}")
        number = _as_float(value)  # a comparison in single precision would overflow
        if not (low <= number <= high or (infinite and number == math.inf)):
            raise ValueError(f"{name} must be {words}, got {quoted(value)}")
        return number

    return check


def flag(value: Any, name: str) -> bool:
    """Return a boolean; refuse text and numbers."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {quoted(value)}")
    return bool(value)


def jobs(value: Any, name: str) -> int:
    """Return a number of jobs: -1 for one per core, or at least 1."""
    count: int = whole(-1)(value, name)
    if count == 0:
        raise ValueError(f"{name} must be at least 1, or -1 for one per core, got 0")
    return count


def resamples_or_none(value: Any, name: str) -> int:
    """Return a number of resamples: 0 for no intervals, or at least 2."""
    count: int = whole(-MOST)(value, name)
    if count < 0 or count == 1:
        raise ValueError(f"{name} must be at least 2, or 0 for no intervals, got {count}")
    return count


def several(rule: Rule) -> Rule:
    """Return the rule of a sequence of at least one number."""

    def check(value: Any, name: str) -> tuple[Any, ...]:
        if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str | bytes):
            raise TypeError(f"{name} must be a sequence of numbers, got {quoted(value)}")
        if len(value) == 0:
            raise ValueError(f"{name} must hold at least one number, got none")
        return tuple(rule(entry, name) for entry in value)

    return check


LITTLE, MUCH = 1e-100, 1e100
POSITIVE = real(LITTLE, MUCH, "a positive number, 1e-100 to 1e100")
NOT_NEGATIVE = real(0.0, MUCH, "at least 0 and at most 1e100")
FINITE = real(-MUCH, MUCH, "a number of magnitude at most 1e100")
SHARE = real(math.nextafter(0, 1), math.nextafter(1, 0), "between 0 and 1")

# All triplets of rows are in memory at once, about 150 bytes each.
MOST_TRIPLETS = 10_000_000

RULES: dict[str, Rule] = {
    "C": real(LITTLE, MUCH, "a positive number, 1e-100 to 1e100", infinite=True),
    "active_fraction": real(0.0, math.nextafter(1, 0), "at least 0 and below 1"),
    "alpha": POSITIVE,
    "balanced": flag,
    "batch_size": whole(1),
    "bin_factors": flag,
    "bins": whole(1, 65_535),
    "bootstrap": resamples_or_none,
    "complement": flag,
    "discrete_codes": flag,
    "eval_points": whole(1),
    "eval_votes": whole(1),
    "filter_low_kl": flag,
    "high": FINITE,
    "jobs": jobs,
    "kl_threshold": NOT_NEGATIVE,
    "level": SHARE,
    "low": FINITE,
    "max_iter": whole(1),
    "neighbors": whole(1),
    "normalize": flag,
    "overlap_weight": real(0.0, 1.0, "at least 0 and at most 1"),
    "paired": flag,
    "prune_std": NOT_NEGATIVE,
    "quantile": real(math.nextafter(0, 1), 1.0, "above 0 and at most 1"),
    "resamples": whole(2),
    "rescale": flag,
    "samples": whole(2),
    "scales": several(POSITIVE),
    "self_pairs": flag,
    "seed": whole(0, MOST_SEED),
    "subset_size": whole(2),
    "subsets": whole(1),
    "test_fraction": SHARE,
    "test_samples": whole(1),
    "threshold": NOT_NEGATIVE,
    "tolerance": real(0.0, 0.1, "at least 0 and at most 0.1"),
    "train_points": whole(1),
    "train_samples": whole(2),
    "train_votes": whole(1),
    "trees": whole(1),
    "triplets": whole(2, MOST_TRIPLETS),
    "unbiased": flag,
    "variance_samples": whole(2),
}


def check_options(
    options: Mapping[str, Any], optional: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Return options as plain numbers and booleans; options without a rule stay as they are.

    Parameters
    ----------
    options
        Values by name.
    optional
        Names that may be None.

    Raises
    ------
    ValueError, TypeError
        For an option that its rule refuses.

    Examples
    --------
    >>> check_options({"bins": np.int64(3), "preset": None})
    {'bins': 3, 'preset': None}
    """
    return {
        name: RULES[name](value, name)
        if name in RULES and not (value is None and name in optional)
        else value
        for name, value in options.items()
    }
