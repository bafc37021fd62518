"""Decide which factors are classes and which are measurements, once and before rows are split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unweave_metrics._arrays import Array, check_choice, quoted
from unweave_metrics._shared import shared

KINDS = ("class", "measurement")

# The argument `factor_kinds`: one word for all factors, one word per factor, or None.
Declared = str | Sequence[str] | None

# Without `factor_kinds`, a float factor with fractions is a measurement if it has more different
# values than this, or if nearly every row has a different value: a short table never has many.
MOST_FLOAT_CLASSES = 100
NEARLY_EVERY = 0.9

# A factor gets a note if its number of classes exceeds this share of the rows: most rows are then
# the only ones of their class.
MANY_CLASSES = 0.5


@dataclass(frozen=True)
class FactorKinds:
    """The kind of each factor (k,), and notes on doubtful decisions."""

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
        All rows, including test rows, shape (n, k).
    declared
        The argument `factor_kinds` of the caller; it overrides the decision.

    Raises
    ------
    ValueError
        For a word that is not a kind, or a list without one word per factor.

    Examples
    --------
    >>> kinds_of(np.column_stack([np.arange(20) % 4, np.linspace(0, 1, 20)])).words
    ('class', 'measurement')
    >>> kinds_of(np.arange(20)[:, None], "measurement").words
    ('measurement',)
    """
    if declared is not None:
        return FactorKinds(_declared(factors.shape[1], declared))
    decisions = [_decide(column) for column in factors.T]
    measured = tuple(kind for kind, _ in decisions)
    notes = tuple(
        f"factors: column {k} has {count:,} classes in {len(factors):,} rows; if it is a "
        "measurement, set factor_kinds='measurement'"
        for k, (kind, count) in enumerate(decisions)
        if not kind and count > max(2, MANY_CLASSES * len(factors))
    )
    return FactorKinds(measured, notes)


def _declared(k: int, declared: str | Sequence[str]) -> tuple[bool, ...]:
    """Return whether each of the k factors is declared a measurement."""
    if not isinstance(declared, str | Sequence):
        raise TypeError(
            f"factor_kinds must be 'class' or 'measurement', or a list of these words, got "
            f"{quoted(declared)}"
        )
    words = [declared] * k if isinstance(declared, str) else list(declared)
    if len(words) != k:
        raise ValueError(f"factor_kinds must have one word per factor ({k}), got {quoted(words)}")
    for word in words:
        check_choice(word, "factor_kinds", KINDS)
    return tuple(word == "measurement" for word in words)


def _decide(column: Array) -> tuple[bool, int]:
    """Return whether one factor is a measurement, and its number of different values."""
    count = len(np.unique(column))
    if column.dtype.kind != "f" or np.array_equal(column, np.floor(column)):
        return False, count
    return count > min(MOST_FLOAT_CLASSES, NEARLY_EVERY * len(column)), count
