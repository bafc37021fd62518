"""Agreement of metrics on the order of runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._arrays import quoted
from unweave_metrics._counting import Floats
from unweave_metrics._display import pandas, table_html, table_rich
from unweave_metrics._seed_values import seeds_of
from unweave_metrics.catalogue import best_end, listed
from unweave_metrics.scoretable import ScoreTable, aligned, markdown
from unweave_metrics.seeds import tables_of

# Ranks of two runs agree or do not; of fewer than three there is no correlation to speak of.
FEWEST = 3


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rank correlation (m, m) of m metrics over runs, and of how many runs (m, m)."""

    metrics: tuple[str, ...]
    matrix: Floats
    counts: Floats

    def rows(self) -> list[list[str]]:
        """Return the table as text cells, heading first."""
        body = [
            [name, *("" if np.isnan(value) else f"{value:.2f}" for value in values)]
            for name, values in zip(self.metrics, self.matrix, strict=True)
        ]
        return [["", *self.metrics], *body]

    def __str__(self) -> str:
        return aligned(self.rows())

    def to_markdown(self) -> str:
        """Return a Markdown table."""
        return markdown(self.rows())

    def to_pandas(self) -> Any:
        """Return a pandas DataFrame, metrics along both axes."""
        return pandas().DataFrame(self.matrix, index=list(self.metrics), columns=list(self.metrics))

    def _repr_html_(self) -> str:
        return table_html(self.rows())

    def __rich__(self) -> Any:
        return table_rich(self.rows())


def rank_correlation(
    runs: Sequence[ScoreTable] | Mapping[str, Sequence[float]],
    metrics: Sequence[str] | None = None,
) -> RankCorrelation:
    """Compute the rank correlation of metrics over runs: 1 if they order runs in the same way.

    Spearman's correlation of the scores of two metrics over the runs that have both; ties share
    their mean rank. Scores of which lower is better count with opposite sign, so that agreement on
    what is better is 1. An infinite score ranks beyond all others. NaN with fewer than three runs,
    or if all runs tie.

    Parameters
    ----------
    runs
        The table of each run, or metric -> its score in each run, NaN if there is none.
    metrics
        Names of some metrics, in order; by default all.

    Raises
    ------
    ValueError
        For no run, lists of different lengths, a metric that no run has.
    TypeError
        For runs that are neither tables nor lists of scores.

    References
    ----------
    F. Locatello et al., "Challenging common assumptions in the unsupervised learning of
    disentangled representations", 2019, figure 3 (left).

    Examples
    --------
    >>> scores = {"mig": [0.1, 0.3, 0.2], "gaussian_total_correlation": [9.0, 1.0, 2.0]}
    >>> float(rank_correlation(scores).matrix[0, 1])
    1.0
    """
    by_metric = _by_metric(runs)
    names = tuple(by_metric) if metrics is None else _names_of(metrics)
    missing = [name for name in names if name not in by_metric]
    if missing or not names:
        raise ValueError(
            f"runs must have a score of each metric, none has {', '.join(missing) or 'any'}"[:200]
        )
    lengths = {name: len(by_metric[name]) for name in names}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"runs must have as many scores of each metric, got {lengths}"[:200])
    values = np.array([_upward(name, by_metric[name]) for name in names])
    m = len(names)
    matrix, counts = np.full((m, m), np.nan), np.zeros((m, m))
    for i in range(m):
        for j in range(m):
            both = ~(np.isnan(values[i]) | np.isnan(values[j]))
            counts[i, j] = both.sum()
            matrix[i, j] = _spearman(values[i, both], values[j, both])
    return RankCorrelation(names, matrix, counts)


def _by_metric(runs: Any) -> dict[str, Floats]:
    """Return metric -> its score in each run."""
    if isinstance(runs, Mapping) and not isinstance(runs, ScoreTable):
        return {
            str(name): seeds_of(values, f"runs[{name!r}]", infinite=True)
            for name, values in runs.items()
        }
    tables = tables_of(runs, "runs")
    names = dict.fromkeys(name for table in tables for name in table)
    return {name: np.array([float(table.get(name, np.nan)) for table in tables]) for name in names}


def _names_of(metrics: Any) -> tuple[str, ...]:
    """Return the names of metrics as tables spell them."""
    names = listed(metrics)
    for name in names:
        if not isinstance(name, str):
            raise TypeError(f"metrics must be names that the runs have, got {quoted(name)}")
    return tuple(name.replace("-", "_") for name in names)


def _upward(name: str, values: Floats) -> Floats:
    """Return scores of which larger is better."""
    low = best_end(name) == "low"
    return values * (-1.0 if low else 1.0)


def _spearman(a: Floats, b: Floats) -> float:
    """Return the correlation of the ranks of two rows of numbers."""
    from scipy.stats import rankdata

    if len(a) < FEWEST:
        return float("nan")
    first, second = (rankdata(row) - (len(a) + 1) / 2 for row in (a, b))
    length = np.sqrt((first**2).sum() * (second**2).sum())
    return float((first * second).sum() / length) if length > 0 else float("nan")
