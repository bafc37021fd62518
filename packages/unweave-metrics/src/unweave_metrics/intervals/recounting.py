"""Intervals of information scores: the rows get new weights, and the bins stay."""

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
from unweave_metrics.intervals.strategy import Call, Replicates, Strategy, count_within, with_wholes
from unweave_metrics.score import Score

# Number of tables that are counted for each bias correction.
TABLES = {"none": 1, "miller-madow": 1, "shuffle": 21, "extrapolate": 3}


@dataclass(frozen=True)
class Information(Strategy):
    """Draw rows with replacement, as weights of the rows in counts that all scores share."""

    of_table: Callable[..., Score]
    tabulate: Callable[..., InformationTable] = information_table
    covers: str = field(default=SAME_BINS, kw_only=True)

    # Seconds per table, row, code and factor; and for all resamples of a table.
    seconds = 2e-9
    budget, least = 1.0, 60

    @property
    def group(self) -> Hashable:
        """Return the kind of table: scores of the same kind share each recount."""
        return "Information", self.tabulate

    def for_score(self, score: Score) -> Strategy:
        """Return `Subsets` for estimates by neighbours, and no reflection for corrected scores."""
        if score.settings.get("estimator") == "neighbors":
            return Subsets(seconds=50.0)
        if score.settings["bias_correction"] != "none":
            return replace(self, method="centred")
        return self

    def count(self, call: Call, resamples: int) -> int:
        """Return how many resamples fit in one second on one core, at least 60."""
        cells = call.score.settings["rows"] * call.score.parts["mutual_information"].size
        seconds = self.seconds * cells * TABLES[call.score.settings["bias_correction"]]
        return count_within(resamples, seconds, self.budget, self.least)

    def table(self, call: Call) -> InformationTable:
        """Return the table of a score."""
        return self.tabulate(**call.arrays, **accepted(self.tabulate, call.options))

    def value_of(self, call: Call) -> Callable[[InformationTable], float]:
        """Return the function that computes the score of a table with the options of the call."""
        options = accepted(self.of_table, call.options)
        return lambda table: float(self.of_table(table, **options))

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the scores on weighted rows; scores of equal tables share each recount."""
        strategies = [_own(call) for call in calls]
        tables = [own.table(call) for own, call in zip(strategies, calls, strict=True)]
        values_of = [own.value_of(call) for own, call in zip(strategies, calls, strict=True)]
        keys = [_count_key(table) for table in tables]
        n, wholes = tables[0].codes.shape[1], with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            rows = np.random.default_rng((seed, r)).integers(0, n, size=n)
            weights: Counts = np.bincount(rows, minlength=n)
            recounts: dict[str, InformationTable] = {}
            with sharing(parts=r < wholes):  # forget the results of this resample afterwards
                values = []
                for value_of, table, key, count in zip(
                    values_of, tables, keys, counts, strict=True
                ):
                    if r >= count:
                        values.append(np.nan)
                        continue
                    if key not in recounts:
                        recounts[key] = table.recount(weights)
                    values.append(value_of(replace(table, pairs=recounts[key].pairs)))
                return values

        with np.errstate(divide="ignore", invalid="ignore"):  # a resample may lack a class
            matrix = np.array(in_parallel(one, max(counts), jobs))
        return [matrix[:count, i] for i, count in enumerate(counts)]


def _count_key(table: InformationTable) -> str:
    """Return a key of the settings that determine the counts of a table."""
    irrelevant = ("normalizer", "dead_codes", "preset")
    settings = {key: value for key, value in table.settings.items() if key not in irrelevant}
    return repr((id(table.codes), settings))


def _own(call: Call) -> Information:
    """Return the strategy of a call, which is of this class."""
    assert isinstance(call.strategy, Information)
    return call.strategy
