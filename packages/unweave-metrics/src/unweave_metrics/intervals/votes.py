"""Intervals of scores that are shares of votes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._counting import Floats
from unweave_metrics._parallel import in_parallel
from unweave_metrics._shared import sharing
from unweave_metrics.intervals.interval import Interval, student
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.intervals.strategy import Call, Replicates, jobs_of, with_wholes
from unweave_metrics.score import Score


@dataclass(frozen=True, kw_only=True)
class Votes(Rows):
    """Draw rows with replacement, and fewer votes on them; the variance of votes is analytic.

    The variance of a score is that over the rows plus that of its votes. Replicates use fewer
    evaluation votes, m: their variance p (1 - p) / m is subtracted from the variance of the
    replicates, and that of all votes is added.
    """

    method: str = "centred"
    most: int = 60
    votes = {"train_votes": 2_000, "eval_votes": 1_000,
             "train_points": 2_000, "eval_points": 1_000}  # fmt: skip
    over = "rows, then votes"

    def count(self, call: Call, resamples: int) -> int:
        """Return at most 60, which are enough for the width of the interval."""
        return min(resamples, self.most)

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return scores of fewer votes on drawn rows; each resample has different votes."""
        wholes = with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            with sharing(parts=r < wholes):
                return [
                    call.on(
                        self._draw(call.arrays, seed, r),
                        seed=self._seed(seed, r),
                        **votes_of_replicate(call),
                    )
                    if r < count
                    else np.nan
                    for call, count in zip(calls, counts, strict=True)
                ]

        values = np.array(in_parallel(one, max(counts), jobs_of(calls, jobs)))
        return [values[:count, i] for i, count in enumerate(counts)]

    @staticmethod
    def _seed(seed: int, r: int) -> int:
        """Return the seed of the votes of resample r."""
        return int(np.random.SeedSequence((seed, r, 1)).generate_state(1)[0])

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the score plus and minus Student's quantile times its standard deviation."""
        finite = replicates[np.isfinite(replicates)]
        if len(finite) < 2 or not np.isfinite(call.score):
            return None
        value, settings = float(call.score), call.score.settings
        fewer_votes = evaluation_votes(settings | votes_of_replicate(call))
        all_votes = evaluation_votes(settings)
        noise = np.mean([vote_variance(replicate, fewer_votes, call.score) for replicate in finite])
        rows = max(float(finite.var(ddof=1) - noise), 0.0)
        votes = vote_variance(value, all_votes, call.score)
        half = student(level, len(finite) - 1) * np.sqrt(rows + votes)
        bias = float(finite.mean()) - value
        return Interval.between(value - half, value + half, bias)


def votes_of_replicate(call: Call) -> dict[str, int]:
    """Return the numbers of votes of a replicate by option."""
    settings = call.score.settings
    return {key: min(settings[key], most) for key, most in Votes.votes.items() if key in settings}


def evaluation_votes(settings: Mapping[str, Any]) -> int:
    """Return the number of evaluation votes or points."""
    return int(settings["eval_votes"] if "eval_votes" in settings else settings["eval_points"])


def vote_variance(value: float, count: int, score: Score) -> float:
    """Return the variance of a score of `count` votes, after adding two right and two wrong votes.

    Otherwise votes that are all right would have variance 0 (A. Agresti, B. A. Coull, 1998).
    """
    k = len(score.settings["factor_kinds"])
    slope = 1 / (1 - 1 / k) if score.settings.get("rescale") and k > 1 else 1.0
    accuracy = 1 - (1 - value) / slope
    shrunk = (accuracy * count + 2) / (count + 4)
    return float(slope**2 * shrunk * (1 - shrunk) / count)
