"""How intervals are made: what is drawn again, how often, and what the interval covers."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics._arrays import Array
from unweave_metrics._counting import Floats
from unweave_metrics._parallel import in_parallel, thread_jobs
from unweave_metrics._sampling import draw_rows
from unweave_metrics._shared import columnwise, part_of, sharing, whole_of
from unweave_metrics.intervals.interval import (
    POPULATION,
    SAME_SIZE,
    THESE_ROWS,
    Interval,
    interval_of,
    student,
)
from unweave_metrics.predictors._split import train_and_test
from unweave_metrics.score import Score

Replicates = list[Floats]


@dataclass(frozen=True)
class Call:
    """A metric with its options, the arrays it saw by name, the score it gave, and its bounds."""

    function: Callable[..., Any]
    arrays: Mapping[str, Any]
    options: Mapping[str, Any]
    score: Score
    strategy: Strategy
    bounds: tuple[float, float] = (-np.inf, np.inf)
    threads: bool = True

    def on(self, arrays: Mapping[str, Any], **options: Any) -> float:
        """Return the score of other arrays; NaN where a draw left nothing to score."""
        try:
            return float(self.function(**arrays, **{**self.options, **options}))
        except ValueError:  # as where a draw lost all but one class of a factor
            return float("nan")

    @property
    def numbers(self) -> int:
        """Return how many numbers the arrays hold."""
        return sum(int(np.size(array)) for array in self.arrays.values())


@dataclass(frozen=True, kw_only=True)
class Strategy:
    """A way to replicate scores; `covers` says what its intervals are about."""

    covers: str = POPULATION
    method: str = "basic"
    over = "rows"
    # Why there is no interval, empty where there may be one.
    without = ""

    @property
    def group(self) -> Hashable:
        """Return what calls must share to be replicated together, on the same draws."""
        return type(self).__name__

    @property
    def slowness(self) -> float:
        """Return what metrics with this strategy are put in order by, the slowest first."""
        return 0.0

    def chosen(self, score: Score) -> Strategy:
        """Return the strategy for a score with these settings."""
        return self

    def count(self, call: Call, resamples: int) -> int:
        """Return how many of the resamples are made."""
        return resamples

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the values of each call on its resamples."""
        raise NotImplementedError

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the interval of one call's replicates."""
        return interval_of(float(call.score), replicates, level, self.method)


def take(value: Any, rows: Array) -> Any:
    """Return rows of an array, or of each array of a list of models."""
    if isinstance(value, list | tuple):
        return [np.take(part, rows, axis=0) for part in value]
    return np.take(value, rows, axis=0)


def length(value: Any) -> int:
    """Return the number of rows of an array, or of the models of a list."""
    return len(value[0]) if isinstance(value, list | tuple) else len(value)


def limited(resamples: int, seconds: float, budget: float, least: int) -> int:
    """Return how many resamples of so many reckoned seconds fit in a budget, but at least some."""
    return min(resamples, max(least, int(budget / max(seconds, 1e-9))))


def with_replacement(rng: np.random.Generator, n: int) -> Array:
    """Return n row numbers out of n."""
    return rng.integers(0, n, size=n)


# Large enough that a model learns nearly as much as from all rows, small enough to differ.
SHARE = 0.75


def some_rows(rng: np.random.Generator, n: int) -> Array:
    """Return three quarters of the row numbers, at least two."""
    return rng.permutation(n)[: max(2, round(SHARE * n))]


@columnwise(part_of)
def drawn_rows(array: Any, draw: Callable[..., Array], seed: int, r: int, own: int) -> Any:
    """Return resample number r of an array; arrays of one length have the same rows of it."""
    return take(array, draw(np.random.default_rng((seed, r, own)), length(array)))


@columnwise(part_of)
def sampled_rows(array: Any, n: int, samples: int, seed: int) -> Any:
    """Return `samples` of n rows of an array, those that a metric draws; all if there are fewer."""
    rows = draw_rows(n, samples, seed)
    return array if rows is None else take(array, rows)


def with_wholes(calls: Sequence[Call], counts: Sequence[int]) -> int:
    """Return up to which resample there are calls on whole tables, which parts are taken of."""
    wholes = [
        count
        for call, count in zip(calls, counts, strict=True)
        if all(whole_of(array) is None for array in call.arrays.values())
    ]
    return max(wholes, default=0)


