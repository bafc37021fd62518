"""Hooks of unweave-estimators."""

import pluggy

UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")


@hookimpl
def unweave_estimators() -> dict[str, str]:
    """Return the estimators by name."""
    return {
        "analytic-kl": "unweave_estimators:AnalyticKL",
        "sampled-kl": "unweave_estimators:SampledKL",
        "mws": "unweave_estimators:MWS",
        "mss": "unweave_estimators:MSS",
        "loo": "unweave_estimators:LOO",
        "hierarchical": "unweave_estimators:Hierarchical",
        "density-ratio": "unweave_estimators:DensityRatio",
        "mmd": "unweave_estimators:MMD",
        "latent-gan": "unweave_estimators:LatentGAN",
        "variance": "unweave_estimators:Variance",
        "inclusive-kl": "unweave_estimators:InclusiveKL",
        "dip": "unweave_estimators:DIP",
        "prior-nll": "unweave_estimators:PriorNLL",
        "code-norm": "unweave_estimators:CodeNorm",
        "decoder-l2": "unweave_estimators:DecoderL2",
        "decoder-gradient-penalty": "unweave_estimators:DecoderGradientPenalty",
        "sliced-wasserstein": "unweave_estimators:SlicedWasserstein",
        "sinkhorn": "unweave_estimators:Sinkhorn",
    }
