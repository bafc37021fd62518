"""Hooks of unweave-laplace."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_priors() -> dict[str, str]:
    """Name the priors of this package."""
    return {"asymmetric-laplace": "unweave_laplace:AsymmetricLaplace"}
