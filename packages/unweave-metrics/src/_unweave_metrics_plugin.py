"""Hooks of unweave-metrics."""

from importlib.util import find_spec
from pathlib import Path

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")

ROOMS = ("information", "predictors", "interventions", "pairs", "unsupervised")


@hookimpl
def unweave_metrics() -> dict[str, str]:
    """Return the metrics: each is a function in a module of the same name, in a folder of `ROOMS`.

    The names come from the files, because importing the catalogue would add half a second to every
    command; a test compares the two.
    """
    spec = find_spec("unweave_metrics")
    folders = (spec and spec.submodule_search_locations) or ()
    return {
        file.stem.replace("_", "-"): f"unweave_metrics.{room}.{file.stem}:{file.stem}"
        for folder in folders
        for room in ROOMS
        for file in sorted(Path(folder, room).glob("[!_]*.py"))
    }
