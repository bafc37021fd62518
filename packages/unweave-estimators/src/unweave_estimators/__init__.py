"""Estimators of total correlation, MMD and the other divergences of a batch of codes.

Pure functions of tensors, and modules of a latent over the same code.
"""

from unweave_estimators.batch_estimators import LOO, MSS, MWS
from unweave_estimators.critics import permute_dimensions
from unweave_estimators.decomposition import (
    Decomposition,
    decompose,
    dimension_wise_kl,
    index_code_mi,
    marginal_kl,
    total_correlation,
)
from unweave_estimators.density_ratio import DensityRatio
from unweave_estimators.hierarchical import (
    Hierarchical,
    HierarchicalDecomposition,
    decompose_by_groups,
)
from unweave_estimators.inclusive_kl import InclusiveKL, inclusive_kl
from unweave_estimators.kl import AnalyticKL, SampledKL, analytic_kl, sampled_kl
from unweave_estimators.latent_gan import LatentGAN
from unweave_estimators.mmd import MMD, mmd
from unweave_estimators.moments import DIP, Variance, dip, variance_constraint
from unweave_estimators.prior_nll import PriorNLL, prior_nll
from unweave_estimators.regularised_autoencoder import (
    CodeNorm,
    DecoderGradientPenalty,
    DecoderL2,
    code_norm,
    decoder_gradient_penalty,
    decoder_l2,
)
from unweave_estimators.transport import Sinkhorn, SlicedWasserstein, sinkhorn, sliced_wasserstein

__all__ = [
    "DIP",
    "LOO",
    "MMD",
    "MSS",
    "MWS",
    "AnalyticKL",
    "CodeNorm",
    "DecoderGradientPenalty",
    "DecoderL2",
    "Decomposition",
    "DensityRatio",
    "Hierarchical",
    "HierarchicalDecomposition",
    "InclusiveKL",
    "LatentGAN",
    "PriorNLL",
    "SampledKL",
    "Sinkhorn",
    "SlicedWasserstein",
    "Variance",
    "analytic_kl",
    "code_norm",
    "decoder_gradient_penalty",
    "decoder_l2",
    "decompose",
    "decompose_by_groups",
    "dimension_wise_kl",
    "dip",
    "inclusive_kl",
    "index_code_mi",
    "marginal_kl",
    "mmd",
    "permute_dimensions",
    "prior_nll",
    "sampled_kl",
    "sinkhorn",
    "sliced_wasserstein",
    "total_correlation",
    "variance_constraint",
]
