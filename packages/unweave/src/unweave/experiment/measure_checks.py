"""Checks before training that a kind of run will have the inputs of its measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.code_scores import split_parts
from unweave.experiment.definition import Experiment
from unweave.experiment.quantities import frechet_options, open_test_data
from unweave.protocols import Dataset
from unweave.registry import registry
from unweave.train_config import TrainConfig

if TYPE_CHECKING:
    from unweave.model import Autoencoder


@dataclass(frozen=True)
class Subject:
    """A kind of run before training, against which measures are checked.

    Attributes
    ----------
    data
        That it is trained on.
    terms
        That it logs.
    model
        With the weights of step 0.
    """

    config: TrainConfig
    data: Dataset
    terms: tuple[str, ...]
    model: Autoencoder


def needs_nothing(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise if a measure without argument has one."""
    if argument:
        raise ConfigError(f"it takes no argument, got {argument[:80]!r}")


def check_term(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless a term is logged, or is when held-out images or scores are."""
    if not argument:
        raise ConfigError("the term is missing; add it, as in 'log reconstruction'")
    if not is_logged(subject, argument):
        raise unknown_name("term in the log", argument, subject.terms)


def is_logged(subject: Subject, name: str) -> bool:
    """Say whether a name will be in the log: of a term, of its validation, or of a score."""
    kind, _, rest = name.partition("/")
    if kind == "validation" and subject.config.holdout:
        return rest in subject.terms
    return name in subject.terms or (kind == "score" and subject.config.evaluate_every > 0)


def check_code_score(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless a metric and its kind of codes are available."""
    from unweave.scores.calls import check_metric

    text, parts = split_parts(argument)
    check_metric(registry(), text, subject.data)
    if "holdout" in parts and not subject.config.holdout:
        raise ConfigError("no images are held out; set holdout=N, as in holdout = 10000")


def check_mapped(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless a metric of codes with normal marginals is available."""
    from unweave.scores.calls import check_metric

    check_metric(registry(), argument, subject.data)
    if subject.data.factors is None:
        raise ConfigError(
            f"it needs factors, but {subject.data.name} has none; choose another measure"
        )


def check_probe(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless there are factors, and test images where a classifier is tested."""
    from unweave.experiment.linear_probe import check_part

    check_part(argument)
    registry().lookup("metric", "linear-probe", "unweave-metrics")
    if subject.data.factors is None:
        raise ConfigError(
            f"it needs factors, but {subject.data.name} has none; choose another measure"
        )
    if experiment.test is None and not subject.config.holdout:
        raise ConfigError('there are no test images; set test = "split=test", or holdout=N')


def check_decomposition(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless the term exists, and can be computed with the posterior and the prior."""
    from unweave.experiment.decomposition import decomposition_term

    decomposition_term(registry(), subject.model, subject.data.images(np.arange(2)), argument)


def check_mmd(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless codes can be compared with samples of the source."""
    registry().lookup("metric", "mmd")
    _check_source(experiment, argument)


def check_frechet(experiment: Experiment, subject: Subject, argument: str) -> None:
    """Raise unless pictures of the source, by that network, can be compared with test images."""
    from unweave.scores.frechet import IMAGES, NETWORK, RECONSTRUCTIONS, feature_network

    source, options = frechet_options(argument)
    if source != RECONSTRUCTIONS:
        _check_source(experiment, source)
    feature_network(options.get("network", NETWORK))
    if subject.data.bits == 32:
        raise ConfigError(
            f"{subject.data.name} has no images; compare codes by 'mmd prior' instead"
        )
    wanted, there = options.get("images", IMAGES), _test_size(experiment, subject)
    if there < wanted:
        raise ConfigError(
            f"there are {there} test images, and it compares {wanted}; set images={there} or fewer"
        )


def _test_size(experiment: Experiment, subject: Subject) -> int:
    if experiment.test is not None:
        return len(open_test_data(registry(), experiment, subject.config))
    return subject.config.holdout or len(subject.data)


def _check_source(experiment: Experiment, source: str) -> None:
    from unweave.trained import source_named

    if source_named(source) == "density" and experiment.density is None:
        raise ConfigError('it needs a density; set one, as in density = "maf"')
