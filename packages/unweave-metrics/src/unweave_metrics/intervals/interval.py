"""Confidence intervals from replicates of a score."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from unweave_metrics._counting import Floats
from unweave_metrics.score import Score

METHODS = ("basic", "centred", "percentile")

# What an interval is about. Most estimates come near the population's score as rows are added;
# those that learn from the rows, or count rarer and rarer cells, move with their number.
POPULATION = "the score of the whole population"
SAME_BINS = "the score of the whole population in the bins of this table"
SAME_SIZE = "the mean score of tables of this many rows"
THESE_ROWS = "these rows alone"

# Fewer replicates say how wide an interval is, but not where its ends are.
ENOUGH_FOR_QUANTILES = 200


@dataclass(frozen=True)
class Interval:
    """Ends of an interval, and the estimated bias: mean score of samples less the truth."""

    low: float
    high: float
    bias: float
    half: float

    @classmethod
    def between(cls, low: float, high: float, bias: float) -> Interval:
        """Return an interval that nothing was cut from."""
        return cls(low, high, bias, (high - low) / 2)

    def clipped(self, bounds: tuple[float, float]) -> Interval:
        """Return the part of it where the score can be; half its width stays what it was."""
        low, high = (float(np.clip(end, *bounds)) for end in (self.low, self.high))
        return replace(self, low=low, high=high)


def interval_of(
    value: float, replicates: Floats, level: float = 0.95, method: str = "basic"
) -> Interval | None:
    """Return an interval around a score, or None where it has no spread to speak of.

    A replicate differs from the score as the score differs from the truth. ``"basic"`` therefore
    mirrors the quantiles at the score, 2 v - q, which takes the bias away; ``"centred"`` moves the
    quantiles so that their mean is the score, which leaves it; ``"percentile"`` takes them as they
    are. Of fewer than 200 replicates the standard deviation is used with Student's quantile.

    Parameters
    ----------
    value
        The score.
    replicates
        Its values on resampled rows, shape (b,); those that are not finite are left out.
    level
        Share of samples whose interval is right.
    method
        One of the three.

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
    moved = bias if method == "centred" else 0.0
    return Interval.between(low - moved, high - moved, bias)


def student(level: float, freedom: int) -> float:
    """Return Student's quantile that leaves (1 - level) / 2 out on each side."""
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
    """Return a score with an interval, what it covers, and a note where the bias is the larger."""
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
        return f"{text}; the interval is for tables of this many rows, more rows give another score"
    corrected = "the interval is corrected for it, the score is not"
    return f"{text}; {corrected if method == 'basic' else 'more rows make it smaller'}"
