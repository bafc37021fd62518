"""The conformance kit, where it is installed."""

import pytest

from unweave_priors import (
    AnisotropicNormal,
    GaussianMixture,
    Normal,
    SpikeSlab,
    StudentT,
    Uniform,
)

kit = pytest.importorskip("unweave_testing")


@kit.parametrize(kit.prior_checks(), Normal)
def test_normal(check):
    check()


@kit.parametrize(
    kit.prior_checks(length=0.5), lambda dim: AnisotropicNormal(dim, scales=[0.5, 2, 1][:dim])
)
def test_anisotropic_normal(check):
    check()


@kit.parametrize(kit.prior_checks(), lambda dim: AnisotropicNormal(dim, learned=True))
def test_learned_anisotropic_normal(check):
    check()


@kit.parametrize(kit.prior_checks(), StudentT)
def test_student_t(check):
    check()


@kit.parametrize(kit.prior_checks(), lambda dim: StudentT(dim, df=3.0, learned=True))
def test_learned_student_t(check):
    check()


@kit.parametrize(kit.prior_checks(length=0.2), SpikeSlab)
def test_spike_slab(check):
    check()


@kit.parametrize(kit.prior_checks(support=(-2.0, 0.5)), lambda d: Uniform(d, low=-2.0, high=0.5))
def test_uniform(check):
    check()


@kit.parametrize(
    kit.prior_checks(length=0.5, factorised=False), lambda dim: GaussianMixture(dim, components=2)
)
def test_gaussian_mixture(check):
    check()


@kit.parametrize(
    kit.prior_checks(length=0.5, factorised=False),
    lambda dim: GaussianMixture(
        dim,
        means=[[1.0, 2.0, 0.5][:dim], [-2.0, 0.0, 1.0][:dim], [0.0, 0.0, 0.0][:dim]],
        weights=(1.0, 2.0, 3.0),
        learned=True,
    ),
)
def test_learned_gaussian_mixture(check):
    check()
