"""Confidence intervals from replicates of a score."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unweave_metrics._counting import Floats
from unweave_metrics.score import Score

METHODS = ("basic", "centred", "percentile")

# What an interval covers. Most estimates approach the score of the population as the number of
# rows grows; those that learn from the rows, or count rare cells, change with that number.
POPULATION = "the score of the whole population"
SAME_BINS = "the score of the whole population in the bins of this table"
SAME_SIZE = "the mean score of tables of this many rows"
THESE_ROWS = "these rows alone"

# Fewer replicates give the width of an interval, but not its quantiles.
ENOUGH_FOR_QUANTILES = 200


@dataclass(frozen=True)
class Interval:
    """Ends of an interval, its half width before clipping, and the estimated bias of the score."""

    low: float
    high: float
    bias: float
    half: float

    @classmethod
    def between(cls, low: float, high: float, bias: float) -> Interval:
        """Return an interval without clipping."""
        return cls(low, high, bias, (high - low) / 2)

    def clipped(self, bounds: tuple[float, float]) -> Interval:
        """Return the interval within the bounds of the score; `half` stays as it is."""
        low, high = (float(np.clip(end, *bounds)) for end in (self.low, self.high))
        return replace(self, low=low, high=high)


def interval_of(
    value: float, replicates: Floats, level: float = 0.95, method: str = "basic"
) -> Interval | None:
    """Return the interval of a score, or None if fewer than half of the replicates are finite.

    A replicate differs from the score v as the score differs from the truth. ``"basic"`` therefore
    reflects each quantile q about the score, 2 v - q, which removes the bias; ``"centred"`` shifts
    the quantiles by the bias, so that the mean of the replicates is at the score, and leaves the
    bias in; ``"percentile"`` uses the quantiles as they are. With fewer than 200 replicates
    ``"basic"`` and ``"centred"`` use their standard deviation with Student's quantile instead.

    Parameters
    ----------
    value
        The score.
    replicates
        Values of the score on resampled rows, shape (b,); those that are not finite are left out.
    level
        Confidence level: the share of samples whose interval contains the truth.
    method
        One of the three words.

    References
    ----------
    A. C. Davison, D. V. Hinkley, "Bootstrap methods and their application", 1997, sect. 5.2.

    Examples
    --------
    >>> interval = interval_of(1.0, np.linspace(1.0, 1.4, 401), method="basic")
    >>> round(interval.low, 2), round(interval.high, 2), round(interval.bias, 2)
    (0.61, 0.99, 0.2)
    """
    finite = replicates[np.isfinite(replicates)]
    if len(finite) < max(2, len(replicates) / 2) or not np.isfinite(value):
        return None
    bias = float(finite.mean()) - value
    tail = (1 - level) / 2
    if len(finite) < ENOUGH_FOR_QUANTILES and method != "percentile":
        half = student(level, len(finite) - 1) * float(finite.std(ddof=1))
        centre = value - bias if method == "basic" else value
        return Interval.between(centre - half, centre + half, bias)
    low, high = (float(end) for end in np.quantile(finite, [tail, 1 - tail]))
    if method == "basic":
        return Interval.between(2 * value - high, 2 * value - low, bias)
    shift = bias if method == "centred" else 0.0
    return Interval.between(low - shift, high - shift, bias)


def student(level: float, freedom: int) -> float:
    """Return the quantile of Student's t at 0.5 + level / 2."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 0.5 + level / 2))


def with_interval(
    score: Score,
    interval: Interval | None,
    *,
    level: float,
    over: str,
    covers: str,
    method: str,
    resamples: int,
) -> Score:
    """Return a score with its interval, and a note if the bias exceeds half the width of it."""
    if interval is None:
        return score
    settings = {
        "resamples": resamples, "level": level, "over": over, "covers": covers, "method": method,
        "bias": interval.bias,
    }  # fmt: skip
    biased = abs(interval.bias) > interval.half > 0
    notes = [bias_note(score.name, interval, covers, method)] if biased else []
    return score.with_interval(interval.low, interval.high, notes, interval=settings)


def bias_note(name: str, interval: Interval, covers: str, method: str) -> str:
    """Return a sentence on a bias that is larger than half the interval."""
    text = (
        f"{name}: the estimated bias, {interval.bias:+.2g}, exceeds half the width of the "
        f"interval, {interval.half:.2g}"
    )
    if covers == SAME_SIZE:
        return f"{text}; the interval is for tables of this many rows, and more change the score"
    if method == "basic":
        return f"{text}; the interval is corrected for the bias, the score is not"
    return f"{text}; more rows make the bias smaller"
