"""Each deliberately wrong data set fails the check that is named for its fault, and no other."""

from typing import Any

import numpy as np
import pytest

from unweave_testing import dataset_checks, run


class Right:
    """Binary images of 5 x 3 pixels that spell two factors."""

    name = "dots"
    image_shape = (5, 3, 1)
    bits = 1
    note = ""
    factor_names: tuple[str, ...] = ("column", "row")
    factor_sizes: tuple[int, ...] = (3, 5)

    def __init__(self):
        self.factors: Any = np.stack(np.meshgrid(range(3), range(5)), axis=-1).reshape(-1, 2)
        self.factor_values: Any = self.factors / np.array([2.0, 4.0])
        self.pixels: Any = np.zeros((15, 5, 3, 1), dtype=np.uint8)
        self.pixels[np.arange(15), self.factors[:, 1], self.factors[:, 0]] = 255

    def __len__(self):
        return len(self.pixels)

    def images(self, index):
        return self.pixels[index]

    def stored(self, progress=None):
        if progress is not None:
            progress(15, 15)
        return np.packbits(self.pixels.reshape(15, -1) > 0, axis=1)


class TwoLines(Right):
    note = "first\nsecond"


class Floats(Right):
    def images(self, index):
        return super().images(index).astype(float)


class Sorted(Right):
    def images(self, index):
        return super().images(np.sort(index))


class Shared(Right):
    def images(self, index):
        return self.pixels[: len(index)] if list(index) == [0] else super().images(index)


class Wrapping(Right):
    def images(self, index):
        return super().images(np.asarray(index) % 15)


class Grey(Right):
    bits = 1

    def __init__(self):
        super().__init__()
        self.pixels[self.pixels == 0] = 1

    def stored(self, progress=None):
        return None


class OneTooLarge(Right):
    factor_sizes = (3, 4)


class ManyValues(Right):
    def __init__(self):
        super().__init__()
        self.factor_values = self.factor_values + np.arange(15)[:, None]


class OtherOrder(Right):
    def stored(self, progress=None):
        return super().stored()[::-1]


FAULTS = {
    TwoLines: "description",
    Floats: "images",
    Sorted: "order",
    Shared: "own-memory",
    Wrapping: "out-of-range",
    Grey: "bits",
    OneTooLarge: "factors",
    ManyValues: "factor-values",
    OtherOrder: "stored",
}


class Unlabelled(Right):
    bits = 8
    factor_names = ()
    factor_sizes = ()

    def __init__(self):
        super().__init__()
        self.factors = self.factor_values = None

    def stored(self, progress=None):
        return self.pixels


class Vectors(Right):
    """Points of a grid as vectors of two floats."""

    image_shape = (1, 2, 1)
    bits = 32

    def __init__(self):
        super().__init__()
        self.pixels = (self.factors - 7.5).astype(np.float32)[:, None, :, None]

    def stored(self, progress=None):
        return self.pixels


class DoubleVectors(Vectors):
    def __init__(self):
        super().__init__()
        self.pixels = self.pixels.astype(np.float64)

    def stored(self, progress=None):
        return self.pixels.astype(np.float32)


class DoubleStored(Vectors):
    def stored(self, progress=None):
        return self.pixels.astype(np.float64)


class SharedVectors(Vectors):
    def images(self, index):
        return self.pixels[: len(index)] if list(index) == [0] else super().images(index)


class Holes(Vectors):
    def __init__(self):
        super().__init__()
        self.pixels[3] = np.inf


class SixteenBits(Right):
    bits = 16

    def stored(self, progress=None):
        return None


VECTOR_FAULTS = {
    DoubleVectors: "images",
    DoubleStored: "stored",
    SharedVectors: "own-memory",
    Holes: "bits",
}


def test_vectors_pass():
    report = run(dataset_checks(), Vectors)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 9


@pytest.mark.parametrize("wrong", VECTOR_FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_of_vectors_fails_its_check_alone(wrong):
    report = run(dataset_checks(), wrong)
    assert report.names("failed") == (VECTOR_FAULTS[wrong],), str(report)


def test_other_numbers_of_bits_are_refused():
    assert (
        "description: bits must be 1, 8 or 32, got 16"
        in run(dataset_checks(), SixteenBits).problems
    )


def test_a_right_data_set_passes():
    report = run(dataset_checks(), Right)
    assert report.ok, str(report)
    assert len(report.names("passed")) == 9


@pytest.mark.parametrize("wrong", FAULTS, ids=lambda wrong: wrong.__name__)
def test_a_fault_fails_its_check_alone(wrong):
    report = run(dataset_checks(), wrong)
    assert report.names("failed") == (FAULTS[wrong],), str(report)


def test_images_without_factors_pass():
    report = run(dataset_checks(), Unlabelled)
    assert report.ok, str(report)
    assert report.names("skipped") == ("bits", "factor-values", "view")


class Binned(Right):
    """Classes that are bins of measured values."""

    def __init__(self):
        super().__init__()
        self.factor_values = self.factors + np.linspace(0, 0.9, 15)[:, None]


class BinnedBadly(Binned):
    def __init__(self):
        super().__init__()
        self.factor_values = self.factors - np.linspace(0, 1.9, 15)[:, None]


def test_bins_of_values_pass_where_they_are_in_order():
    assert run(dataset_checks(), Binned).ok
    assert run(dataset_checks(), BinnedBadly).names("failed") == ("factor-values",)


class View(Unlabelled):
    """A view that dims each image."""

    noise_shape = (1,)
    constants = ()

    def __init__(self):
        super().__init__()
        self.frames = Unlabelled()

    def uniform(self, index):
        return (np.asarray(index, np.float32) / 16)[:, None]

    def view(self, frames, uniform, constants, xp):
        return frames * uniform[:, :, None, None]

    def images(self, index):
        frames = self.frames.images(index) / np.float32(255)
        return np.rint(255 * self.view(frames, self.uniform(index), (), np)).astype(np.uint8)

    def stored(self, progress=None):
        return None


class StoringView(View):
    def stored(self, progress=None):
        return self.images(np.arange(len(self)))


class OtherNoise(View):
    def images(self, index):
        return super().images(index) // 2


class OneShort(View):
    noise_shape = (2,)


def test_a_view_passes():
    report = run(dataset_checks(), View)
    assert report.ok, str(report)


@pytest.mark.parametrize("wrong", [StoringView, OtherNoise, OneShort])
def test_a_fault_of_a_view_fails_its_check_alone(wrong):
    assert run(dataset_checks(), wrong).names("failed") == ("view",)
