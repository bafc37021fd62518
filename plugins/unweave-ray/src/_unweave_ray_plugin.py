"""Hooks of unweave-ray."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_executors() -> dict[str, str]:
    """Return the executors of this package by name."""
    return {"ray": "unweave_ray:Ray"}
