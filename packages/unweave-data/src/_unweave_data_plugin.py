"""Hooks of unweave-data."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_datasets() -> dict[str, str]:
    """Return the data sets of this package: name -> target."""
    from unweave_data.entries import ENTRIES

    return {entry.name: entry.target for entry in ENTRIES}
