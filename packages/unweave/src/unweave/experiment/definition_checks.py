"""Check that the names in a definition are distinct, known, and decided in one place."""

from __future__ import annotations

import math

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import MOST_RUNS, Experiment, Job, placeholders
from unweave.options import parse_spec
from unweave.settings import in_plain_spelling

COLUMNS = ("run", "seed", "status", "reason", "step", "steps", "seconds", "folder")
"""Columns of every experiment's table, beside the grid and the measures."""


def check_names(experiment: Experiment) -> None:
    """Raise if two runs, or two columns of the table, would have one name.

    Raises
    ------
    ConfigError
        Naming the two.
    """
    _check_distinct("runs", "label", [variant.label for variant in experiment.runs])
    _check_grid_names(experiment)
    _check_placeholders(experiment)
    _check_own_settings(experiment)
    _check_count(experiment)
    _check_distinct("pictures", "name", [picture.name for picture in experiment.pictures])
    folders: dict[str, Job] = {}
    for job in experiment.jobs():
        other = folders.setdefault(job.name.casefold(), job)
        if other is not job:
            raise ConfigError(
                f"experiment {experiment.name}: labels {other.label!r} and {job.label!r} would "
                f"share the folder {job.name}; change one label"
            )
    for label in experiment.measures:
        if not label.strip():
            raise ConfigError(
                f"experiment {experiment.name}: a measure needs a label, got {label!r}"
            )
        if label in COLUMNS or label in experiment.grid:
            raise ConfigError(
                f"experiment {experiment.name}: measure {label[:80]!r} has the name of another "
                "column of the table; give it another label"
            )


def _check_count(experiment: Experiment) -> None:
    points = (math.prod(map(len, experiment.axes(variant).values())) for variant in experiment.runs)
    count = len(experiment.seeds) * sum(points)
    if count > MOST_RUNS:
        raise ConfigError(
            f"experiment {experiment.name} has {count:,} runs, but at most {MOST_RUNS:,} are "
            "possible; remove values from the grid"
        )


def _check_grid_names(experiment: Experiment) -> None:
    """Raise if a kind of run names what the grid lacks, or the grid what no kind takes."""
    for variant in experiment.runs:
        for name in variant.grid or ():
            if name not in experiment.grid:
                raise unknown_name(
                    f"name in the grid of run {variant.label!r}", name, experiment.grid
                )
    for name in experiment.grid:
        if not any(name in experiment.axes(variant) for variant in experiment.runs):
            raise ConfigError(
                f"experiment {experiment.name}: no kind of run takes {name[:80]} of the grid; add "
                "it to the grid of one of them, or remove it"
            )


def _check_placeholders(experiment: Experiment) -> None:
    for variant in experiment.runs:
        axes = experiment.axes(variant)
        for name in placeholders(experiment.settings | variant.settings):
            if name not in experiment.grid:
                raise unknown_name("name in braces, of the grid,", name, experiment.grid)
            if name not in axes:
                raise ConfigError(
                    f"experiment {experiment.name}: run {variant.label!r} has {name} in braces, "
                    "but not in its grid; add it there"
                )


def _check_own_settings(experiment: Experiment) -> None:
    """Raise for a setting that would be ignored: what seeds and grid decide."""
    kinds = [variant.settings for variant in experiment.runs]
    for settings in (experiment.settings, experiment.grid, *kinds):
        if "seed" in settings:
            raise ConfigError(
                f"experiment {experiment.name}: seed is decided by the seeds; write --seeds, or "
                "seeds = [0, 1, 2] in the file, in place of seed"
            )
    for variant in experiment.runs:
        label, settings = variant.label, variant.settings
        inserted = placeholders(experiment.settings | settings)
        method = str((experiment.settings | settings).get("method", ""))
        options = parse_spec(method)[1] if method else {}
        own = settings.keys() | in_plain_spelling(options).keys()
        for name in experiment.axes(variant):
            if name in own and name not in inserted:
                raise ConfigError(
                    f"experiment {experiment.name}: run {label!r} sets {name[:80]}, and the grid "
                    "does, too; take it out of one of them"
                )


def _check_distinct(where: str, what: str, names: list[str]) -> None:
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two {where} have the {what} {name!r}; change one")
