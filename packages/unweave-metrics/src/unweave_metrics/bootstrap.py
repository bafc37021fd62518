"""Bootstrap intervals: over rows for scores of arrays, over votes for sampled ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import Generator

from unweave_metrics.arrays import Array, check_positive
from unweave_metrics.binning import MOST_FLOAT_CLASSES
from unweave_metrics.catalogue import Entry, accepted
from unweave_metrics.counting import Floats, pair_information
from unweave_metrics.factor_vae import majority_accuracy, rescaled
from unweave_metrics.importances import in_parallel, thread_jobs
from unweave_metrics.information import InformationTable
from unweave_metrics.information_scores import scores_of
from unweave_metrics.sampling import train_and_test
from unweave_metrics.score import Score

# Metrics that fit models anew are refitted for about this many reckoned seconds of one core, but at
# least so often, and not at all where one refit is reckoned to take longer than the last number.
REFIT_SECONDS, LEAST_REFITS, LONGEST_REFIT = 5.0, 5, 20.0

# How much slower than a metric's usual predictor others are; a caller's own is taken to be as slow
# as the slowest.
SLOWER = {"random-forest": 3, "gradient-boosting": 50, "forest-regression": 50, "tree": 300}


def interval_of(value: float, replicates: Floats, level: float = 0.95) -> tuple[float, float]:
    """Return a percentile interval of replicates, moved so that their mean is the value.

    Plug-in information, and errors on repeated rows, are biased in a resample by as much again as
    in the sample; without the move the interval may miss the score that it belongs to. Of fewer
    than 100 replicates the standard deviation is used instead of percentiles.
    """
    known = replicates[np.isfinite(replicates)]
    if len(known) < 2 or not np.isfinite(value):
        return float("nan"), float("nan")
    tail = (1 - level) / 2
    if len(known) < 100:
        from scipy.stats import t

        half = float(t.ppf(1 - tail, len(known) - 1)) * known.std(ddof=1)
        return value - half, value + half
    low, high = np.quantile(known - known.mean(), [tail, 1 - tail])
    return value + float(low), value + float(high)


def with_interval(score: Score, replicates: Floats, level: float, over: str) -> Score:
    """Return a score with the interval of its replicates."""
    low, high = interval_of(float(score), replicates, level)
    settings = {"resamples": len(replicates), "level": level, "over": over}
    return score.with_interval(low, high, interval=settings)


def information_replicates(
    table: InformationTable, names: Sequence[str], resamples: int, jobs: int, seed: int
) -> dict[str, Floats]:
    """Return `resamples` values of each information score, rows drawn with replacement.

    Bins stay those of the table. One histogram pass a resample serves all scores.
    """
    n = table.codes.shape[1]
    seeds = np.random.SeedSequence(seed).spawn(resamples)

    def one(r: int) -> list[float]:
        drawn = np.random.default_rng(seeds[r]).integers(0, n, size=n)
        weights = np.bincount(drawn, minlength=n)
        pairs = pair_information(table.codes, table.factors, weights)
        again = InformationTable(pairs, table.settings, table.codes, table.factors)
        return [float(score) for score in scores_of(again, names).values()]

    with np.errstate(divide="ignore", invalid="ignore"):  # a class may be drawn by no row
        values = np.array(in_parallel(one, resamples, jobs))
    return {name: values[:, i] for i, name in enumerate(names)}


def vote_replicates(score: Score, resamples: int, rng: Generator) -> Floats:
    """Return accuracies of resampled votes (classifier included) or evaluation points."""
    parts = score.parts
    if "correct" in parts:
        right, count = (int(number) for number in parts["correct"])
        values = rng.binomial(count, right / count, size=resamples) / count
        k = None
    else:
        train, evaluation = parts["votes"], parts["eval_votes"]
        k = train.shape[1]
        if train.sum() == 0:
            return np.zeros(resamples)
        draws = [
            rng.multinomial(table.sum(), table.ravel() / table.sum(), size=resamples)
            for table in (train, evaluation)
        ]
        values = np.array([
            majority_accuracy(a.reshape(train.shape), b.reshape(train.shape))[1]
            for a, b in zip(*draws, strict=True)
        ])  # fmt: skip
    if score.settings.get("rescale") and k is not None:
        return np.array([rescaled(value, k) for value in values])
    if score.settings.get("rescale"):
        return values * _slope(score)
    return np.asarray(values)


def _slope(score: Score) -> float:
    """Return d(rescaled)/d(accuracy) of a score that was rescaled."""
    right, count = (int(number) for number in score.parts["correct"])
    accuracy = right / count
    return (1 - float(score)) / (1 - accuracy) if accuracy < 1 else 1.0


def row_replicates(
    entry: Entry,
    score: Score,
    arrays: dict[str, Array],
    settings: dict[str, Any],
    resamples: int,
    jobs: int,
) -> Floats:
    """Return values of a metric on rows drawn with replacement.

    Where it has train and test rows, the rows are split first and each part is drawn from itself: a
    row that is in both would be known.
    """
    seed = settings.get("seed", 0)
    seeds = np.random.SeedSequence(seed).spawn(resamples)
    options = accepted(entry.function, settings | {"jobs": 1})
    split = "test_codes" in accepted(entry.function, {"test_codes": None})
    split = split and score.settings.get("evaluate_on") != "train"
    codes, factors = arrays["codes"], arrays.get("factors")
    if split and factors is not None:
        share = score.settings.get("test_fraction", 1 / 3)
        fixed = train_and_test(codes, factors, None, None, None, None, seed, share)

    def one(r: int) -> float:
        rng = np.random.default_rng(seeds[r])
        if split and factors is not None:
            a = rng.integers(0, len(fixed[0]), size=len(fixed[0]))
            b = rng.integers(0, len(fixed[2]), size=len(fixed[2]))
            handed: dict[str, Any] = {
                "codes": fixed[0][a], "factors": fixed[1][a],
                "test_codes": fixed[2][b], "test_factors": fixed[3][b],
            }  # fmt: skip
        else:
            rows = rng.integers(0, len(codes), size=len(codes))
            given = entry.arguments(arrays)
            handed = {name: array[rows] for name, array in given.items()}
        try:
            return float(entry.function(**handed, **options))
        except ValueError:  # the draw lost all but one class of a factor
            return float("nan")

    return np.array(in_parallel(one, resamples, jobs))


def affordable(entry: Entry, score: Score, arrays: dict[str, Array], resamples: int) -> int:
    """Return how many of the resamples are made: all, fewer where models are refitted, or none.

    A refit is reckoned to take a metric's own seconds per million of (rows x codes + 10,000) x
    classes, the classes summed over factors. That depends on the arrays alone: intervals are the
    same anywhere.
    """
    if entry.interval != "refits":
        return resamples if entry.interval else 0
    predictor = score.settings.get("predictor", "")
    slower = SLOWER.get(predictor, 1) if isinstance(predictor, str) else max(SLOWER.values())
    rows, d = score.settings.get("rows", len(arrays["codes"])), arrays["codes"].shape[1]
    classes = sum(min(len(np.unique(column)), MOST_FLOAT_CLASSES) for column in arrays["factors"].T)
    seconds = entry.seconds * slower * (rows * d + 1e4) * classes / 1e6
    if seconds > LONGEST_REFIT:
        return 0
    return min(resamples, max(LEAST_REFITS, int(REFIT_SECONDS / max(seconds, 1e-9))))


def bootstrapped(
    entry: Entry,
    score: Score,
    arrays: dict[str, Array],
    settings: dict[str, Any],
    resamples: int,
    *,
    jobs: int = 1,
    level: float = 0.95,
) -> Score:
    """Return a score with its bootstrap interval, or as it is where there is none to have."""
    check_positive(resamples, "bootstrap", 2)
    count = affordable(entry, score, arrays, resamples)
    if count == 0:
        return score
    rng = np.random.default_rng(settings.get("seed", 0))
    if entry.interval == "votes":
        return with_interval(score, vote_replicates(score, count, rng), level, "votes")
    if entry.interval == "images":
        each = score.parts["per_image"]
        means = [each[rng.integers(0, len(each), len(each))].mean() for _ in range(count)]
        return with_interval(score, np.array(means), level, "images")
    jobs = thread_jobs(score.settings.get("predictor", ""), jobs if entry.threads else 1)
    drawn = row_replicates(entry, score, arrays, settings, count, jobs)
    return with_interval(score, drawn, level, "rows")
