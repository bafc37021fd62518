import numpy as np
import pytest
from narrowing import present

from unweave_data import ArrayDataset

DATA = ArrayDataset(np.arange(5 * 4 * 4, dtype=np.uint8).reshape(5, 4, 4))


@pytest.mark.parametrize(
    "index", [[4, 0, 4], (4, 0, 4), np.array([4, 0, 4], np.uint64), np.array([4, 0, 4], ">i2")]
)
def test_index_of_any_integers(index):
    images = DATA.images(index)
    assert images.shape == (3, 4, 4, 1)
    assert images[:, 0, 0, 0].tolist() == [64, 0, 64]


def test_empty_index():
    assert DATA.images([]).shape == (0, 4, 4, 1)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        (3, "got 3"),
        ([0.0, 1.0], "got float64"),
        ([[0, 1]], "shape (1, 2)"),
        ([True, False, True, False, True], "flatnonzero"),
        (slice(2), "slice"),
        (None, "None"),
        ("ab", "'ab'"),
        ([[0], [1, 2]], "nested"),
        ([0, 5], "between 0 and 4, got 5"),
        ([0, -1], "got -1"),
        (np.array([2**64 - 1], np.uint64), "got 18446744073709551615"),
    ],
)
def test_other_index_is_refused(complaint, index, words):
    assert words in complaint(DATA.images, index)


def test_images_are_not_the_stored_ones():
    DATA.images([0])[:] = 9
    assert DATA.images([0])[0, 0, 1, 0] == 1


@pytest.mark.parametrize(("size", "dtype"), [(256, np.uint8), (257, np.uint16), (2**17, np.uint32)])
def test_factor_dtype_is_the_smallest(size, dtype):
    data = ArrayDataset(np.zeros((2, 4, 4)), factors=[0, size - 1])
    assert present(data.factors).dtype == dtype
    assert data.factor_sizes == (size,)


def test_float_factors_are_numbered_in_order():
    values = np.array([[0.5, -1.0], [0.25, 3.0], [0.5, -1.0]])
    data = ArrayDataset(np.zeros((3, 4, 4)), factors=values)
    assert present(data.factors).tolist() == [[1, 0], [0, 1], [1, 0]]
    assert (present(data.factor_values) == values).all()
    assert "numbers in order of their values" in data.note


def test_measured_factors_keep_their_values_and_get_bins():
    values = np.random.default_rng(0).lognormal(size=(1001, 1))
    data = ArrayDataset(np.zeros((1001, 2, 2)), factors=values, factor_names=["mass"])
    assert data.continuous_factors == ("mass",)
    assert (present(data.factor_values) == values).all()
    assert data.factor_sizes == (20,)
    assert np.ptp(np.bincount(present(data.factors)[:, 0])) <= 1
    order = np.argsort(values[:, 0])
    assert (np.diff(present(data.factors)[order, 0].astype(int)) >= 0).all()
    assert "20 bins" in data.note


def test_bins_of_many_equal_values_are_fewer():
    values = np.concatenate([np.zeros(600), np.random.default_rng(0).random(600)])
    data = ArrayDataset(np.zeros((1200, 2, 2)), factors=values)
    assert set(present(data.factors)[:600, 0]) == {0}
    assert np.unique(data.factors).tolist() == list(range(data.factor_sizes[0]))


def test_constant_factors_are_left_out_and_told():
    table = np.stack([np.arange(6) % 3, np.full(6, 4), np.arange(6)], axis=1)
    data = ArrayDataset(np.zeros((6, 2, 2)), factors=table, factor_names=["a", "b", "c"])
    assert (data.factor_names, data.factor_sizes) == (("a", "c"), (3, 6))
    assert (present(data.factors) == table[:, [0, 2]]).all()
    assert "left out b" in data.note


def test_random_bits_come_back(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 2, (10, 5, 3, 3)).astype(bool)
    data = ArrayDataset(pixels)
    assert data.stored().shape == (10, 6)
    assert (data.images(np.arange(10)) == pixels * 255).all()
