"""Compute many metrics of one set of codes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics.arrays import (
    Array,
    check_choice,
    check_codes,
    check_factors,
    check_positive,
)
from unweave_metrics.bootstrap import bootstrapped, information_replicates, with_interval
from unweave_metrics.catalogue import CATALOGUE, Entry, accepted, find_metric
from unweave_metrics.information import information_table
from unweave_metrics.information_scores import scores_of
from unweave_metrics.presets import preset_names
from unweave_metrics.progress import Progress
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable


def evaluate(
    codes: ArrayLike,
    factors: ArrayLike | None = None,
    *,
    metrics: Sequence[str] | None = None,
    preset: str | None = None,
    std: ArrayLike | None = None,
    images: ArrayLike | None = None,
    reconstructions: ArrayLike | None = None,
    bootstrap: int = 1000,
    level: float = 0.95,
    jobs: int = -1,
    progress: bool | Literal["lines"] = True,
    seed: int = 0,
    **options: Any,
) -> ScoreTable:
    """Compute a table of scores with bootstrap intervals.

    Information scores share one histogram pass. Intervals resample rows; votes, for the sampled
    scores; images, for theirs. Scores that fit models are refitted for about five seconds of one
    core each, by a rule on the sizes of the arrays: as often as `bootstrap` says on small ones, at
    least five times, and not at all where one refit would take more than twenty; a note says so.
    Counts and estimates by neighbours, which repeated rows mislead, get no interval.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k); without them only scores that need none
    metrics : names; those that are usual and possible unless given
    preset : convention by name; without one those of ``"locatello2019"`` on every row
    std : standard deviations of the posteriors, shape (n, d), for `rmig`
    images, reconstructions : arrays (n, h, w, c) for the scores of images
    bootstrap : number of resamples, 0 for no intervals
    level : of the intervals
    jobs : resamples, or factors, computed at a time, -1 for one a core
    progress : draw a bar on standard error, where that is a terminal, from the second second on;
        ``"lines"``: elsewhere write a line there as each metric ends
    seed : decides every draw
    options : settings by name, given to each metric that has one of that name

    Returns
    -------
    ScoreTable. A metric that cannot be computed on these arrays leaves a note instead of a score.

    Raises
    ------
    ValueError: codes or factors that no metric could use, an unknown metric, preset or option.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 3, size=(500, 2))
    >>> codes = factors + rng.normal(size=(500, 2))
    >>> score = evaluate(codes, factors, metrics=["mig"], bootstrap=100)["mig"]
    >>> score.interval[0] < score < score.interval[1]
    True
    """
    others = {"std": std, "images": images, "reconstructions": reconstructions}
    arrays, notes = _arrays(codes, factors, others)
    entries = _wanted(metrics, arrays, notes)
    if preset is not None:
        check_choice(preset, "preset", preset_names())
    if bootstrap:
        check_positive(bootstrap, "bootstrap", 2)
    if not 0 < level < 1:
        raise ValueError(f"level must be between 0 and 1, got {level}")
    _check_options(entries, options)
    settings = {"preset": preset, "seed": seed, "jobs": jobs, **options}
    scores: dict[str, Score] = {}
    shared = [entry for entry in entries if entry.interval == "information"]
    fewer: list[str] = []
    with Progress(len(entries), progress) as shown:
        for entry in entries:
            if entry.name in scores:
                continue
            shown.begin(entry.name)
            try:
                if entry in shared:
                    done = _information(shared, arrays, settings, bootstrap, level, notes)
                else:
                    score = _compute(entry, arrays, settings)
                    if bootstrap:
                        score = bootstrapped(
                            entry, score, arrays, settings, bootstrap, jobs=jobs, level=level
                        )
                        fewer += _fewer(entry, score, bootstrap)
                    done = {entry.name: score}
            except ValueError as error:
                notes.append(f"{entry.name}: {error}")
                shared = [other for other in shared if other is not entry]
                done = {}
            scores |= done
            shown.finish(entry.name)
    if fewer:
        notes.append(f"fewer than {bootstrap} resamples, for time: {', '.join(fewer)}")
    ordered = {entry.name: scores[entry.name] for entry in entries if entry.name in scores}
    return ScoreTable(ordered, notes)


def _fewer(entry: Entry, score: Score, resamples: int) -> list[str]:
    """Return what to say of a score that was refitted less often than asked for."""
    made = score.settings["interval"]["resamples"] if score.interval else 0
    return [f"{entry.name} {made}"] if entry.interval == "refits" and made < resamples else []


def _information(
    entries: list[Entry],
    arrays: dict[str, Array],
    settings: dict[str, Any],
    resamples: int,
    level: float,
    notes: list[str],
) -> dict[str, Score]:
    """Compute all information scores that were asked for from one table of counts."""
    table = information_table(
        arrays["codes"], arrays["factors"], **accepted(information_table, settings)
    )
    scores: dict[str, Score] = {}
    for entry in entries:
        try:
            scores |= scores_of(table, [entry.name])
        except ValueError as error:
            notes.append(f"{entry.name}: {error}")
    if resamples and table.settings["estimator"] == "neighbors":
        notes.append("no interval with estimator='neighbors', which repeated rows mislead")
    elif resamples:
        drawn = information_replicates(
            table, list(scores), resamples, settings["jobs"], settings["seed"]
        )
        scores = {
            name: with_interval(score, drawn[name], level, "rows") for name, score in scores.items()
        }
    return scores


def _arrays(
    codes: ArrayLike,
    factors: ArrayLike | None,
    others: dict[str, ArrayLike | None],
) -> tuple[dict[str, Array], list[str]]:
    """Return the arrays there are, checked, factors without one-valued columns, and notes."""
    found: dict[str, Array] = {"codes": check_codes(codes)}
    notes: list[str] = []
    if factors is not None:
        y = check_factors(factors, len(found["codes"]))
        varying = np.array([bool((column != column[0]).any()) for column in y.T])
        if not varying.all():
            left_out = ", ".join(map(str, np.flatnonzero(~varying)))
            notes.append(f"factors: left out column {left_out}, which takes one value only")
        if varying.any():
            found["factors"] = y[:, varying]
    for name, value in others.items():
        if value is not None:
            found[name] = np.asarray(value)
    return found, notes


def _wanted(
    metrics: Sequence[str] | None, arrays: dict[str, Array], notes: list[str]
) -> list[Entry]:
    """Return the metrics to compute; a note says which of those asked for lack an array."""
    usual = [entry for entry in CATALOGUE.values() if entry.usual]
    asked = usual if metrics is None else [find_metric(name) for name in metrics]
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
    for name in options:
        if not any(accepted(entry.function, {name: None}) for entry in entries):
            raise ValueError(f"none of the metrics has an option {name!r}")


def _compute(entry: Entry, arrays: dict[str, Array], settings: dict[str, Any]) -> Score:
    """Call one metric with what it asks for by name."""
    return entry.function(**entry.arguments(arrays), **accepted(entry.function, settings))
