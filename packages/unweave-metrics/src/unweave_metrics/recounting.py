"""Intervals of scores that are made of counts: the counts are weighted anew, bins stay."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from unweave_metrics.counting import Counts
from unweave_metrics.information import InformationTable, information_table
from unweave_metrics.information_scores import FROM_TABLE
from unweave_metrics.intervals import SAME_BINS
from unweave_metrics.parallel import in_parallel
from unweave_metrics.score import Score
from unweave_metrics.signatures import accepted
from unweave_metrics.strategies import Call, Halves, Replicates, Strategy, limited
from unweave_metrics.unsupervised import code_table, mean_between

# Tables counted for one corrected one.
TABLES = {"none": 1, "miller-madow": 1, "shuffle": 21, "extrapolate": 3}


@dataclass(frozen=True)
class Information(Strategy):
    """Rows drawn with replacement, as weights of one histogram pass that serves all scores."""

    covers: str = SAME_BINS

    # Seconds per table, row, code and factor; and for all resamples of a table.
    seconds = 2e-9
    budget, least = 2.0, 60

    def chosen(self, score: Score) -> Strategy:
        """Return halves for estimates by neighbours; a corrected score needs no mirror."""
        if score.settings.get("estimator") == "neighbors":
            return Halves(seconds=50.0)
        if score.settings["bias_correction"] != "none":
            return replace(self, method="centred")
        return self

    def count(self, call: Call, resamples: int) -> int:
        """Return as many as fit in two seconds of one core, at least sixty."""
        cells = call.score.settings["rows"] * call.score.parts["mutual_information"].size
        seconds = self.seconds * cells * TABLES[call.score.settings["bias_correction"]]
        return limited(resamples, seconds, self.budget, self.least)

    def table(self, call: Call) -> InformationTable:
        """Return the counts that a score was made of."""
        return information_table(**call.arrays, **accepted(information_table, call.options))

    def value(self, call: Call, table: InformationTable) -> float:
        """Return the score of a table."""
        of_table = FROM_TABLE[call.score.name]
        return float(of_table(table, **accepted(of_table, call.options)))

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return values on weighted rows; scores of equal tables share each recount."""
        tables = [self.table(call) for call in calls]
        keys = [_counted(table) for table in tables]
        n = tables[0].codes.shape[1]

        def one(r: int) -> list[float]:
            drawn = np.random.default_rng((seed, r)).integers(0, n, size=n)
            weights: Counts = np.bincount(drawn, minlength=n)
            recounted: dict[str, InformationTable] = {}
            values = []
            for call, table, key, count in zip(calls, tables, keys, counts, strict=True):
                if r >= count:
                    values.append(np.nan)
                    continue
                if key not in recounted:
                    recounted[key] = table.recounted(weights)
                again = replace(table, pairs=recounted[key].pairs)
                values.append(self.value(call, again))
            return values

        with np.errstate(divide="ignore", invalid="ignore"):  # a class may be drawn by no row
            found = np.array(in_parallel(one, max(counts), jobs))
        return [found[:count, i] for i, count in enumerate(counts)]


def _counted(table: InformationTable) -> str:
    """Return what decides the counts of a table, not what is made of them."""
    made = ("normalizer", "dead_codes", "preset")
    return repr({key: value for key, value in table.settings.items() if key not in made})


@dataclass(frozen=True)
class CodePairs(Information):
    """The same for codes counted against each other."""

    def table(self, call: Call) -> InformationTable:
        """Return the counts of pairs of codes."""
        return code_table(**call.arrays, **accepted(code_table, call.options))

    def value(self, call: Call, table: InformationTable) -> float:
        """Return the mean information of pairs."""
        return mean_between(table.pairs.mutual_information)
