"""The conformance kit, where it is installed."""

import pytest
import torch
from torch.distributions import Independent
from torch.distributions import Normal as TorchNormal

from unweave_priors import (
    AnisotropicNormal,
    GaussianMixture,
    Laplace,
    Normal,
    SpikeSlab,
    StudentT,
    Uniform,
    Vamp,
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


def unused(images):
    raise AssertionError("these scales are those of the images, and no code is asked for")


def principal(dim, **options):
    prior = AnisotropicNormal(dim, scales="principal", **options)
    images = torch.rand(20, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    prior.attach(unused, images)
    return prior


@kit.parametrize(kit.prior_checks(length=0.5), principal)
def test_principal_anisotropic_normal(check):
    check()


@kit.parametrize(
    kit.prior_checks(length=0.5), lambda dim: principal(dim, learned=True, constraint="total")
)
def test_learned_anisotropic_normal_of_one_total_variance(check):
    check()


@kit.parametrize(kit.prior_checks(), lambda dim: Laplace(dim, loc=0.5))
def test_laplace(check):
    check()


@kit.parametrize(kit.prior_checks(length=0.5), lambda dim: Laplace(dim, scale=0.5, learned=True))
def test_learned_laplace(check):
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


def vamp(dim):
    prior = Vamp(dim, components=3)
    # Away from the ends of [0, 1], where clipping cuts the gradient.
    images = 0.1 + 0.8 * torch.rand(3, 1, 2, 2, generator=torch.Generator().manual_seed(0))

    def encode(images):
        pixels = 4 * images.flatten(1) - 2
        return Independent(TorchNormal(pixels[:, :dim], 0.5, validate_args=False), 1)

    prior.attach(encode, images)
    return prior


@kit.parametrize(kit.prior_checks(length=0.5, factorised=False), vamp)
def test_vamp(check):
    check()


@kit.parametrize(kit.plugin_checks(), "_unweave_priors_plugin")
def test_hook_file(check):
    check()