@dataclass(frozen=True, kw_only=True)
class Rows(Strategy):
    """Rows drawn with replacement; `paired` arrays share their rows.

    One resample is reckoned to take `seconds` per million numbers of the arrays.
    """

    paired: bool = True
    seconds: float = 0.02
    budget, least = 0.3, 60
    draw = staticmethod(with_replacement)

    @property
    def group(self) -> Hashable:
        """Return kind and pairing."""
        return type(self).__name__, self.paired

    def count(self, call: Call, resamples: int) -> int:
        """Return as many as fit in a third of a second of one core, at least sixty."""
        return limited(resamples, self.seconds * call.numbers / 1e6, self.budget, self.least)

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the values of each call; calls on the same arrays see the same rows."""
        prepared = [self.prepared(call, seed) for call in calls]
        wholes = with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            with sharing(parts=r < wholes):
                return [
                    call.on(self._drawn(arrays, seed, r)) if r < count else np.nan
                    for call, arrays, count in zip(calls, prepared, counts, strict=True)
                ]

        values = np.array(in_parallel(one, max(counts), jobs_of(calls, jobs)))
        return [values[:count, i] for i, count in enumerate(counts)]

    def prepared(self, call: Call, seed: int) -> dict[str, Any]:
        """Return the arrays with the rows that the metric itself draws of them."""
        arrays, samples = dict(call.arrays), call.score.settings.get("samples")
        if samples is None:
            return arrays
        n = length(next(iter(arrays.values())))
        return {name: sampled_rows(a, n, samples, seed) for name, a in arrays.items()}

    def _drawn(self, arrays: Mapping[str, Any], seed: int, r: int) -> dict[str, Any]:
        """Return resample number r of the arrays."""
        drawn: dict[str, Any] = {}
        for place, (name, array) in enumerate(arrays.items()):
            own = 0 if self.paired else place
            # Train rows and test rows are of different numbers, and drawn apart.
            drawn[name] = drawn_rows(array, self.draw, seed, r, own)
        return drawn


@dataclass(frozen=True, kw_only=True)
class Subsets(Rows):
    """Three quarters of the rows, without replacement: for scores that repeated rows mislead.

    Of m out of n rows the variance given the sample is s^2 (1/m - 1/n), and the bias against the
    sample's a (1/m - 1/n): with m = f n both are those of the sample times (1 - f) / f. Train rows
    and test rows are drawn apart.
    """

    covers: str = SAME_SIZE
    method: str = "centred"
    seconds: float = 1.0
    most: int = 60
    budget, least = 1.0, 5
    draw = staticmethod(some_rows)
    # Not at all where one would take longer than this many seconds.
    longest = 2.0

    def count(self, call: Call, resamples: int) -> int:
        """Return at most sixty, as many as fit in a second but at least five, or none."""
        seconds = self.reckoned(call)
        if seconds > self.longest:
            return 0
        return limited(min(resamples, self.most), seconds, self.budget, self.least)

    def reckoned(self, call: Call) -> float:
        """Return the seconds that one resample is reckoned to take."""
        return self.seconds * call.numbers / 1e6

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the interval of replicates, spread and bias as of the whole sample."""
        value, known = float(call.score), replicates[np.isfinite(replicates)]
        if len(known) == 0:
            return None
        ratio = SHARE / (1 - SHARE)
        bias = known.mean() - value
        spread = value + ratio * bias + np.sqrt(ratio) * (replicates - known.mean())
        return interval_of(value, spread, level, self.method)


@dataclass(frozen=True, kw_only=True)
class Refits(Subsets):
    """Models fitted anew to part of the train rows, and scored on part of the test rows.

    A refit is reckoned to take `seconds` per million of (rows x codes + 10,000) x classes, the
    classes summed over factors. That depends on the arrays alone: intervals are the same anywhere.
    """

    @property
    def slowness(self) -> float:
        """Return the seconds of a model of ten classes."""
        return 10 * self.seconds

    def reckoned(self, call: Call) -> float:
        """Return the seconds that one refit is reckoned to take."""
        settings, codes = call.score.settings, call.arrays["codes"]
        slower = slowness(settings.get("predictor", ""))
        rows = settings.get("rows", len(codes)) * SHARE
        classes = sum(
            min(len(np.unique(column)), MOST_CLASSES) for column in call.arrays["factors"].T
        )
        return float(self.seconds * slower * (rows * codes.shape[1] + 1e4) * classes / 1e6)

    def prepared(self, call: Call, seed: int) -> dict[str, Any]:
        """Return train and test rows as the metric splits them, where it does."""
        settings, arrays = call.score.settings, dict(call.arrays)
        if "test_rows" not in settings or settings.get("evaluate_on") == "train":
            return super().prepared(call, seed)
        split = train_and_test(
            arrays["codes"], arrays["factors"], arrays.get("test_codes"),
            arrays.get("test_factors"), settings, settings["factor_kinds"],
        )  # fmt: skip
        return {"codes": split.z, "factors": split.y,
                "test_codes": split.z_test, "test_factors": split.y_test}  # fmt: skip


