"""Intervals of scores that are made of counts: the counts are weighted anew, bins stay."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from unweave_metrics._counting import Counts
from unweave_metrics._parallel import in_parallel
from unweave_metrics._shared import sharing
from unweave_metrics._signatures import accepted
from unweave_metrics.information._table import InformationTable, information_table
from unweave_metrics.intervals.interval import SAME_BINS
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.intervals.strategy import Call, Replicates, Strategy, limited, with_wholes
from unweave_metrics.score import Score

# Tables counted for one corrected one.
TABLES = {"none": 1, "miller-madow": 1, "shuffle": 21, "extrapolate": 3}


@dataclass(frozen=True)
class Information(Strategy):
    """Rows drawn with replacement, as weights of one histogram pass that serves all scores."""

    of_table: Callable[..., Score]
    tabulate: Callable[..., InformationTable] = information_table
    covers: str = field(default=SAME_BINS, kw_only=True)

    # Seconds per table, row, code and factor; and for all resamples of a table.
    seconds = 2e-9
    budget, least = 1.0, 60

    @property
    def group(self) -> Hashable:
        """Return what is counted: scores of one kind of table share each recount."""
        return "Information", self.tabulate

    def chosen(self, score: Score) -> Strategy:
        """Return subsets for estimates by neighbours; a corrected score needs no mirror."""
        if score.settings.get("estimator") == "neighbors":
            return Subsets(seconds=50.0)
        if score.settings["bias_correction"] != "none":
            return replace(self, method="centred")
        return self

    def count(self, call: Call, resamples: int) -> int:
        """Return as many as fit in a second of one core, at least sixty."""
        cells = call.score.settings["rows"] * call.score.parts["mutual_information"].size
        seconds = self.seconds * cells * TABLES[call.score.settings["bias_correction"]]
        return limited(resamples, seconds, self.budget, self.least)

    def table(self, call: Call) -> InformationTable:
        """Return the counts that a score was made of."""
        return self.tabulate(**call.arrays, **accepted(self.tabulate, call.options))

    def value_of(self, call: Call) -> Callable[[InformationTable], float]:
        """Return what gives the score of a table with the call's options."""
        options = accepted(self.of_table, call.options)
        return lambda table: float(self.of_table(table, **options))

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return values on weighted rows; scores of equal tables share each recount."""
        strategies = [_own(call) for call in calls]
        tables = [own.table(call) for own, call in zip(strategies, calls, strict=True)]
        values_of = [own.value_of(call) for own, call in zip(strategies, calls, strict=True)]
        keys = [_counted(table) for table in tables]
        n, wholes = tables[0].codes.shape[1], with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            rows = np.random.default_rng((seed, r)).integers(0, n, size=n)
            weights: Counts = np.bincount(rows, minlength=n)
            recounted: dict[str, InformationTable] = {}
            with sharing(parts=r < wholes):  # and forget what was counted here
                values = []
                for value_of, table, key, count in zip(
                    values_of, tables, keys, counts, strict=True
                ):
                    if r >= count:
                        values.append(np.nan)
                        continue
                    if key not in recounted:
                        recounted[key] = table.recounted(weights)
                    again = replace(table, pairs=recounted[key].pairs)
                    values.append(value_of(again))
                return values

        with np.errstate(divide="ignore", invalid="ignore"):  # a class may be drawn by no row
            matrix = np.array(in_parallel(one, max(counts), jobs))
        return [matrix[:count, i] for i, count in enumerate(counts)]


def _counted(table: InformationTable) -> str:
    """Return what decides the counts of a table, not what is made of them."""
    irrelevant = ("normalizer", "dead_codes", "preset")
    settings = {key: value for key, value in table.settings.items() if key not in irrelevant}
    return repr((id(table.codes), settings))


def _own(call: Call) -> Information:
    """Return the strategy of a call of this kind."""
    assert isinstance(call.strategy, Information)
    return call.strategy
