"""Each deliberately wrong data set fails the check that is named for its fault, and no other."""

import numpy as np
import pytest

from unweave_testing import dataset_checks, run


class Right:
    """Binary images of 5 x 3 pixels that spell two factors."""

    name = "dots"
    image_shape = (5, 3, 1)
    bits = 1
    note = ""
    factor_names = ("column", "row")
    factor_sizes = (3, 5)

    def __init__(self):
        self.factors = np.stack(np.meshgrid(range(3), range(5)), axis=-1).reshape(-1, 2)
        self.factor_values = self.factors / np.array([2.0, 4.0])
        self.pixels = np.zeros((15, 5, 3, 1), dtype=np.uint8)
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
    assert report.names("skipped") == ("bits", "factor-values")
