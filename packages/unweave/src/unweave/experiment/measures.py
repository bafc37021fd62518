"""Numbers that experiments compare: each a function of a run, checked before training."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unweave.config import TrainConfig
from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Better, Experiment
from unweave.options import build, convert, options_of, parse_spec, short_name
from unweave.protocols import Dataset
from unweave.registry import Registry, registry

if TYPE_CHECKING:
    from unweave.trained import Trained

PARTS = ("active", "sampled", "holdout")
"""Kinds of codes of a metric, in the order of the names in `scores.json`."""
ROWS = 10_000
"""Number of images that a measure uses."""
LOWER = frozenset(
    {"reconstruction-error", "frechet-distance", "kernel-distance", "mmd", "gaussian-wasserstein",
     "gaussian-total-correlation", "total-correlation-knn", "laplacian-variance"}
)  # fmt: skip
"""Registered metrics of which lower is better; for all others higher is better."""


@dataclass(frozen=True)
class Subject:
    """What a measure is checked against: a kind of run, before it is trained.

    Attributes
    ----------
    data
        That it is trained on.
    terms
        That it logs.
    """

    config: TrainConfig
    data: Dataset
    terms: tuple[str, ...]


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
        Which direction is better.
    """

    compute: Callable[[Trained, Experiment, str], float]
    check: Callable[[Experiment, Subject, str], None]
    better: Better = "lower"


