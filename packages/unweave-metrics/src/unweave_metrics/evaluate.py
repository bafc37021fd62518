"""Compute many metrics of one set of codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import import_module
from typing import Any, Literal

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_choice
from unweave_metrics._column_names import as_numbers
from unweave_metrics._display import in_words
from unweave_metrics._evaluation_inputs import (
    arrays_of,
    check_metric_options,
    metrics_of,
    names_that_vary,
)
from unweave_metrics._kinds import Declared
from unweave_metrics._options import check_options
from unweave_metrics._parallel import in_parallel
from unweave_metrics._progress import Progress
from unweave_metrics._score_rows import Row, Table, rows_of, with_wholes
from unweave_metrics._shared import sharing
from unweave_metrics._signatures import accepted
from unweave_metrics._subsets import Subsets, check_subsets
from unweave_metrics.intervals.replication import ROWS_BY_NAME, call_metric, with_intervals
from unweave_metrics.intervals.strategy import Call
from unweave_metrics.presets import preset_names
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable

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
    numbers, names = as_numbers({"codes": codes, "factors": factors, "std": std, **rows_by_name})
    options |= {name: numbers[name] for name in rows_by_name}
    others = {"std": numbers["std"], "images": images, "reconstructions": reconstructions}
    arrays, kinds, notes = arrays_of(numbers["codes"], numbers["factors"], others, factor_kinds)
    if "factor_names" in names and "factors" in arrays:
        names["factor_names"] = names_that_vary(names["factor_names"], numbers["factors"])
    entries = metrics_of(metrics, arrays, notes)
    check_metric_options(entries, options)
    columns = check_subsets(subsets, arrays["codes"].shape[1])
    settings = {"preset": preset, "seed": seed, "jobs": jobs, "factor_kinds": kinds, **options}
    with sharing():
        tables = [Table("", arrays, settings, names)]
        tables += [tables[0].part(name, subset) for name, subset in columns.items()]
        rows = rows_of(entries, tables)
        with Progress(len(rows) + 1, progress) as display:
            outcomes = _call_all(rows, display, jobs)
            display.begin("intervals")
            calls = [call for call in outcomes if isinstance(call, Call)]
            counts = [call.strategy.count(call, bootstrap) if bootstrap else 0 for call in calls]
            scores = iter(with_intervals(calls, counts, level, seed, jobs))
            display.finish("intervals")
    notes += _on_counts(calls, counts, bootstrap)
    by_row = {
        row.name: row.table.named(next(scores) if isinstance(call, Call) else call)
        for row, call in zip(rows, outcomes, strict=True)
    }
    notes += [note for score in by_row.values() for note in score.notes]
    return ScoreTable(with_wholes(by_row, entries, tables), notes)


def _call_all(rows: list[Row], display: Progress, jobs: int) -> list[Call | Score]:
    """Call metrics on threads, the slowest first; then, one by one, those that need one thread."""
    parallel = [i for i, row in enumerate(rows) if row.entry.threads]
    serial = [i for i, row in enumerate(rows) if not row.entry.threads]

    def call(i: int) -> Call | Score:
        return _call(rows[i], display)

    if jobs != 1 and len(parallel) > 1:
        import_module("scipy.optimize")  # imports on several threads may see an incomplete module
    slowness = [rows[i].entry.interval.slowness for i in parallel]
    outcomes = in_parallel(lambda t: call(parallel[t]), len(parallel), jobs, slowness)
    outcomes += [call(i) for i in serial]
    by_place = dict(zip(parallel + serial, outcomes, strict=True))
    return [by_place[i] for i in range(len(rows))]


def _call(row: Row, display: Progress) -> Call | Score:
    """Call a metric with its arrays and settings; if it raises, return NaN with the reason."""
    (entry, table), name = row, row.name
    display.begin(name)
    try:
        settings = accepted(entry.function, table.settings)
        call = call_metric(entry, entry.arguments(table.arrays), settings)
        return replace(call, score=call.score.renamed(name)) if table.subset else call
    except Exception as error:  # the metric of a user may raise anything
        plain = isinstance(error, ValueError | TypeError)
        reason = str(error) if plain else f"{type(error).__name__}: {error}"
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
        notes.append(
            f"no interval for {in_words(without)}, because it would take too long; compute it with "
            "unweave_metrics.bootstrap"
        )
    for reason in dict.fromkeys(whole.values() if resamples else ()):
        names = [name for name, why in whole.items() if why == reason]
        notes.append(f"no interval for {in_words(names)}, because {reason}")
    if few:
        notes.append(f"few resamples, because more would take too long: {', '.join(few)}")
    return notes
