"""Numbers that experiments compare: each a function of a run, checked before training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from unweave.errors import unknown_name
from unweave.experiment.code_scores import metric, split_parts
from unweave.experiment.definition import Experiment
from unweave.experiment.measure_checks import (
    Subject,
    check_code_score,
    check_decomposition,
    check_frechet,
    check_mapped,
    check_mmd,
    check_probe,
    check_term,
    needs_nothing,
)
from unweave.experiment.metric_facts import UPWARD, MetricFacts, metric_facts
from unweave.experiment.quantities import (
    code_variance,
    decomposition,
    frechet,
    linear_probe,
    log_term,
    mapped_metric,
    mmd,
    noisy_squared_error,
    noisy_test_squared_error,
    posterior_std,
    regulariser,
    squared_error,
    test_squared_error,
)
from unweave.scores.declarations import ANY, Better, Bounds

if TYPE_CHECKING:
    from unweave.trained import Trained

LOSSES = ("loss", "reconstruction")
"""Logged terms of which lower is better. Others are estimates, which may fall below what they
estimate: a total correlation below 0 is not better than 0."""


@dataclass(frozen=True)
class Measure:
    """A number of a run.

    Attributes
    ----------
    compute
        (run, experiment, argument) -> the number.
    check
        (experiment, subject, argument) raises where it could not be computed.
    better
        Which direction is better, where the argument does not decide it.
    bounds
        The least and the largest value, where the argument does not decide them.
    """

    compute: Callable[[Trained, Experiment, str], float]
    check: Callable[[Experiment, Subject, str], None]
    better: Better = "lower"
    bounds: Bounds = UPWARD


MEASURES: Mapping[str, Measure] = {
    "squared-error": Measure(squared_error, needs_nothing),
    "test-squared-error": Measure(test_squared_error, needs_nothing),
    "noisy-squared-error": Measure(noisy_squared_error, needs_nothing),
    "noisy-test-squared-error": Measure(noisy_test_squared_error, needs_nothing),
    "code-variance": Measure(code_variance, needs_nothing, "neither"),
    "posterior-std": Measure(posterior_std, needs_nothing, "neither"),
    "log": Measure(log_term, check_term, "neither", ANY),
    "regulariser": Measure(regulariser, needs_nothing, "neither", ANY),
    "metric": Measure(metric, check_code_score, "higher"),
    "mapped-metric": Measure(mapped_metric, check_mapped, "higher"),
    "linear-probe": Measure(linear_probe, check_probe, "higher", (0.0, 1.0)),
    "decomposition": Measure(decomposition, check_decomposition, "neither"),
    "mmd": Measure(mmd, check_mmd, "lower", ANY),
    "frechet": Measure(frechet, check_frechet),
}
ERRORS = ("squared-error", "test-squared-error", "noisy-squared-error", "noisy-test-squared-error")
"""Measures of the reconstruction."""


def split_measure(text: str) -> tuple[Measure, str]:
    """Find a measure, `NAME` or `NAME argument`, and its argument.

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    """
    name, _, argument = text.partition(" ")
    if name not in MEASURES:
        raise unknown_name("measure", name, MEASURES)
    return MEASURES[name], argument.strip()


def measure(run: Trained, experiment: Experiment, text: str) -> float:
    """Compute a measure, `NAME` or `NAME argument`.

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    """
    entry, argument = split_measure(text)
    return float(entry.compute(run, experiment, argument))


def better(experiment: Experiment, label: str) -> Better:
    """Return the better direction of a measure: that of the experiment, else of the measure."""
    text = experiment.measures.get(label, "")
    if label in experiment.better or not text:
        return experiment.better.get(label, "neither")
    return _facts(text).better


def bounds(experiment: Experiment, label: str) -> Bounds:
    """Say between which numbers a measure lies; without end where it is not known."""
    text = experiment.measures.get(label, "")
    return _facts(text).bounds if text else ANY


def _facts(text: str) -> MetricFacts:
    entry, argument = split_measure(text)
    if entry.compute in (metric, mapped_metric):
        return metric_facts(split_parts(argument)[0])
    if entry.compute is log_term:
        return _facts_of_term(argument)
    return MetricFacts(entry.better, entry.bounds)


def _facts_of_term(name: str) -> MetricFacts:
    if name.startswith("score/"):
        return metric_facts(split_parts(name.removeprefix("score/"))[0])
    term = name.rpartition("/")[2]
    if name.removeprefix("validation/") in LOSSES:
        return MetricFacts("lower", ANY)
    return MetricFacts("neither", UPWARD if f"_{term}".endswith("_kl") else ANY)


def is_reconstruction(text: str) -> bool:
    """Say whether a measure is one of the reconstruction."""
    return text.split(" ")[0] in ERRORS or text == "log reconstruction"
