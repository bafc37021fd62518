"""The conformance kit, where it is installed."""

from functools import partial

import numpy as np
import pytest

from unweave_data import ArrayDataset, VectorDataset, load

kit = pytest.importorskip("unweave_testing")


@kit.parametrize(kit.dataset_checks(), partial(load, "digits"))
def test_digits(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "dsprites", resolution=16))
def test_rendered_dsprites(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "pinwheel"))
def test_pinwheel(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "gaussian-mixture-100d", points=1_000))
def test_projected_mixture(check):
    check()


@kit.parametrize(
    kit.dataset_checks(),
    lambda: ArrayDataset(np.eye(9)[None].repeat(30, axis=0), factors=np.arange(30) / 2),
)
def test_binary_arrays(check):
    check()


@kit.parametrize(
    kit.dataset_checks(),
    lambda: VectorDataset(np.arange(60.0).reshape(30, 2), factors=np.arange(30) % 7),
)
def test_vectors(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "noisy-dsprites", resolution=16))
def test_noisy_sprites(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "color-dsprites", resolution=16))
def test_coloured_sprites(check):
    check()


@kit.parametrize(
    kit.dataset_checks(), partial(load, "scream-dsprites", resolution=16, keep="scale > 3")
)
def test_sprites_before_a_picture(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "shapes3d-rendered", resolution=16))
def test_rendered_rooms(check):
    check()


@kit.parametrize(kit.dataset_checks(), partial(load, "digits", holdout=0.1, keep="digit != 3"))
def test_some_digits(check):
    check()


@kit.parametrize(
    kit.dataset_checks(),
    lambda: ArrayDataset(
        np.random.default_rng(0).integers(0, 9, (300, 5, 5, 2)),
        factors=np.random.default_rng(1).random((300, 2)),
    ),
)
def test_measured_factors(check):
    check()
