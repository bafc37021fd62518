"""Priors over codes as torch modules that return a Distribution."""

from unweave_priors.anisotropic_normal import AnisotropicNormal, principal_scales
from unweave_priors.base import Prior
from unweave_priors.gaussian_mixture import GaussianMixture
from unweave_priors.laplace import Laplace
from unweave_priors.mixed import Mixed
from unweave_priors.normal import Normal
from unweave_priors.spike_slab import SpikeSlab
from unweave_priors.student_t import StudentT
from unweave_priors.uniform import Uniform
from unweave_priors.vamp import Vamp

__all__ = [
    "AnisotropicNormal",
    "GaussianMixture",
    "Laplace",
    "Mixed",
    "Normal",
    "Prior",
    "SpikeSlab",
    "StudentT",
    "Uniform",
    "Vamp",
    "principal_scales",
]
