"""Hooks of the core: its own costs, architectures and methods."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_costs() -> dict[str, str]:
    """Name the reconstruction costs."""
    return {
        "l2sq": "unweave.costs:SquaredError",
        "l1": "unweave.costs:AbsoluteError",
        "bce": "unweave.costs:CrossEntropy",
        "bernoulli": "unweave.costs:CrossEntropy",
        "gaussian": "unweave.costs:GaussianLikelihood",
    }


@hookimpl
def unweave_architectures() -> dict[str, str]:
    """Name the pairs of encoder and decoder."""
    return {"conv64": "unweave.architectures.conv:conv64", "mlp": "unweave.architectures.mlp:mlp"}


@hookimpl
def unweave_methods() -> dict[str, str]:
    """Name the methods."""
    return {
        "vae": "unweave.methods.table:vae",
        "beta-vae": "unweave.methods.table:beta_vae",
        "beta-tcvae": "unweave.methods.table:beta_tcvae",
        "factor-vae": "unweave.methods.table:factor_vae",
        "wae-mmd": "unweave.methods.table:wae_mmd",
        "tcwae-mws": "unweave.methods.table:tcwae_mws",
        "tcwae-gan": "unweave.methods.table:tcwae_gan",
    }
