"""Hooks of unweave-metrics."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_metrics() -> dict[str, str]:
    """Name the metrics of the catalogue: of codes, of images, and of two sets of rows."""
    from unweave_metrics.catalogue import CATALOGUE

    return {name.replace("_", "-"): entry.target for name, entry in CATALOGUE.items()}
