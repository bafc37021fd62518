"""Hooks of the core: its own posteriors, costs, architectures and methods."""

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
        "laplace": "unweave.costs:LaplaceLikelihood",
    }


@hookimpl
def unweave_posteriors() -> dict[str, str]:
    """Name the posterior families."""
    return {
        "gaussian": "unweave.posterior:Gaussian",
        "fixed-noise": "unweave.posterior:FixedNoise",
        "mixed": "unweave.posterior_mixed:Mixed",
        "deterministic": "unweave.posterior:Deterministic",
    }


@hookimpl
def unweave_architectures() -> dict[str, str]:
    """Name the pairs of encoder and decoder."""
    return {
        "conv64": "unweave.architectures.conv:conv64",
        "given": "unweave.from_python:networks_from_python",
        "lat28": "unweave.architectures.lat28:lat28",
        "mlp": "unweave.architectures.mlp:mlp",
        "vcae28": "unweave.architectures.vcae:vcae28",
        "vcae64": "unweave.architectures.vcae:vcae64",
        "wae64": "unweave.architectures.wae64:wae64",
    }


@hookimpl
def unweave_priors() -> dict[str, str]:
    """Name the prior that is a registered flow."""
    return {"flow": "unweave.density:FlowPrior"}


@hookimpl
def unweave_executors() -> dict[str, str]:
    """Name the executors of many runs."""
    return {"processes": "unweave.executors:Processes", "serial": "unweave.executors:Serial"}


@hookimpl
def unweave_methods() -> dict[str, str]:
    """Name the methods."""
    return {
        "vae": "unweave.methods.variational:vae",
        "beta-vae": "unweave.methods.variational:beta_vae",
        "annealed-vae": "unweave.methods.variational:annealed_vae",
        "beta-tcvae": "unweave.methods.variational:beta_tcvae",
        "factor-vae": "unweave.methods.variational:factor_vae",
        "dip-vae-i": "unweave.methods.variational:dip_vae_i",
        "dip-vae-ii": "unweave.methods.variational:dip_vae_ii",
        "info-vae": "unweave.methods.variational:info_vae",
        "hfvae": "unweave.methods.variational:hfvae",
        "decomposed-vae": "unweave.methods.variational:decomposed_vae",
        "vae-iaf": "unweave.methods.variational:vae_iaf",
        "vae-nf": "unweave.methods.variational:vae_nf",
        "wae-mmd": "unweave.methods.wasserstein:wae_mmd",
        "wae-gan": "unweave.methods.wasserstein:wae_gan",
        "aae": "unweave.methods.wasserstein:aae",
        "tcwae-mws": "unweave.methods.wasserstein:tcwae_mws",
        "tcwae-gan": "unweave.methods.wasserstein:tcwae_gan",
        "cwae": "unweave.methods.wasserstein:cwae",
        "vcae": "unweave.methods.wasserstein:vcae",
        "dvcae": "unweave.methods.wasserstein:dvcae",
        "tc-vcae": "unweave.methods.wasserstein:tc_vcae",
        "tc-cwae": "unweave.methods.wasserstein:tc_cwae",
        "vae-gan": "unweave.methods.adversarial:vae_gan",
        "as-vae": "unweave.methods.adversarial:as_vae",
        "infogan": "unweave.methods.adversarial:infogan",
        "custom": "unweave.methods.custom:custom",
        "rae": "unweave.methods.regularised:rae",
        "glf": "unweave.methods.regularised:glf",
    }


@hookimpl
def unweave_objectives() -> dict[str, str]:
    """Name objectives."""
    return {
        "as-vae": "unweave.objectives.as_vae:AsVae",
        "infogan": "unweave.objectives.infogan:InfoGan",
        "sum": "unweave.objectives.sum:Sum",
        "vae-gan": "unweave.objectives.vae_gan:VaeGan",
    }


@hookimpl
def unweave_optimizers() -> dict[str, str]:
    """Name optimizers."""
    return {
        "adam": "unweave.optimizers:adam",
        "adamw": "unweave.optimizers:adamw",
        "rmsprop": "unweave.optimizers:rmsprop",
        "sgd": "unweave.optimizers:sgd",
    }


@hookimpl
def unweave_datasets() -> dict[str, str]:
    """Name data sets."""
    return {"given": "unweave.from_python:data_from_python"}
