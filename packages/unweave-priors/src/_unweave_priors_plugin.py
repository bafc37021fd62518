"""Hooks of unweave-priors."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_priors() -> dict[str, str]:
    """Return the priors of this package by name."""
    return {
        "anisotropic-normal": "unweave_priors:AnisotropicNormal",
        "gaussian-mixture": "unweave_priors:GaussianMixture",
        "laplace": "unweave_priors:Laplace",
        "mixed": "unweave_priors:Mixed",
        "normal": "unweave_priors:Normal",
        "spike-slab": "unweave_priors:SpikeSlab",
        "student-t": "unweave_priors:StudentT",
        "uniform": "unweave_priors:Uniform",
        "vamp": "unweave_priors:Vamp",
    }
