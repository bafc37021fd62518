"""Several seeds and several models: means, intervals and paired tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._arrays import quoted
from unweave_metrics._options import MUCH, SHARE
from unweave_metrics._seed_values import seeds_of
from unweave_metrics.comparison import Comparison, Summary
from unweave_metrics.scoretable import ScoreTable


@dataclass(frozen=True)
class PairedTest:
    """Mean difference of two methods on the same seeds, its interval, and p value."""

    count: int
    difference: float
    low: float
    high: float
    p: float


def summarize(values: Sequence[float], level: float = 0.95) -> Summary:
    """Summarize one score over seeds: mean, standard deviation, Student's interval of the mean.

    With an infinite score the mean is infinite, without standard deviation and interval.

    Parameters
    ----------
    values
        The score of each seed.
    level
        Level of the interval, which is NaN for a single seed.

    Raises
    ------
    ValueError
        For no value.

    Examples
    --------
    >>> summary = summarize([0.1, 0.2, 0.3])
    >>> round(summary.mean, 3), round(summary.low, 3), round(summary.high, 3)
    (0.2, -0.048, 0.448)
    """
    SHARE(level, "level")
    array = seeds_of(values, "values", infinite=True)
    if array.size == 0:
        raise ValueError("values must hold at least one score, got none")
    with np.errstate(invalid="ignore"):  # infinities of both signs have no mean
        mean = float(array.mean())
    if array.size < 2 or not np.isfinite(mean):
        return Summary(array.size, mean, float("nan"), float("nan"), float("nan"))
    from scipy.stats import t

    std = float(array.std(ddof=1))
    half = float(t.ppf(0.5 + level / 2, array.size - 1) * std / np.sqrt(array.size))
    return Summary(array.size, mean, std, mean - half, mean + half)


def paired_test(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> PairedTest:
    """Test whether two methods differ on the same seeds (paired t test, two-sided).

    Parameters
    ----------
    first, second
        A score of both methods for the same seeds, at least two.
    level
        Level of the interval of the mean difference second - first.

    Raises
    ------
    ValueError
        For different numbers of seeds, or fewer than two.

    References
    ----------
    Student, "The probable error of a mean", 1908.

    Examples
    --------
    >>> round(paired_test([0.1, 0.2, 0.3], [0.3, 0.41, 0.5]).p, 4)
    0.0003
    """
    before, after = seeds_of(first, "first"), seeds_of(second, "second")
    if len(before) != len(after) or len(before) < 2:
        raise ValueError(
            "first and second must hold the same number of seeds, at least two, got "
            f"{len(before)} and {len(after)}"
        )
    from scipy.stats import t

    gaps = after - before
    summary = summarize(gaps.tolist(), level)
    error = summary.std / np.sqrt(summary.count)
    if error == 0:
        p = 1.0 if summary.mean == 0 else 0.0
    else:
        p = float(2 * t.sf(abs(summary.mean) / error, summary.count - 1))
    return PairedTest(summary.count, summary.mean, summary.low, summary.high, p)


def tables_of(tables: Any, name: str) -> list[ScoreTable]:
    """Return the tables of several seeds; one alone is a list of one."""
    runs = [tables] if isinstance(tables, ScoreTable) else tables
    if not isinstance(runs, Sequence) or not all(isinstance(each, ScoreTable) for each in runs):
        raise TypeError(f"{name} must be a list of tables that evaluate gave, got {quoted(tables)}")
    if not runs:
        raise ValueError(f"{name} must hold at least one table, got none")
    return list(runs)


def compare(models: Mapping[str, ScoreTable | Sequence[ScoreTable]]) -> Comparison:
    """Compare models: prints one row per metric, one column per model, and mean ranks.

    A cell has the mean ± standard deviation over the model's seeds, and the interval of the mean.
    The ranks (`Comparison.ranks`; 1 is best in the direction of the metric) are those of the means.

    For two models with the same number of seeds (at least two), a column has the p value of a
    paired test, if all scores are finite. A model with an infinite score has an infinite mean.

    Parameters
    ----------
    models
        Name -> tables of its seeds, or the table of its only seed.

    Raises
    ------
    ValueError
        For no model, a model without seeds, a finite score beyond 1e100.
    TypeError
        For anything but tables.

    Examples
    --------
    >>> from unweave_metrics.score import Score
    >>> a, b = ScoreTable({"mig": Score(0.25)}), ScoreTable({"mig": Score(0.5)})
    >>> print(compare({"vae": [a], "tcwae": [b]}))
    metric        vae   tcwae
    mig        0.2500  0.5000
    mean rank    2.00    1.00
    """
    by_name = _by_name(models)
    _check_sizes(by_name)
    runs = list(by_name.values())
    metrics = list(dict.fromkeys(n for seeds in runs for table in seeds for n in table))
    paired = len(runs) == 2 and len(runs[0]) == len(runs[1]) > 1
    summaries, p = {}, {}
    for name in metrics:
        by_model = [[float(table[name]) for table in seeds if name in table] for seeds in runs]
        summaries[name] = tuple(summarize(values) if values else None for values in by_model)
        if paired and len(by_model[0]) == len(by_model[1]) > 1 and not np.isinf(by_model).any():
            p[name] = paired_test(by_model[0], by_model[1]).p
    return Comparison(tuple(by_name), summaries, p)


def _check_sizes(models: Mapping[str, Sequence[ScoreTable]]) -> None:
    """Refuse finite scores whose squares would not fit."""
    for model, tables in models.items():
        for place, table in enumerate(tables):
            for name, score in table.items():
                if MUCH < abs(score) < np.inf:
                    raise ValueError(
                        f"models[{model!r:.40}] must hold scores of at most 1e100 in size, got "
                        f"{float(score):g} as {quoted(name)} of table {place}; leave it out"
                    )


def _by_name(models: Any) -> dict[str, list[ScoreTable]]:
    """Return the tables of each model."""
    if not isinstance(models, Mapping) or isinstance(models, ScoreTable):
        raise TypeError(
            f"models must map the name of each model to its tables, got {quoted(models)}"
        )
    if not models:
        raise ValueError("models must name at least one model, got none")
    return {
        str(name): tables_of(tables, f"models[{name!r:.40}]") for name, tables in models.items()
    }
