"""Numbers that recipes compare: a function of a run each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

import numpy as np

from unweave.codetable import encode_table
from unweave.errors import unknown_name
from unweave.evaluate import code_distances, evaluate
from unweave.options import build, parse_spec
from unweave.protocols import Dataset
from unweave.reproduce.recipe import Recipe
from unweave.trained import Trained as Run
from unweave.trained import source_named

ROWS = 10_000
"""Images that a measure looks at."""

Measure = Callable[[Run, Recipe, str], float]


def squared_error(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute the mean squared error of a training image, summed over pixels, at the mean code."""
    return _mean_error(run)


def test_squared_error(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute the mean squared error of a test image, summed over pixels, at the mean code."""
    return _mean_error(run, dataset=test_data(run, recipe))


def noisy_squared_error(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute the mean squared error of a training image at a code z ~ q(z|x)."""
    return _mean_error(run, noisy=True)


def code_variance(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute the total variance of the codes, sum over d of Var(z_d), z ~ q(z|x)."""
    return float(run.posterior_codes(ROWS).var(0, dtype=np.float64).sum())


def posterior_std(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute the mean standard deviation of q(z|x) over images and dimensions."""
    return float(encode_table(run, run.model, rows=ROWS).std.mean(dtype=np.float64))


def log_term(run: Run, recipe: Recipe, argument: str) -> float:
    """Read the last logged value of a term, as in `log kl`."""
    return run.scalars()[-1][argument]


def metric(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute a registered metric of the code table, as in `metric factor-vae`."""
    name, _ = parse_spec(argument)
    return float(evaluate(run, (argument,), rows=ROWS)[name])


def mmd(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute MMD² between codes and samples of the `prior` or the fitted `density`."""
    return code_distances(run)[argument]


def frechet(run: Run, recipe: Recipe, argument: str) -> float:
    """Compute the Fréchet distance of pictures from the `prior` or `density` to test images."""
    from unweave.frechet import frechet_distance

    return frechet_distance(run, source_named(argument), test_data(run, recipe))


MEASURES: Mapping[str, Measure] = {
    "squared-error": squared_error,
    "test-squared-error": test_squared_error,
    "noisy-squared-error": noisy_squared_error,
    "code-variance": code_variance,
    "posterior-std": posterior_std,
    "log": log_term,
    "metric": metric,
    "mmd": mmd,
    "frechet": frechet,
}


def measure(run: Run, recipe: Recipe, text: str) -> float:
    """Compute a measure, `NAME` or `NAME argument`.

    Raises
    ------
    UnknownNameError
        If there is no such measure.
    """
    name, _, argument = text.partition(" ")
    if name not in MEASURES:
        raise unknown_name("measure", name, MEASURES)
    return MEASURES[name](run, recipe, argument)


def _mean_error(run: Run, dataset: Dataset | None = None, noisy: bool = False) -> float:
    table = encode_table(run, run.model, rows=ROWS, dataset=dataset, noisy=noisy)
    return float(table.reconstruction_error.mean(dtype=np.float64))


def test_data(run: Run, recipe: Recipe) -> Dataset:
    """Open the run's data set with the recipe's options for the test data, or as it is."""
    if recipe.test is None:
        return run.dataset
    spec = run.config.data
    _, options = parse_spec(f"{spec.name}:{recipe.test}")
    entry = run.registry.lookup("dataset", spec.name)
    return cast(Dataset, build(entry, options={**spec.options, **options}))
