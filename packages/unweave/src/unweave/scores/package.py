"""The package of metrics, found through the registry; nothing here imports torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, cast

from unweave.errors import ConfigError, unknown_name
from unweave.options import parse_spec
from unweave.other_processes import threads_of_each
from unweave.registry import Registry, registry

HOME = "unweave-metrics"
METRICS = ("mig", "factor-vae", "sap")
"""Default metrics of `unweave evaluate`."""


class Evaluation(Protocol):
    """A function that computes many metrics of one set of arrays, as `unweave_metrics.evaluate`."""

    def __call__(self, codes: Any, factors: Any = ..., **options: Any) -> Mapping[str, Any]:
        """Return the scores by the names of the functions."""


class StudyPart(Protocol):
    """Metrics that a study computed for one kind of codes; `unweave_metrics.presets` lists them."""

    metrics: Sequence[str]
    codes: Literal["mean", "sampled"]
    on: Literal["train", "holdout"]
    rows: int | None


def evaluation_of(names: Registry) -> Evaluation | None:
    """Return the function that computes many metrics at once; None if the package is missing."""
    package = _package(names)
    return None if package is None else cast(Evaluation, package.evaluate)


def apart(metrics: Sequence[Any]) -> list[list[Any]]:
    """Split metrics of the package into groups that share no computation."""
    module = importlib.import_module(f"{_package(registry()).__name__}.apart")
    return cast(list[list[Any]], module.apart(metrics))


def parts_of_preset(names: Registry, preset: str) -> Sequence[StudyPart]:
    """Return the metrics and codes of a preset's study; empty if the preset lists none.

    Raises
    ------
    ConfigError
        If the package of metrics is not installed or has no preset of this name.
    """
    package = _package(names)
    if package is None:
        raise ConfigError(f"presets are those of {HOME}, which is not installed; install it")
    presets = importlib.import_module(f"{package.__name__}.presets")
    if preset not in presets.preset_names():
        raise unknown_name("preset", preset, presets.preset_names())
    return cast(Sequence[StudyPart], presets.parts_of(preset))


def warm_up(metrics: Sequence[str]) -> None:
    """Score a few rows, which imports the package and all that its metrics need."""
    import numpy as np

    names = registry()
    evaluation = evaluation_of(names)
    if evaluation is None:
        return
    entries = [names.lookup("metric", parse_spec(text)[0], HOME) for text in metrics]
    functions = [entry.load() for entry in entries if entry.distribution == HOME]
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 3, size=(100, 2))
    codes = (factors + rng.normal(size=factors.shape)).astype(np.float32)
    evaluation(
        codes, factors, metrics=functions, bootstrap=2, jobs=threads_of_each(), progress=False
    )


def _package(names: Registry) -> Any:
    """Import the package that registers the usual metrics; None if it is not installed."""
    entry = next((e for e in names.entries("metric") if e.distribution == HOME), None)
    if entry is None:
        return None
    return importlib.import_module(entry.target.partition(":")[0].partition(".")[0])
