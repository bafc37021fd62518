"""A method of the literature as a record: posterior, prior, cost, estimators and weights."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator

from unweave.errors import quote

NUMBER = r"\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?)\s*"
RAMP = re.compile(rf"(linear|cosine|exponential)\({NUMBER},{NUMBER},{NUMBER}\)")
WARMUP = re.compile(rf"warmup\({NUMBER},{NUMBER}\)")
STEPS = re.compile(rf"steps\({NUMBER}((?:,{NUMBER}:{NUMBER})+)\)")
DROP = re.compile(rf"{NUMBER}:{NUMBER}")
FORMS = (
    "a number, linear(start, end, steps), warmup(end, steps), cosine(start, end, steps), "
    "exponential(start, end, steps) or steps(value, step: factor, ...)"
)

Shape = Literal["linear", "cosine", "exponential", "steps"]


@dataclass(frozen=True)
class Schedule:
    """A weight or rate as a function w(t) of the step t, constant after `steps`.

    With s = min(t / steps, 1):

        linear       w(t) = start + (end - start) s
        cosine       w(t) = end + (start - end) (1 + cos(pi s)) / 2
        exponential  w(t) = start (end / start)^s
        steps        w(t) = start times the factor of the last drop at or before t

    Written as `6`, `linear(start, end, steps)`, `warmup(end, steps)` (linear from zero),
    `cosine(...)`, `exponential(...)` or `steps(1e-3, 18000: .5, 30000: .1)`.

    Attributes
    ----------
    drops
        For `steps`, pairs (step, factor of `start` from this step on), steps ascending.
    """

    start: float
    end: float
    steps: int = 1
    shape: Shape = "linear"
    drops: tuple[tuple[int, float], ...] = ()

    @classmethod
    def parse(cls, text: float | str) -> Schedule:
        """Read a schedule from a number or its text.

        Raises
        ------
        ValueError
            If the text has none of the forms, or its steps are not whole and ascending.

        Examples
        --------
        >>> Schedule.parse("warmup(6, 1000)")
        Schedule(start=0.0, end=6.0, steps=1000, shape='linear', drops=())
        """
        text = str(text).strip().lower()
        if re.fullmatch(NUMBER, text):
            return _finite(cls(float(text), float(text)), text)
        if match := STEPS.fullmatch(text):
            return _finite(_drops(cls, match), text)
        shape = "linear"
        numbers: tuple[float, ...]
        if match := RAMP.fullmatch(text):
            shape, *rest = match.groups()
            numbers = tuple(map(float, rest))
        elif match := WARMUP.fullmatch(text):
            numbers = (0.0, *map(float, match.groups()))
        else:
            raise ValueError(f"expected {FORMS}, got {quote(text)}")
        start, end, steps = numbers
        if shape == "exponential" and not start * end > 0:
            raise ValueError(f"an exponential schedule goes between numbers of one sign: {text}")
        return _finite(cls(start, end, _whole(steps), cast(Shape, shape)), text)

    def at(self, step: int) -> float:
        """Return w(step)."""
        passed = min(step / self.steps, 1.0)
        if self.shape == "steps":
            return self.start * ([1.0] + [f for at, f in self.drops if at <= step])[-1]
        if self.shape == "cosine":
            return self.end + (self.start - self.end) * (1 + math.cos(math.pi * passed)) / 2
        if self.shape == "exponential":
            return self.start * math.exp(math.log(self.end / self.start) * passed)
        return self.start + (self.end - self.start) * passed

    @property
    def values(self) -> tuple[float, ...]:
        """The values at the start, at every drop and at the end; w(t) stays between them."""
        return (self.start, *(self.start * factor for _, factor in self.drops), self.end)


def _whole(steps: float) -> int:
    if not 1 <= steps < math.inf or steps != int(steps):
        raise ValueError(f"a schedule needs a whole number of steps of at least 1, got {steps:g}")
    return int(steps)


def _drops(cls: type[Schedule], match: re.Match[str]) -> Schedule:
    start = float(match.group(1))
    drops = tuple((_whole(float(at)), float(f)) for at, f in DROP.findall(match.group(2)))
    if [at for at, _ in drops] != sorted({at for at, _ in drops}):
        raise ValueError(f"the steps of a schedule must ascend, got {match.group()}")
    return cls(start, start * drops[-1][1], drops[-1][0], "steps", drops)


def _finite(schedule: Schedule, text: str) -> Schedule:
    if not all(map(math.isfinite, schedule.values)):
        raise ValueError(f"a schedule needs finite numbers, got {quote(text)}")
    return schedule


def _check_weight(value: float | str) -> float | str:
    schedule = Schedule.parse(value)
    return schedule.start if len(set(schedule.values)) == 1 else value


Weight = Annotated[float | str, AfterValidator(_check_weight)]
"""The type of an option that is a weight: a number or the text of a `Schedule`."""


@dataclass(frozen=True)
class Term:
    """An estimator and the weights of its terms in the loss; others are only logged.

    Attributes
    ----------
    estimator
        Registered name.
    weights
        Term name -> weight, or one weight for every term of the estimator.
    options
        Options of the estimator.
    targets
        Term name -> target C; such a term enters the loss as weight x |term - C|.
    """

    estimator: str
    weights: Mapping[str, float | str] | float | str
    options: Mapping[str, Any] = field(default_factory=dict)
    targets: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Method:
    """A method: loss = cost + sum of weight x term.

    Attributes
    ----------
    terms
        The estimators with their weights.
    cost
        The reconstruction cost, a registered name with options as in `gaussian:sigma=0.1`.
    posterior
        Family of q(z|x), a registered name with options as in `fixed-noise:noise=0.2`.
    prior
        p(z) unless the run names another; a registered name with options.
    objective
        Which player descends which loss, a registered name. `sum`: the model descends the sum
        above, and every critic its own loss.
    objective_options
        Its options.
    """

    terms: tuple[Term, ...]
    cost: str = "bernoulli"
    posterior: str = "gaussian"
    prior: str = "normal"
    objective: str = "sum"
    objective_options: Mapping[str, Any] = field(default_factory=dict)
