"""Priors over codes as torch modules that return a Distribution."""

from unweave_priors.base import Prior
from unweave_priors.gaussian_mixture import GaussianMixture
from unweave_priors.normal import AnisotropicNormal, Normal, principal_scales
from unweave_priors.spike_slab import SpikeSlab
from unweave_priors.student_t import StudentT
from unweave_priors.uniform import Uniform

__all__ = [
    "AnisotropicNormal",
    "GaussianMixture",
    "Normal",
    "Prior",
    "SpikeSlab",
    "StudentT",
    "Uniform",
    "principal_scales",
]
