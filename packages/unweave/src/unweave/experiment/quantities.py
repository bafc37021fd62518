"""Quantities of a run that experiments compare: its errors, codes, log and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Experiment
from unweave.options import build, convert, options_of, parse_spec
from unweave.protocols import Dataset, PosteriorFamily
from unweave.registry import Registry
from unweave.train_config import TrainConfig

if TYPE_CHECKING:
    from unweave.trained import Trained

ROWS = 10_000
"""Number of images that a measure uses."""


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


def _mean_error(run: Trained, dataset: Dataset | None = None, noisy: bool = False) -> float:
    from unweave.codetable import encode_table

    table = encode_table(run, run.model, rows=ROWS, dataset=dataset, noisy=noisy)
    return float(table.reconstruction_error.mean(dtype=np.float64))


def code_variance(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the total variance of the codes, sum over d of Var(z_d), z ~ q(z|x)."""
    return float(run.posterior_codes(ROWS).var(0, dtype=np.float64).sum())


def posterior_std(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the mean standard deviation of q(z|x) over images and dimensions."""
    from unweave.codetable import encode_table

    return float(encode_table(run, run.model, rows=ROWS).std.mean(dtype=np.float64))


def log_term(run: Trained, experiment: Experiment, argument: str) -> float:
    """Read the last logged value of a term, as in `log kl`."""
    values = [line[argument] for line in run.scalars() if argument in line]
    if not values:
        terms = {key for line in run.scalars() for key in line if key != "step"}
        raise unknown_name("term in the log", argument, terms)
    return values[-1]


def regulariser(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute sum over terms of weight x term of the last log line, without the reconstruction.

    Terms are the line's, means over the steps since the line before; weights and targets are
    those of its last step. A term with a target C counts as weight x |term - C|.
    """
    from unweave.config import build_method
    from unweave.method_terms import build_estimators
    from unweave.objectives.terms import term_labels

    config, names = run.config, run.registry
    terms = build_method(names, config).terms
    home = names.lookup("method", config.method).distribution
    estimators, weighings = build_estimators(
        names, terms, home, config.dim, cast(PosteriorFamily, run.model.family),
        config.posterior.name,
    )  # fmt: skip
    owners: dict[str, Any] = dict(estimators)
    labels = term_labels([(name, term) for name, e in owners.items() for term in e.terms])
    by_label = {labels[key]: weighing for key, weighing in weighings.items()}
    lines = [line for line in run.scalars() if by_label.keys() <= line.keys()]
    if not lines:
        raise ConfigError(
            f"the log must have a line with all terms of the regulariser ({', '.join(by_label)}), "
            "but has none; train the run further"
        )
    last = lines[-1]
    step, total = int(last["step"]) - 1, 0.0  # steps begin at 0, but at 1 in the log
    for term, weighing in by_label.items():
        off = last[term] if weighing.target is None else abs(last[term] - weighing.target.at(step))
        total += weighing.weight.at(step) * off
    return total


def mapped_metric(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute a metric of mean codes and factors after a map to normal marginals of the prior."""
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


def decomposition(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute a term of the KL divergence to the prior with the aggregate of all posteriors."""
    from unweave.experiment.decomposition import decomposition_term
    from unweave.trained import sample_rows

    images = run.dataset.images(sample_rows(len(run.dataset), ROWS, 0))
    return decomposition_term(run.registry, run.model, images, argument)


def frechet(run: Trained, experiment: Experiment, argument: str) -> float:
    """Compute the Fréchet distance of pictures from the `prior` or `density` to test images.

    `reconstructions` are those of the test images, of codes z ~ q(z|x). Options as in
    `frechet prior:images=10000,network=inception`.
    """
    from unweave.scores.frechet import frechet_distance, pictures_named

    source, options = frechet_options(argument)
    return frechet_distance(run, pictures_named(source), test_data(run, experiment), **options)


def frechet_options(argument: str) -> tuple[str, dict[str, Any]]:
    """Split the argument of `frechet` into the source and options of the right types."""
    from unweave.scores.frechet import frechet_distance

    source, texts = parse_spec(argument)
    parameters = options_of(frechet_distance, ("progress", "seed"))
    for name in texts:
        if name not in parameters:
            raise unknown_name("option of measure frechet", name, parameters)
    return source, {
        name: convert(f"option {name} of measure frechet", parameters[name].annotation, value)
        for name, value in texts.items()
    }


def test_data(run: Trained, experiment: Experiment) -> Dataset:
    """Open the data with the experiment's options for the test; else held-out images, or all."""
    if experiment.test is not None:
        return open_test_data(run.registry, experiment, run.config)
    return run.heldout if run.config.holdout else run.dataset


def open_test_data(names: Registry, experiment: Experiment, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration with the experiment's options for the test data."""
    _, options = parse_spec(f"{config.data.name}:{experiment.test}")
    entry = names.lookup("dataset", config.data.name)
    return cast(Dataset, build(entry, options={**config.data.options, **options}))
