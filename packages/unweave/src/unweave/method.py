"""A method of the literature, as data: which posterior, cost, estimators and weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import AfterValidator

NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*"
LINEAR = re.compile(rf"linear\({NUMBER},{NUMBER},{NUMBER}\)")
WARMUP = re.compile(rf"warmup\({NUMBER},{NUMBER}\)")


@dataclass(frozen=True)
class Schedule:
    """A weight over the steps: from `start` to `end` in a straight line, then constant.

        w(t) = start + (end - start) min(t / steps, 1)

    Written as `6`, `linear(start, end, steps)` or `warmup(end, steps)` (from zero).
    """

    start: float
    end: float
    steps: int = 1

    @classmethod
    def parse(cls, text: float | str) -> Schedule:
        """Read a schedule from a number or its text.

        >>> Schedule.parse("warmup(6, 1000)")
        Schedule(start=0.0, end=6.0, steps=1000)
        """
        text = str(text).strip().lower()
        if re.fullmatch(NUMBER, text):
            return cls(float(text), float(text))
        if match := LINEAR.fullmatch(text):
            start, end, steps = map(float, match.groups())
        elif match := WARMUP.fullmatch(text):
            start, (end, steps) = 0.0, map(float, match.groups())
        else:
            raise ValueError(
                f"expected a number, linear(start, end, steps) or warmup(end, steps), got {text!r}"
            )
        if steps < 1 or steps != int(steps):
            raise ValueError(
                f"a schedule needs a whole number of steps of at least 1, got {steps:g}"
            )
        return cls(start, end, int(steps))


def _check_weight(value: float | str) -> float | str:
    schedule = Schedule.parse(value)
    return schedule.start if schedule.start == schedule.end else value


Weight = Annotated[float | str, AfterValidator(_check_weight)]
"""The type of an option that is a weight: a number or the text of a `Schedule`."""


@dataclass(frozen=True)
class Term:
    """An estimator and the weight of each of its terms in the loss; terms not named are logged.

    estimator : registered name.
    weights : term name -> weight, or one weight for every term of the estimator.
    options : options of the estimator.
    targets : term name -> target C; such a term enters the loss as weight x |term - C|.
    """

    estimator: str
    weights: Mapping[str, float | str] | float | str
    options: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """What a method adds up: loss = cost + sum of weight x term.

    terms : the estimators with their weights.
    cost : the reconstruction cost, a registered name with options as in `gaussian:sigma=0.1`.
    posterior : family of q(z|x), a registered name with options as in `fixed-noise:noise=0.2`.
    prior : p(z) unless the run names another; a registered name with options.
    """

    terms: tuple[Term, ...]
    cost: str = "bernoulli"
    posterior: str = "gaussian"
    prior: str = "normal"
