"""Hooks of unweave-flows."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_flows() -> dict[str, str]:
    """Return the densities of this package by name."""
    return {
        "gaussian": "unweave_flows:Gaussian",
        "gaussian-mixture": "unweave_flows:GaussianMixture",
        "iaf": "unweave_flows:IAF",
        "maf": "unweave_flows:MAF",
        "nsf": "unweave_flows:NSF",
        "realnvp": "unweave_flows:RealNVP",
    }


@hookimpl
def unweave_posteriors() -> dict[str, str]:
    """Return the posterior families of this package by name."""
    return {"flow": "unweave_flows:FlowPosteriorFamily"}
