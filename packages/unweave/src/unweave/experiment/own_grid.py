"""Which settings of the grid a kind of run has: a baseline may lack the weight of a method."""

from __future__ import annotations

import json
from collections.abc import Iterator

from unweave.errors import ConfigError
from unweave.experiment.definition import Experiment, Variant, placeholders
from unweave.options import options_of_entry, parse_spec
from unweave.registry import registry
from unweave.settings import in_plain_spelling
from unweave.train_config import FIELDS


def with_own_grids(experiment: Experiment) -> Experiment:
    """Let every kind of run take what it has of the grid, where it lacks what another kind has."""
    runs = [
        variant.model_copy(update={"grid": [n for n in experiment.axes(variant) if n not in names]})
        if names
        else variant
        for variant, names in _lacking(experiment)
    ]
    return experiment.model_copy(update={"runs": runs})


def check_own_grids(experiment: Experiment) -> None:
    """Raise if the grid varies a setting that one kind of run lacks and another has.

    Raises
    ------
    ConfigError
        Naming both, and what to write if the kind is to be trained without the setting.
    """
    for variant, names in _lacking(experiment):
        if names:
            rest = [name for name in experiment.axes(variant) if name not in names]
            raise ConfigError(
                f"experiment {experiment.name}: run {variant.label!r} has no setting {names[0]}, "
                "which the grid varies; to train it without, write "
                f"grid = {json.dumps(rest)} below its label"
            )


def _lacking(experiment: Experiment) -> Iterator[tuple[Variant, list[str]]]:
    """List the kinds of run, each with the settings of its grid that it lacks and another has."""
    known = {variant.label: _names_of(experiment, variant) for variant in experiment.runs}
    for variant in experiment.runs:
        others = set().union(*(names for label, names in known.items() if label != variant.label))
        lacking = others - known[variant.label]
        yield variant, [name for name in experiment.axes(variant) if name in lacking]


def _names_of(experiment: Experiment, variant: Variant) -> set[str]:
    """List the names of the grid that a kind of run takes: settings, options, names in braces.

    If its method is not known here, all of them: the check of its settings says what is wrong.
    """
    settings = experiment.settings | variant.settings
    try:
        method = registry().lookup("method", parse_spec(str(settings["method"]))[0])
        options = in_plain_spelling(options_of_entry(method))
    except (ConfigError, KeyError):
        return set(experiment.grid)
    return experiment.grid.keys() & {*FIELDS, *options, *placeholders(settings)}
