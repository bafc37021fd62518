"""Which factors are classes and which are measurements: decided once, before rows are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unweave_metrics._arrays import Array, check_choice, quoted
from unweave_metrics._shared import shared

KINDS = ("class", "measurement")

# What a caller may say: one word for all factors, a word for each, or nothing.
Declared = str | Sequence[str] | None

# Undeclared floats that are not all whole are measurements if they have more different values than
# this, or if nearly every row has a value of its own: a table of few rows holds few values of
# anything.
MOST_FLOAT_CLASSES = 100
NEARLY_EVERY = 0.9

# A factor with more classes than this share of the rows is noted: most rows are alone in theirs.
MANY_CLASSES = 0.5


@dataclass(frozen=True)
class FactorKinds:
    """The kind of each factor (k,), and what a reader should know about that decision."""

    measured: tuple[bool, ...]
    notes: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """Return ``"class"`` or ``"measurement"`` for each factor."""
        return tuple(KINDS[int(value)] for value in self.measured)


@shared
def kinds_of(factors: Array, declared: Declared = None) -> FactorKinds:
    """Decide for each factor (n, k) whether it holds classes or measurements.

    Parameters
    ----------
    factors
        All rows that there are, test rows too, shape (n, k).
    declared
        The caller's own words, which win.

    Raises
    ------
    ValueError
        For a word that is neither kind, or not one word for each factor.

    Examples
    --------
    >>> kinds_of(np.column_stack([np.arange(20) % 4, np.linspace(0, 1, 20)])).words
    ('class', 'measurement')
    >>> kinds_of(np.arange(20)[:, None], "measurement").words
    ('measurement',)
    """
    if declared is not None:
        return FactorKinds(_declared(factors.shape[1], declared))
    decided = [_decide(column) for column in factors.T]
    measured = tuple(kind for kind, _ in decided)
    crowded = [
        f"factors: column {k} has {count:,} classes in {len(factors):,} rows; if it is a "
        "measurement, set factor_kinds='measurement'"
        for k, (kind, count) in enumerate(decided)
        if not kind and count > max(2, MANY_CLASSES * len(factors))
    ]
    return FactorKinds(measured, tuple(crowded))


def _declared(k: int, declared: str | Sequence[str]) -> tuple[bool, ...]:
    """Return the caller's words as flags, one for each of the k factors."""
    if not isinstance(declared, str | Sequence):
        raise TypeError(
            f"factor_kinds must be one of {', '.join(KINDS)}, or a list of them, got "
            f"{quoted(declared)}"
        )
    words = [declared] * k if isinstance(declared, str) else list(declared)
    if len(words) != k:
        raise ValueError(
            f"factor_kinds must have one word for each of the {k} factors, got {quoted(words)}"
        )
    for word in words:
        check_choice(word, "factor_kinds", KINDS)
    return tuple(word == "measurement" for word in words)


def _decide(column: Array) -> tuple[bool, int]:
    """Return whether one factor is a measurement, and its number of different values."""
    count = len(np.unique(column))
    if column.dtype.kind != "f" or np.array_equal(column, np.floor(column)):
        return False, count
    return count > min(MOST_FLOAT_CLASSES, NEARLY_EVERY * len(column)), count
