"""Which runs a picture shows: one of every kind, at a place of the grid."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from unweave.errors import ConfigError
from unweave.experiment.definition import place_text
from unweave.experiment.results import FirstRun, Results


def chosen_runs(results: Results, where: Mapping[str, Any] | None, run: str = "") -> list[FirstRun]:
    """Open the first finished run of every kind, or of one, at the settings of `where`.

    Raises
    ------
    ConfigError
        If there is none.
    """
    runs = list(results.first_runs(where, run))
    if not runs:
        what = f"no run of {run}" if run else "no run"
        place = place_text("", where or {}).removeprefix(", ")
        raise ConfigError(f"{what} is finished{f' at {place}' if place else ''}")
    return runs


def chosen_image_runs(
    results: Results, where: Mapping[str, Any] | None, run: str = ""
) -> list[FirstRun]:
    """Open the same runs, which must be of images.

    Raises
    ------
    ConfigError
        If there is none, or the data are vectors.
    """
    runs = chosen_runs(results, where, run)
    if runs[0].run.continuous:
        raise ConfigError("the data are vectors, not images")
    return runs
