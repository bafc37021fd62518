"""Numbers that experiments compare: a function of a run each, checked before training."""

from __future__ import annotations

import inspect
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unweave.config import TrainConfig, build_method, config_text
from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Better, Experiment
from unweave.options import build, check_options, convert, options_of, parse_spec
from unweave.protocols import Dataset
from unweave.registry import Registry, registry

if TYPE_CHECKING:
    from unweave.run import Run

ROWS = 10_000
"""Images that a measure looks at."""
RUN_HAS = frozenset({"codes", "factors", "images", "reconstructions"})
"""What a metric may ask for."""
LOWER = frozenset(
    {"reconstruction-error", "frechet-distance", "kernel-distance", "mmd", "gaussian-wasserstein",
     "gaussian-total-correlation", "total-correlation-knn", "laplacian-variance"}
)  # fmt: skip
"""Registered metrics of which less is better; of every other one more is."""


@dataclass(frozen=True)
class Measure:
    """A number of a run.

    compute : (run, experiment, argument) -> the number.
    check : (experiment, configuration, data, argument) raises where it could not be computed.
    better : which direction is better.
    """

    compute: Callable[[Run, Experiment, str], float]
    check: Callable[[Experiment, TrainConfig, Dataset, str], None]
    better: Better = "lower"


def squared_error(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a training image, summed over pixels, at the mean code."""
    return _mean_error(run)


def test_squared_error(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a test image, summed over pixels, at the mean code."""
    return _mean_error(run, dataset=test_data(run, experiment))


def noisy_squared_error(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a training image at a code z ~ q(z|x)."""
    return _mean_error(run, noisy=True)


def noisy_test_squared_error(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the mean squared error of a test image at a code z ~ q(z|x)."""
    return _mean_error(run, dataset=test_data(run, experiment), noisy=True)


def code_variance(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the total variance of the codes, sum over d of Var(z_d), z ~ q(z|x)."""
    return float(run.posterior_codes(ROWS).var(0, dtype=np.float64).sum())


def posterior_std(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the mean standard deviation of q(z|x) over images and dimensions."""
    from unweave.evaluate import encode_table

    return float(encode_table(run, run.model, rows=ROWS).std.mean(dtype=np.float64))


def log_term(run: Run, experiment: Experiment, argument: str) -> float:
    """Read the last logged value of a term, as in `log kl`."""
    found = [line[argument] for line in run.scalars() if argument in line]
    if not found:
        known = {key for line in run.scalars() for key in line if key != "step"}
        raise unknown_name("term in the log", argument, known)
    return found[-1]


def metric(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute a registered metric of the code table, as in `metric factor-vae`."""
    from unweave.evaluate import evaluate

    name, _ = parse_spec(argument)
    return float(evaluate(run, (argument,), rows=ROWS)[name])


def mmd(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute MMD² between codes and samples of the `prior` or the fitted `density`."""
    from unweave.evaluate import code_distances

    return code_distances(run)[argument]


def frechet(run: Run, experiment: Experiment, argument: str) -> float:
    """Compute the Fréchet distance of pictures from the `prior` or `density` to test images.

    Options as in `frechet prior:images=10000,network=inception`.
    """
    from unweave.frechet import frechet_distance
    from unweave.run import source_named

    source, options = _frechet_options(argument)
    return frechet_distance(run, source_named(source), test_data(run, experiment), **options)


def _mean_error(run: Run, dataset: Dataset | None = None, noisy: bool = False) -> float:
    from unweave.evaluate import encode_table

    table = encode_table(run, run.model, rows=ROWS, dataset=dataset, noisy=noisy)
    return float(table.reconstruction_error.mean(dtype=np.float64))


def test_data(run: Run, experiment: Experiment) -> Dataset:
    """Open the run's data set with the experiment's options for the test data, or as it is."""
    if experiment.test is None:
        return run.dataset
    return open_test_data(run.registry, experiment, run.config)


def open_test_data(names: Registry, experiment: Experiment, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration with the experiment's options for the test data."""
    _, options = parse_spec(f"{config.data.name}:{experiment.test}")
    entry = names.lookup("dataset", config.data.name)
    return cast(Dataset, build(entry, options={**config.data.options, **options}))


def _needs_nothing(
    experiment: Experiment, config: TrainConfig, data: Dataset, argument: str
) -> None:
    if argument:
        raise ConfigError(f"it takes no argument, got {argument[:80]!r}")


def _check_term(experiment: Experiment, config: TrainConfig, data: Dataset, argument: str) -> None:
    if not argument:
        raise ConfigError("name a term, as in 'log reconstruction'")
    if argument in ("loss", "reconstruction", *_own_terms(config)):
        return
    if getattr(config, "evaluate_every", 0):
        return  # scores are in the log, too, from the first evaluation on
    known = _logged_terms(config)
    if argument not in known:
        raise unknown_name("term in the log", argument, known)


def _own_terms(config: TrainConfig) -> list[str]:
    """List the terms of a method's estimators, as far as their classes name them."""
    known: list[str] = []
    for term in build_method(registry(), config).terms:
        target = registry().lookup("estimator", parse_spec(term.estimator)[0]).load()
        terms = getattr(target, "terms", ())
        known += map(str, terms) if isinstance(terms, tuple | list) else []
    return known


def _logged_terms(config: TrainConfig) -> list[str]:
    """List what a run logs, by a run of one step."""
    from unweave.api import train

    settings = tomllib.loads(config_text(registry(), config))
    settings |= {"steps": 1, "log_every": 1, "checkpoint_every": 1}
    with tempfile.TemporaryDirectory() as folder:
        run = train(**settings, out=Path(folder) / "run", device="cpu")
        return [name for name in run.scalars()[-1] if name != "step"]


def _check_metric(
    experiment: Experiment, config: TrainConfig, data: Dataset, argument: str
) -> None:
    name, options = parse_spec(argument)
    entry = registry().lookup("metric", name)
    check_options(entry, options)
    parameters = inspect.signature(entry.load()).parameters.values()
    needs = {p.name for p in parameters if p.kind is not p.KEYWORD_ONLY}
    if unknown := sorted(needs - RUN_HAS):
        raise ConfigError(f"metric {name} needs {unknown[0]}, which a run does not have")
    if "factors" in needs and data.factors is None:
        raise ConfigError(f"metric {name} needs factors, and {data.name} has none")
    if data.bits == 32 and {"images", "reconstructions"} & needs:
        raise ConfigError(f"metric {name} needs images, and {data.name} has none")


def _check_mmd(experiment: Experiment, config: TrainConfig, data: Dataset, argument: str) -> None:
    registry().lookup("metric", "mmd")
    _check_source(experiment, argument)


def _check_frechet(
    experiment: Experiment, config: TrainConfig, data: Dataset, argument: str
) -> None:
    from unweave.frechet import NETWORKS

    source, options = _frechet_options(argument)
    _check_source(experiment, source)
    if options.get("network", "inception") not in NETWORKS:
        raise unknown_name("feature network", options["network"], NETWORKS)
    if data.bits == 32:
        raise ConfigError(f"{data.name} has no images; compare codes by 'mmd prior' instead")


def _check_source(experiment: Experiment, source: str) -> None:
    from unweave.run import source_named

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


def measure(run: Run, experiment: Experiment, text: str) -> float:
    """Compute a measure, `NAME` or `NAME argument`.

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    """
    found, argument = split_measure(text)
    return float(found.compute(run, experiment, argument))


def better(experiment: Experiment, label: str) -> Better:
    """Say which direction of a measure is better: as the experiment says, or the measure."""
    text = experiment.measures.get(label, "")
    if label in experiment.better or not text:
        return experiment.better.get(label, "neither")
    found, argument = split_measure(text)
    if found.compute is metric and parse_spec(argument)[0].rpartition(":")[2] in LOWER:
        return "lower"
    return found.better


def is_reconstruction(text: str) -> bool:
    """Say whether a measure is one of the reconstruction."""
    return text.split(" ")[0] in ERRORS or text == "log reconstruction"
