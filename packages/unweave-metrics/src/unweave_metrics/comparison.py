"""The result of `compare`: means, ranks and differences of models, as text, frames or HTML."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unweave_metrics._display import pandas, table_html, table_rich
from unweave_metrics.catalogue import best_end
from unweave_metrics.scoretable import aligned, markdown, number

COLUMNS = ("metric", "model", "count", "mean", "std", "low", "high", "rank", "difference")


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation and interval of the mean of one score over seeds."""

    count: int
    mean: float
    std: float
    low: float
    high: float

    def __str__(self) -> str:
        if self.count < 2 or not np.isfinite(self.mean):
            return number(self.mean)
        interval = f"[{number(self.low)}, {number(self.high)}]"
        return f"{number(self.mean)} ± {number(self.std)} {interval}"


@dataclass(frozen=True)
class Comparison:
    """Summaries of models by metric, None if a model lacks one; prints as a table.

    `ranks` has for each metric the rank of each model: 1 is best, ties share their mean rank; NaN
    if neither end of a score is better, or if a model has no mean. `p` has the p value of the
    paired test of two models with the same seeds.
    """

    models: tuple[str, ...]
    summaries: dict[str, tuple[Summary | None, ...]]
    p: dict[str, float] = field(default_factory=dict)

    @property
    def ranks(self) -> dict[str, tuple[float, ...]]:
        """Return the ranks of the models by metric."""
        return {name: self._ranks(name) for name in self.summaries}

    @property
    def mean_ranks(self) -> tuple[float, ...]:
        """Return the mean rank of each model over the metrics that rank all; NaN without one."""
        finite = [ranks for ranks in self.ranks.values() if np.isfinite(ranks).all()]
        if not finite:
            return (float("nan"),) * len(self.models)
        return tuple(np.mean(finite, axis=0).tolist())

    def _means(self, name: str) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return the mean of each model, NaN for none."""
        return np.array([np.nan if s is None else s.mean for s in self.summaries[name]])

    def _ranks(self, name: str) -> tuple[float, ...]:
        """Return the ranks of the models in one metric."""
        from scipy.stats import rankdata

        best = best_end(name)
        means = self._means(name)
        if best == "-" or np.isnan(means).any():
            return (float("nan"),) * len(self.models)
        return tuple(rankdata(-means if best == "high" else means).tolist())

    def differences(self, name: str) -> tuple[float, ...]:
        """Return how far each model's mean is from that of the model of rank 1; NaN unranked."""
        ranks, means = self._ranks(name), self._means(name)
        if not np.isfinite(ranks).all():
            return ranks
        best = means[int(np.argmin(ranks))]
        gaps = np.subtract(means, best, out=np.zeros(len(means)), where=means != best)
        return tuple(gaps.tolist())

    def rows(self) -> list[list[str]]:
        """Return the table as text cells, heading first; mean ranks last, of several models."""
        rows = [["metric", *self.models, *(["p"] if self.p else [])]]
        for name, summaries in self.summaries.items():
            row = [name, *("" if summary is None else str(summary) for summary in summaries)]
            rows.append(row + ([number(self.p.get(name))] if self.p else []))
        if len(self.models) > 1 and np.isfinite(self.mean_ranks).all():
            means = [f"{rank:.2f}" for rank in self.mean_ranks]
            rows.append(["mean rank", *means, *([""] if self.p else [])])
        return rows

    def __str__(self) -> str:
        return aligned(self.rows())

    def to_markdown(self) -> str:
        """Return a Markdown table."""
        return markdown(self.rows())

    def to_pandas(self) -> Any:
        """Return a DataFrame: one row per metric and model, rank, difference from the best."""
        rows = []
        for name, summaries in self.summaries.items():
            each = zip(
                self.models, summaries, self._ranks(name), self.differences(name), strict=True
            )
            rows += [
                (name, model, s.count, s.mean, s.std, s.low, s.high, rank, difference)
                for model, s, rank, difference in each
                if s is not None
            ]
        return pandas().DataFrame(rows, columns=list(COLUMNS)).set_index(["metric", "model"])

    def _repr_html_(self) -> str:
        return table_html(self.rows())

    def __rich__(self) -> Any:
        return table_rich(self.rows())
