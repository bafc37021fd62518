"""Check the arguments of `evaluate`: arrays, kinds of factors, metrics and options."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import (
    Array,
    as_array,
    check_codes,
    check_factors,
    check_order,
    quoted,
)
from unweave_metrics._display import in_words
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics._options import check_options
from unweave_metrics._signatures import accepted
from unweave_metrics.catalogue import CATALOGUE, Entry, entry_for, listed


def arrays_of(
    codes: ArrayLike,
    factors: ArrayLike | None,
    others: dict[str, ArrayLike | None],
    declared: Declared,
) -> tuple[dict[str, Array], tuple[str, ...], list[str]]:
    """Check the arrays; return them by name, the kinds of the factors, and notes.

    Constant factors are left out. The kinds are decided here on all rows, once for all metrics.
    """
    arrays: dict[str, Array] = {"codes": check_codes(codes)}
    notes: list[str] = []
    words: tuple[str, ...] = ()
    if factors is not None:
        y = check_factors(factors, len(arrays["codes"]))
        check_order(arrays["codes"], y)
        kinds = kinds_of(y, declared)
        notes += kinds.notes
        varying = np.array([bool((column != column[0]).any()) for column in y.T])
        if not varying.all():
            constant = np.flatnonzero(~varying)
            one = len(constant) == 1
            notes.append(
                f"factors: left out column{'' if one else 's'} {in_words(list(map(str, constant)))}"
                f", which {'is' if one else 'are'} constant"
            )
        if varying.any():
            arrays["factors"] = y[:, varying]
            words = tuple(word for word, varies in zip(kinds.words, varying, strict=True) if varies)
    for name, value in others.items():
        if value is not None:
            arrays[name] = as_array(value, name)
    return arrays, words, notes


def names_that_vary(names: tuple[str, ...], factors: Array) -> tuple[str, ...]:
    """Return the names of the factors that take more than one value."""
    pairs = zip(names, np.asarray(factors).T, strict=True)
    return tuple(name for name, column in pairs if (column != column[0]).any())


def metrics_of(
    metrics: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] | None,
    arrays: dict[str, Array],
    notes: list[str],
) -> list[Entry]:
    """Return the metrics to compute; add notes on those that need an array that is missing."""
    usual = [entry for entry in CATALOGUE.values() if entry.usual]
    entries = usual if metrics is None else [entry_for(metric) for metric in listed(metrics)]
    possible = [entry for entry in entries if set(entry.needs) <= set(arrays)]
    lacking = [entry for entry in entries if entry not in possible]
    without_factors = [
        entry.name for entry in lacking if "factors" not in arrays and "factors" in entry.needs
    ]
    if without_factors:
        notes.append(f"left out {in_words(without_factors)}, because there are no factors")
    if metrics is not None:
        for entry in lacking:
            if entry.name not in without_factors:
                notes.append(f"left out {entry.name}, because it needs {in_words(entry.needs)}")
    return possible


def check_metric_options(entries: list[Entry], options: dict[str, Any]) -> None:
    """Refuse an option that none of the metrics has."""
    check_options(options, frozenset(options))
    for name in options:
        if not any(accepted(entry.function, {name: None}) for entry in entries):
            raise ValueError(
                f"none of the metrics has an option {quoted(name)}; correct the name or drop it"
            )
