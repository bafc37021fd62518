"""Metrics with options, looked up and checked before anything is encoded."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from unweave.errors import ConfigError
from unweave.options import ARRAYS, check_options, options_of_entry, parse_spec
from unweave.protocols import Dataset
from unweave.registry import Entry, Registry
from unweave.scores.arrays import Arrays, of_images
from unweave.scores.package import HOME, METRICS

Called = tuple[str, "Call"]


@dataclass(frozen=True)
class Call:
    """A metric with its options, ready for arrays."""

    entry: Entry
    options: Mapping[str, Any]
    needs: tuple[str, ...]

    def arguments(self, arrays: Arrays) -> dict[str, NDArray[Any]]:
        """Return its arguments by name."""
        return {need: arrays.get(need, self.needs) for need in self.needs}


def metric_calls(
    names: Registry, metrics: Sequence[str] | None, dataset: Dataset, seed: int,
    preset: str | None = None,
) -> list[Called]:  # fmt: skip
    """Find metrics; a default one is always taken from its own distribution."""
    home = None if metrics is not None else HOME
    chosen = _default_metrics(names, dataset) if metrics is None else metrics
    texts = dict.fromkeys(with_preset(names, text, preset, home) for text in chosen)
    return [_metric(names, text, dataset, seed, home) for text in texts]


def with_preset(names: Registry, text: str, preset: str | None, home: str | None) -> str:
    """Add a preset to a metric that has this option without a value."""
    name, options = parse_spec(text)
    if preset is None or "preset" in options:
        return text
    if "preset" not in options_of_entry(names.lookup("metric", name, home)):
        return text
    return f"{text.strip()}{',' if options else ':'}preset={preset}"


def _default_metrics(names: Registry, dataset: Dataset) -> tuple[str, ...]:
    if dataset.factors is None:
        return ()
    available = {entry.name for entry in names.entries("metric")}
    # Votes for the only factor there is are always right.
    alone = {"factor-vae"} if dataset.factors.shape[1] == 1 else set()
    return tuple(name for name in METRICS if name in available - alone)


def check_metric(names: Registry, text: str, dataset: Dataset) -> None:
    """Raise unless a metric, `NAME` or `NAME:key=value`, can be computed for a data set."""
    _metric(names, text, dataset, 0)


def _metric(
    names: Registry, text: str, dataset: Dataset, seed: int, home: str | None = None
) -> Called:
    """Find a metric and check its options and needs before anything is encoded."""
    name, options = parse_spec(text)
    entry = names.lookup("metric", name, home)
    target = entry.load()
    values: dict[str, Any] = dict(options)
    if "seed" in options_of_entry(entry):
        values.setdefault("seed", seed)
    check_options(entry, values)
    needs = tuple(
        p.name
        for p in inspect.signature(target).parameters.values()
        if p.kind is not p.KEYWORD_ONLY and (p.default is p.empty or p.name in ARRAYS)
    )
    if unknown := sorted(set(needs) - ARRAYS):
        raise ConfigError(f"metric {name} needs {unknown[0]}, which a run does not have")
    if dataset.bits == 32 and of_images(needs):
        raise ConfigError(f"metric {name} needs images, and {dataset.name} has none")
    if "factors" in needs and dataset.factors is None:
        raise ConfigError(f"metric {name} needs factors, and {dataset.name} has none")
    return text.strip(), Call(entry, values, needs)
