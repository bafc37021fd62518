"""Compute many metrics of one set of codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Literal, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import (
    Array,
    as_array,
    check_choice,
    check_codes,
    check_factors,
    check_order,
    quoted,
)
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics._named import COLUMNS_OF, Names, as_numbers, named
from unweave_metrics._options import check_options
from unweave_metrics._parallel import in_parallel
from unweave_metrics._progress import Progress
from unweave_metrics._shared import part_of, sharing
from unweave_metrics._signatures import accepted
from unweave_metrics._subsets import Columns, Subsets, check_subsets
from unweave_metrics.catalogue import CATALOGUE, Entry, entry_for, listed
from unweave_metrics.intervals.replication import ROWS_BY_NAME, made_call, replicated
from unweave_metrics.intervals.strategy import Call
from unweave_metrics.presets import preset_names
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable

# Arrays whose columns are codes.
OF_CODES = tuple(name for name, of in COLUMNS_OF.items() if of == "code_names")

# Fewer resamples than this are noted.
FEW = 60


def evaluate(
    codes: ArrayLike,
    factors: ArrayLike | None = None,
    *,
    metrics: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] | None = None,
    preset: str | None = None,
    std: ArrayLike | None = None,
    images: ArrayLike | None = None,
    reconstructions: ArrayLike | None = None,
    bootstrap: int = 1000,
    level: float = 0.95,
    jobs: int = -1,
    progress: bool | Literal["lines"] = True,
    factor_kinds: Declared = None,
    subsets: Subsets | None = None,
    seed: int = 0,
    **options: Any,
) -> ScoreTable:
    """Compute a table of scores with bootstrap intervals.

    Intervals resample rows, for scores of votes also the votes, and for scores of images the
    images. ``score.settings["interval"]["covers"]`` says what an interval is for: the score of the
    whole population, or, for scores that learn from the rows and change with their number, the mean
    score of tables of this many rows. The number of resamples follows from the sizes of the arrays,
    so that no interval takes more than a few seconds. Notes say if there are few, and if the
    estimated bias of a score exceeds half its interval.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k)
        Without them, only scores that need none are computed.
    metrics
        A name, a function, or a list of these. Positional arguments of your own functions must have
        the names of the arrays here. By default the usual metrics that these arrays allow.
    preset
        Name of a preset; by default the conventions of ``"locatello2019"``, on all rows.
    std
        Standard deviations of the posteriors, shape (n, d), for `rmig`.
    images, reconstructions : arrays, shape (n, h, w, c)
        For scores of images.
    bootstrap
        Largest number of resamples; 0: no intervals.
    level
        Level of the intervals.
    jobs
        Number of threads for metrics, factors and resamples; -1: one per core. It does not change
        the scores.
    progress
        Draw a progress bar on standard error if this is a terminal and two seconds have passed.
        ``"lines"``: if it is not a terminal, write a line as each metric ends.
    factor_kinds
        ``"class"`` or ``"measurement"``, for all factors or as a list; by default decided by their
        values, see `mig`.
    subsets
        Columns of the codes to score separately as well, by name: column numbers, or a truth value
        for each code. ``subsets={"active": [0, 2]}`` adds a row ``"mig/active"`` after ``"mig"``,
        and so on, with the scores of these columns alone. Common work is done once.
    seed
        Seed of every draw.
    options
        Settings by name, passed to each metric that has them.

    Returns
    -------
    ScoreTable. A metric that cannot be computed on these arrays, or raises an error, is NaN, and a
    note says why.

    Raises
    ------
    ValueError
        For codes or factors that no metric can use, an unknown metric, preset or option.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 3, size=(500, 2))
    >>> codes = factors + rng.normal(size=(500, 2))
    >>> score = evaluate(codes, factors, metrics=["mig"], bootstrap=100)["mig"]
    >>> score.interval[0] < score < score.interval[1]
    True
    >>> list(evaluate(codes, factors, metrics="mig", bootstrap=0, subsets={"all": [0, 1]}))
    ['mig', 'mig/all']
    """
    if preset is not None:
        check_choice(preset, "preset", preset_names())
    check_options({"bootstrap": bootstrap, "level": level, "jobs": jobs, "seed": seed})
    rows_by_name = {name: options[name] for name in ROWS_BY_NAME if name in options}
    given, names = as_numbers({"codes": codes, "factors": factors, "std": std, **rows_by_name})
    options |= {name: given[name] for name in rows_by_name}
    others = {"std": given["std"], "images": images, "reconstructions": reconstructions}
    arrays, kinds, notes = _arrays(given["codes"], given["factors"], others, factor_kinds)
    if "factor_names" in names and "factors" in arrays:
        names["factor_names"] = _names_that_vary(names["factor_names"], given["factors"])
    entries = _wanted(metrics, arrays, notes)
    _check_options(entries, options)
    columns = check_subsets(subsets, arrays["codes"].shape[1])
    settings = {"preset": preset, "seed": seed, "jobs": jobs, "factor_kinds": kinds, **options}
    with sharing():
        tables = [_Table("", arrays, settings, names)]
        tables += [tables[0].part(name, chosen) for name, chosen in columns.items()]
        rows = _rows(entries, tables)
        with Progress(len(rows) + 1, progress) as display:
            called = _all_called(rows, display, jobs)
            display.begin("intervals")
            calls = [call for call in called if isinstance(call, Call)]
            counts = [call.strategy.count(call, bootstrap) if bootstrap else 0 for call in calls]
            scores = iter(replicated(calls, counts, level, seed, jobs))
            display.finish("intervals")
    notes += _on_counts(calls, counts, bootstrap)
    found = {
        row.name: row.table.named(next(scores) if isinstance(call, Call) else call)
        for row, call in zip(rows, called, strict=True)
    }
    notes += [note for score in found.values() for note in score.notes]
    return ScoreTable(_with_wholes(found, entries, tables), notes)


@dataclass(frozen=True)
class _Table:
    """Arrays by name, settings, and names of columns, of all codes or of a subset of them.

    `whole` tells that a subset has every column in order: its scores are those of all codes.
    """

    subset: str
    arrays: dict[str, Array]
    settings: dict[str, Any]
    names: Names
    whole: bool = False

    def part(self, subset: str, columns: Columns) -> _Table:
        """Return the table with these columns of the codes alone."""
        d = self.arrays["codes"].shape[1]
        whole = len(columns) == d and bool((columns == np.arange(d)).all())

        def taken(by_name: dict[str, Any]) -> dict[str, Any]:
            return {
                name: part_of(value, columns) if name in OF_CODES and value is not None else value
                for name, value in by_name.items()
            }

        names = dict(self.names)
        if "code_names" in names:
            names["code_names"] = tuple(names["code_names"][i] for i in columns)
        return _Table(subset, taken(self.arrays), taken(self.settings), names, whole)

    def named(self, score: Score) -> Score:
        """Return a score with the names of columns."""
        return cast(Score, named(score, self.names))

    def row(self, metric: str) -> str:
        """Return what the row of a metric is called."""
        return f"{metric}/{self.subset}" if self.subset else metric


class _Row(NamedTuple):
    """A metric on a table."""

    entry: Entry
    table: _Table

    @property
    def name(self) -> str:
        """Return what the row is called."""
        return self.table.row(self.entry.name)


def _rows(entries: list[Entry], tables: list[_Table]) -> list[_Row]:
    """Return what is computed: each metric on all codes, then on subsets, if it is of codes."""
    return [
        _Row(entry, table)
        for entry in entries
        for table in tables
        if not table.subset or ("codes" in entry.needs and not table.whole)
    ]


def _with_wholes(
    found: dict[str, Score], entries: list[Entry], tables: list[_Table]
) -> dict[str, Score]:
    """Return scores in order, with those of subsets that have every column."""
    scores = dict(found)
    for entry in entries:
        for table in tables:
            if table.whole and "codes" in entry.needs:
                scores[table.row(entry.name)] = found[entry.name].renamed(table.row(entry.name))
    order = [table.row(entry.name) for entry in entries for table in tables]
    return {name: scores[name] for name in order if name in scores}


def _all_called(rows: list[_Row], display: Progress, jobs: int) -> list[Call | Score]:
    """Call metrics side by side, the slowest first; then, one by one, those that cannot be."""
    threaded = [i for i, row in enumerate(rows) if row.entry.threads]
    alone = [i for i, row in enumerate(rows) if not row.entry.threads]

    def call(i: int) -> Call | Score:
        return _called(rows[i], display)

    if jobs != 1 and len(threaded) > 1:
        import_module("scipy.optimize")  # on several threads at once imports may see half a module
    slowness = [rows[i].entry.interval.slowness for i in threaded]
    found = in_parallel(lambda t: call(threaded[t]), len(threaded), jobs, slowness)
    found += [call(i) for i in alone]
    by_place = dict(zip(threaded + alone, found, strict=True))
    return [by_place[i] for i in range(len(rows))]


def _called(row: _Row, display: Progress) -> Call | Score:
    """Call one metric with what it asks for by name; NaN with the reason where it raises."""
    (entry, table), name = row, row.name
    display.begin(name)
    try:
        settings = accepted(entry.function, table.settings)
        call = made_call(entry, entry.arguments(table.arrays), settings)
        return replace(call, score=call.score.renamed(name)) if table.subset else call
    except Exception as error:  # a stranger's metric may raise anything
        known = isinstance(error, ValueError | TypeError)
        reason = str(error) if known else f"{type(error).__name__}: {error}"
        return Score(float("nan"), name=name, notes=[f"{name}: {reason}"])
    finally:
        display.finish(name)


def _on_counts(calls: list[Call], counts: list[int], resamples: int) -> list[str]:
    """Return notes on scores with few or no resamples, which would take too long."""
    pairs = [(call.score.name, count) for call, count in zip(calls, counts, strict=True)]
    whole = {call.score.name: call.strategy.without for call in calls if call.strategy.without}
    without = [name for name, count in pairs if count == 0 < resamples and name not in whole]
    few = [f"{name} {count}" for name, count in pairs if 0 < count < min(resamples, FEW)]
    notes = []
    if without:
        made = "unweave_metrics.bootstrap computes it"
        notes.append(f"no interval, because of time: {', '.join(without)}; {made}")
    for reason in dict.fromkeys(whole.values() if resamples else ()):
        names = [name for name, why in whole.items() if why == reason]
        notes.append(f"no interval, as {reason}: {', '.join(names)}")
    if few:
        notes.append(f"few resamples, because of time: {', '.join(few)}")
    return notes


def _arrays(
    codes: ArrayLike,
    factors: ArrayLike | None,
    others: dict[str, ArrayLike | None],
    declared: Declared,
) -> tuple[dict[str, Array], tuple[str, ...], list[str]]:
    """Return the arrays there are, checked, kinds of factors, and notes.

    Constant factors are left out. Kinds are decided here, on all rows, for every metric.
    """
    found: dict[str, Array] = {"codes": check_codes(codes)}
    notes: list[str] = []
    words: tuple[str, ...] = ()
    if factors is not None:
        y = check_factors(factors, len(found["codes"]))
        check_order(found["codes"], y)
        kinds = kinds_of(y, declared)
        notes += kinds.notes
        varying = np.array([bool((column != column[0]).any()) for column in y.T])
        if not varying.all():
            left_out = ", ".join(map(str, np.flatnonzero(~varying)))
            notes.append(f"factors: left out column {left_out}, which is constant")
        if varying.any():
            found["factors"] = y[:, varying]
            words = tuple(word for word, kept in zip(kinds.words, varying, strict=True) if kept)
    for name, value in others.items():
        if value is not None:
            found[name] = as_array(value, name)
    return found, words, notes


def _names_that_vary(names: tuple[str, ...], factors: Array) -> tuple[str, ...]:
    """Return the names of the factors that take more than one value."""
    pairs = zip(names, np.asarray(factors).T, strict=True)
    return tuple(name for name, column in pairs if (column != column[0]).any())


def _wanted(
    metrics: str | Callable[..., Any] | Sequence[str | Callable[..., Any]] | None,
    arrays: dict[str, Array],
    notes: list[str],
) -> list[Entry]:
    """Return the metrics to compute; a note says which of those asked for lack an array."""
    usual = [entry for entry in CATALOGUE.values() if entry.usual]
    asked = usual if metrics is None else [entry_for(metric) for metric in listed(metrics)]
    possible = [entry for entry in asked if set(entry.needs) <= set(arrays)]
    lacking = [entry for entry in asked if entry not in possible]
    without_factors = [
        entry.name for entry in lacking if "factors" not in arrays and "factors" in entry.needs
    ]
    if without_factors:
        notes.append(f"no factors: left out {', '.join(without_factors)}")
    if metrics is not None:
        for entry in lacking:
            if entry.name not in without_factors:
                notes.append(f"{entry.name}: needs {' and '.join(entry.needs)}")
    return possible


def _check_options(entries: list[Entry], options: dict[str, Any]) -> None:
    """Refuse an option that none of the metrics has."""
    check_options(options, frozenset(options))
    for name in options:
        if not any(accepted(entry.function, {name: None}) for entry in entries):
            raise ValueError(f"none of the metrics has an option {quoted(name)}")
