"""Densities fitted to codes: normalising flows through zuko, and two cheaper ones."""

from unweave_flows.autoregressive import IAF, MAF, NSF
from unweave_flows.coupling import RealNVP
from unweave_flows.density import Density
from unweave_flows.fit_flow import KINDS, fit_flow
from unweave_flows.flow import Flow
from unweave_flows.gaussian import Gaussian
from unweave_flows.gaussian_mixture import GaussianMixture
from unweave_flows.posterior import FlowDistribution, FlowPosterior
from unweave_flows.posterior_family import FlowPosteriorFamily

__all__ = [
    "IAF",
    "KINDS",
    "MAF",
    "NSF",
    "Density",
    "Flow",
    "FlowDistribution",
    "FlowPosterior",
    "FlowPosteriorFamily",
    "Gaussian",
    "GaussianMixture",
    "RealNVP",
    "fit_flow",
]
