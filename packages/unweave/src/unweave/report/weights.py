"""The weights of the terms of a loss at each logged step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unweave.config import build_method
from unweave.method import Schedule, Term
from unweave.options import parse_spec, short_name

if TYPE_CHECKING:
    from unweave.trained import Trained


def term_weights(
    run: Trained, steps: Sequence[float], terms: Sequence[str]
) -> dict[str, list[float]]:
    """Return the weight of each logged term at each step.

    A log names a term `term`, or `estimator/term` where two estimators give one of that name. The
    loss and the reconstruction have weight 1; a term without a weight is logged alone.
    """
    weights: dict[str, list[float]] = {}
    home = run.registry.lookup("method", run.config.method).distribution
    for term in build_method(run.registry, run.config).terms:
        for name, weight in _weights(run, term, home).items():
            schedule = Schedule.parse(weight)
            estimator = short_name(parse_spec(term.estimator)[0])
            for label in (name, f"{estimator}/{name}"):
                if label in terms:
                    weights[label] = [_at(schedule, step) for step in steps]
    return weights


def _weights(run: Trained, term: Term, home: str) -> Mapping[str, Any]:
    if isinstance(term.weights, Mapping):
        return term.weights
    target = run.registry.lookup("estimator", parse_spec(term.estimator)[0], home).load()
    return dict.fromkeys(getattr(target, "terms", ()), term.weights)


def _at(schedule: Schedule, step: float) -> float:
    return schedule.start + (schedule.end - schedule.start) * min(step / schedule.steps, 1)