# How much slower than a metric's usual predictor others are; a caller's own is taken to be as slow
# as the slowest.
SLOWER = {"random-forest": 3, "gradient-boosting": 50, "forest-regression": 50, "tree": 300}
MOST_CLASSES = 100


def slowness(predictor: Any) -> float:
    """Return how much slower a predictor is than the usual one."""
    return SLOWER.get(predictor, 1) if isinstance(predictor, str) else max(SLOWER.values())


def jobs_of(calls: Sequence[Call], jobs: int) -> int:
    """Return how many resamples of these calls may run at a time on threads."""
    if not all(call.threads for call in calls):
        return 1
    allowed = {thread_jobs(call.score.settings.get("predictor", ""), jobs) for call in calls}
    return jobs if allowed == {jobs} else 1


@dataclass(frozen=True, kw_only=True)
class Votes(Rows):
    """Rows drawn with replacement, then fewer votes on them; the noise of the votes is reckoned.

    Var = Var over rows + Var of the votes. Replicates with m evaluation votes have the noise p (1 -
    p) / m above the first part, which is taken away; that of all votes is added.
    """

    method: str = "centred"
    most: int = 60
    votes = {"train_votes": 2_000, "eval_votes": 1_000,
             "train_points": 2_000, "eval_points": 1_000}  # fmt: skip
    over = "rows, then votes"

    def count(self, call: Call, resamples: int) -> int:
        """Return at most sixty: they say how wide the interval is."""
        return min(resamples, self.most)

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return scores of fewer votes on drawn rows, every resample with votes of its own."""
        wholes = with_wholes(calls, counts)

        def one(r: int) -> list[float]:
            with sharing(parts=r < wholes):
                return [
                    call.on(
                        self._drawn(call.arrays, seed, r), seed=self._seed(seed, r), **fewer(call)
                    )
                    if r < count
                    else np.nan
                    for call, count in zip(calls, counts, strict=True)
                ]

        values = np.array(in_parallel(one, max(counts), jobs_of(calls, jobs)))
        return [values[:count, i] for i, count in enumerate(counts)]

    @staticmethod
    def _seed(seed: int, r: int) -> int:
        """Return a seed of its own for the votes of resample r."""
        return int(np.random.SeedSequence((seed, r, 1)).generate_state(1)[0])

    def interval(self, call: Call, replicates: Floats, level: float) -> Interval | None:
        """Return the score plus and minus Student's quantile of both deviations together."""
        known = replicates[np.isfinite(replicates)]
        if len(known) < 2 or not np.isfinite(call.score):
            return None
        made, wanted = evaluated(call.score.settings | fewer(call)), evaluated(call.score.settings)
        noise = np.mean([vote_variance(value, made, call.score) for value in known])
        rows = max(float(known.var(ddof=1) - noise), 0.0)
        votes = vote_variance(float(call.score), wanted, call.score)
        half = student(level, len(known) - 1) * np.sqrt(rows + votes)
        value = float(call.score)
        bias = float(known.mean()) - value
        return Interval.between(value - half, value + half, bias)


def fewer(call: Call) -> dict[str, int]:
    """Return the numbers of votes of a replicate."""
    settings = call.score.settings
    return {key: min(settings[key], most) for key, most in Votes.votes.items() if key in settings}


def evaluated(settings: Mapping[str, Any]) -> int:
    """Return the number of evaluation votes or points."""
    return int(settings["eval_votes"] if "eval_votes" in settings else settings["eval_points"])


def vote_variance(value: float, count: int, score: Score) -> float:
    """Return the variance of a score of `count` votes, two right and two wrong ones added.

    Without those (A. Agresti, B. A. Coull, 1998) votes that were all right would have none.
    """
    k = len(score.settings["factor_kinds"])
    slope = 1 / (1 - 1 / k) if score.settings.get("rescale") and k > 1 else 1.0
    accuracy = 1 - (1 - value) / slope
    shrunk = (accuracy * count + 2) / (count + 4)
    return float(slope**2 * shrunk * (1 - shrunk) / count)


@dataclass(frozen=True, kw_only=True)
class Whole(Strategy):
    """No interval: of whole traversals, which drawn rows would leave gaps in."""

    covers: str = THESE_ROWS
    without = "resampled rows have no whole traversals"

    def count(self, call: Call, resamples: int) -> int:
        """Return none."""
        return 0


@dataclass(frozen=True, kw_only=True)
class Images(Strategy):
    """Images drawn with replacement, of the scores that each image has."""

    method: str = "centred"
    over = "images"

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return means over drawn images."""
        found = []
        for call, count in zip(calls, counts, strict=True):
            each, rng = call.score.parts["per_image"], np.random.default_rng(seed)
            draws = (each[rng.integers(0, len(each), len(each))].mean() for _ in range(count))
            found.append(np.fromiter(draws, np.float64, count))
        return found