def squared_error(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a training image, summed over pixels, at the mean code."""
    return _mean_error(run)


def test_squared_error(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a test image, summed over pixels, at the mean code."""
    return _mean_error(run, dataset=test_data(run, experiment))


def noisy_squared_error(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a training image at a code z ~ q(z|x)."""
    return _mean_error(run, noisy=True)


def noisy_test_squared_error(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a test image at a code z ~ q(z|x)."""
    return _mean_error(run, dataset=test_data(run, experiment), noisy=True)


def code_variance(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the total variance of the codes, sum over d of Var(z_d), z ~ q(z|x)."""
    return float(run.posterior_codes(ROWS).var(0, dtype=np.float64).sum())


def posterior_std(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the mean standard deviation of q(z|x) over images and dimensions."""
    from unweave.codetable import encode_table

    return float(encode_table(run, run.model, rows=ROWS).std.mean(dtype=np.float64))


def log_term(run: Trained, experiment: Experiment, argument: str) -> float:
    """Read the last logged value of a term, as in `log kl`."""
    found = [line[argument] for line in run.scalars() if argument in line]
    if not found:
        known = {key for line in run.scalars() for key in line if key != "step"}
        raise unknown_name("term in the log", argument, known)
    return found[-1]


def metric(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute a registered metric of the codes, as in `metric factor-vae`.

    After it, what of: `metric mig/active`, of the active dimensions alone; `metric mig/sampled`,
    of codes z ~ q(z|x) instead of means; `metric mig/holdout`, of images that were held out.
    """
    text, parts = split_parts(argument)
    known = _known_scores(run)
    name = _score_name(text, parts)
    if name not in known:
        _score(run, text, parts)
        known = _known_scores(run)
    if name not in known and "active" in parts:
        # Where all dimensions are active, or none is, there is no score of some.
        every = _score_name(text, parts - {"active"})
        return known[every]["value"] if _some_active(run, parts) else math.nan
    entry = known[name]
    if entry["reason"]:
        raise ConfigError(entry["reason"])
    return math.nan if entry["value"] is None else float(entry["value"])


def split_parts(argument: str) -> tuple[str, set[str]]:
    """Split `mig:bins=10/active/sampled` into the metric and what it is computed of."""
    parts: set[str] = set()
    text = argument.strip()
    while (end := text.rpartition("/")[2]) in PARTS and "/" in text:
        parts.add(end)
        text = text.rpartition("/")[0]
    return text, parts


def _score_name(text: str, parts: set[str]) -> str:
    return text + "".join(f"/{part}" for part in PARTS if part in parts)


def _score(run: Trained, text: str, parts: set[str]) -> None:
    from unweave.evaluate import evaluate

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # the reason is in the scores, and told
        evaluate(
            run, (text,), rows=ROWS, active="active" in parts, bootstrap=0,
            codes="sampled" if "sampled" in parts else "mean",
            on="holdout" if "holdout" in parts else "train",
        )  # fmt: skip


def _known_scores(run: Trained) -> dict[str, Any]:
    """Read the scores of the newest checkpoint that were computed as measures are."""
    from unweave.evaluate import read_scores

    content = read_scores(run)
    if content is None or content["step"] != run.step:
        return {}
    return {
        name: entry
        for name, entry in content["scores"].items()
        if entry.get("seed") == 0 and entry.get("rows") == min(ROWS, _size(run, name))
    }


def _size(run: Trained, name: str) -> int:
    return len(run.heldout if "holdout" in name.split("/") else run.dataset)


def _some_active(run: Trained, parts: set[str]) -> bool:
    from unweave.codetable import encode_table

    data = run.heldout if "holdout" in parts else run.dataset
    table = encode_table(run, run.model, rows=ROWS, dataset=data, noisy="sampled" in parts)
    return bool(table.active.any())


def mapped_metric(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute a metric of mean codes and factors after a map to normal margins of the prior."""
    from unweave.experiment.normal_margins import mapped_score

    return mapped_score(run, argument, ROWS)


def linear_probe(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the accuracy of a linear classifier of mean codes, on `train` or `test` images."""
    from unweave.experiment.linear_probe import check_part, probe_accuracy

    return probe_accuracy(run, test_data(run, experiment), check_part(argument), ROWS)


def mmd(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute MMD² between codes and samples of the `prior` or the fitted `density`."""
    from unweave.evaluate import code_distances

    return code_distances(run)[argument]


def frechet(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the Fréchet distance of pictures from the `prior` or `density` to test images.

    `reconstructions` are those of the test images, of codes z ~ q(z|x). Options as in
    `frechet prior:images=10000,network=inception`.
    """
    from unweave.frechet import frechet_distance, pictures_named

    source, options = _frechet_options(argument)
    return frechet_distance(run, pictures_named(source), test_data(run, experiment), **options)


def _mean_error(run: Trained, dataset: Dataset | None = None, noisy: bool = False) -> float:
    from unweave.codetable import encode_table

    table = encode_table(run, run.model, rows=ROWS, dataset=dataset, noisy=noisy)
    return float(table.reconstruction_error.mean(dtype=np.float64))


def test_data(run: Trained, experiment: Experiment) -> Dataset:
    """Open the data with the experiment's options for the test; else what was held out, or all."""
    if experiment.test is not None:
        return open_test_data(run.registry, experiment, run.config)
    return run.heldout if run.config.holdout else run.dataset


def open_test_data(names: Registry, experiment: Experiment, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration with the experiment's options for the test data."""
    _, options = parse_spec(f"{config.data.name}:{experiment.test}")
    entry = names.lookup("dataset", config.data.name)
    return cast(Dataset, build(entry, options={**config.data.options, **options}))


def _needs_nothing(experiment: Experiment, subject: Subject, argument: str) -> None:
    if argument:
        raise ConfigError(f"it takes no argument, got {argument[:80]!r}")


def _check_term(experiment: Experiment, subject: Subject, argument: str) -> None:
    if not argument:
        raise ConfigError("name a term, as in 'log reconstruction'")
    # Validation and scores are in the log, too, from the first time that they are computed.
    more = subject.config.evaluate_every or subject.config.holdout
    if argument not in subject.terms and not more:
        raise unknown_name("term in the log", argument, subject.terms)


def _check_metric(experiment: Experiment, subject: Subject, argument: str) -> None:
    from unweave.evaluate import check_metric

    text, parts = split_parts(argument)
    check_metric(registry(), text, subject.data)
    if "holdout" in parts and not subject.config.holdout:
        raise ConfigError("no images are held out; set holdout=N, as in holdout = 10000")


def _check_mapped(experiment: Experiment, subject: Subject, argument: str) -> None:
    from unweave.evaluate import check_metric

    check_metric(registry(), argument, subject.data)
    if subject.data.factors is None:
        raise ConfigError(f"it needs factors, and {subject.data.name} has none")


def _check_probe(experiment: Experiment, subject: Subject, argument: str) -> None:
    from unweave.experiment.linear_probe import check_part

    check_part(argument)
    registry().lookup("metric", "linear-probe", "unweave-metrics")
    if subject.data.factors is None:
        raise ConfigError(f"it needs factors, and {subject.data.name} has none")
    if experiment.test is None and not subject.config.holdout:
        raise ConfigError('there are no test images; set test = "split=test", or holdout=N')


def _check_mmd(experiment: Experiment, subject: Subject, argument: str) -> None:
    registry().lookup("metric", "mmd")
    _check_source(experiment, argument)


def _check_frechet(experiment: Experiment, subject: Subject, argument: str) -> None:
    from unweave.frechet import NETWORKS, RECONSTRUCTIONS

    source, options = _frechet_options(argument)
    if source != RECONSTRUCTIONS:
        _check_source(experiment, source)
    if options.get("network", "inception") not in NETWORKS:
        raise unknown_name("feature network", options["network"], NETWORKS)
    if subject.data.bits == 32:
        raise ConfigError(
            f"{subject.data.name} has no images; compare codes by 'mmd prior' instead"
        )


def _check_source(experiment: Experiment, source: str) -> None:
    from unweave.trained import source_named

    if source_named(source) == "density" and experiment.density is None:
        raise ConfigError('no density is fitted; say which, as in density = "maf"')


def _frechet_options(argument: str) -> tuple[str, dict[str, Any]]:
    from unweave.frechet import frechet_distance

    source, given = parse_spec(argument)
    known = options_of(frechet_distance, ("progress", "seed"))
    for name in given:
        if name not in known:
            raise unknown_name("option of measure frechet", name, known)
    return source, {
        name: convert(f"option {name} of measure frechet", known[name].annotation, value)
        for name, value in given.items()
    }


MEASURES: Mapping[str, Measure] = {
    "squared-error": Measure(squared_error, _needs_nothing),
    "test-squared-error": Measure(test_squared_error, _needs_nothing),
    "noisy-squared-error": Measure(noisy_squared_error, _needs_nothing),
    "noisy-test-squared-error": Measure(noisy_test_squared_error, _needs_nothing),
    "code-variance": Measure(code_variance, _needs_nothing, "neither"),
    "posterior-std": Measure(posterior_std, _needs_nothing, "neither"),
    "log": Measure(log_term, _check_term),
    "metric": Measure(metric, _check_metric, "higher"),
    "mapped-metric": Measure(mapped_metric, _check_mapped, "higher"),
    "linear-probe": Measure(linear_probe, _check_probe, "higher"),
    "mmd": Measure(mmd, _check_mmd),
    "frechet": Measure(frechet, _check_frechet),
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
    found, argument = split_measure(text)
    return float(found.compute(run, experiment, argument))


def better(experiment: Experiment, label: str) -> Better:
    """Return the better direction of a measure: that of the experiment, else of the measure."""
    text = experiment.measures.get(label, "")
    if label in experiment.better or not text:
        return experiment.better.get(label, "neither")
    found, argument = split_measure(text)
    name = parse_spec(split_parts(argument)[0])[0] if found.compute is metric else ""
    if short_name(name) in LOWER:
        return "lower"
    return found.better


def is_reconstruction(text: str) -> bool:
    """Say whether a measure is one of the reconstruction."""
    return text.split(" ")[0] in ERRORS or text == "log reconstruction"
