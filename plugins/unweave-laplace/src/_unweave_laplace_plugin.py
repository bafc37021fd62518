"""Hooks of unweave-laplace."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_priors() -> dict[str, str]:
    """Return the priors of this package by name."""
    return {"asymmetric-laplace": "unweave_laplace:AsymmetricLaplace"}
