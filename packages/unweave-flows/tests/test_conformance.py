"""The conformance kit, where it is installed."""

from functools import partial

import pytest

from unweave_flows import IAF, MAF, NSF, Gaussian, GaussianMixture, RealNVP

kit = pytest.importorskip("unweave_testing")
SMALL = {"transforms": 2, "hidden": (16,)}


@kit.parametrize(kit.flow_checks(), partial(MAF, **SMALL))
def test_maf(check):
    check()


@kit.parametrize(kit.flow_checks(), partial(IAF, **SMALL))
@pytest.mark.slow
def test_iaf(check):
    check()


@kit.parametrize(kit.flow_checks(), partial(NSF, **SMALL))
@pytest.mark.slow
def test_nsf(check):
    check()


@kit.parametrize(kit.flow_checks(), partial(RealNVP, **SMALL))
@pytest.mark.slow
def test_realnvp(check):
    check()


@kit.parametrize(kit.flow_checks(), Gaussian)
def test_gaussian(check):
    check()


@kit.parametrize(kit.flow_checks(), partial(GaussianMixture, components=3))
def test_gaussian_mixture(check):
    check()


@kit.parametrize(kit.plugin_checks(), "_unweave_flows_plugin")
def test_hook_file(check):
    check()
