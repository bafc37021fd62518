"""OMES against closed forms, and values that the steps of its authors' program gave."""

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics.interventions.omes import pooled


def grid(*sizes):
    axes = np.meshgrid(*map(np.arange, sizes), indexing="ij")
    return np.stack(axes, axis=-1).reshape(-1, len(sizes))


FACTORS = grid(4, 3, 5)
MATRIX = np.array([[0.7, 0.1, 0], [0.2, 0.9, 0.3], [0, 0, 0], [0.05, 0.4, 0.8]])


def codes_of(factors):
    rng = np.random.default_rng(0)
    a, b, c = factors.T
    codes = np.stack([a, b * c, c + a, rng.normal(size=len(a))], axis=1)
    return codes + 0.1 * rng.normal(size=codes.shape)


def test_codes_that_copy_factors_have_the_association_of_distinct_values():
    # Two distinct of v equally spaced values have the correlation -1 / (v - 1).
    score = um.omes(FACTORS + 0.0, FACTORS)
    association = 1 - 1 / (np.array([4, 3, 5]) - 1)
    np.testing.assert_allclose(score.parts["matrix"], np.diag(association), atol=1e-12)
    # Both kinds of score lack (1 - A) / 3, for d = k = 3.
    expected = association * (1 - (1 - association) / 3)
    np.testing.assert_allclose(score.parts["per_factor"], expected)
    assert score == pytest.approx(expected.mean())
    assert score.parts["pairs"].tolist() == [15 * 6, 20 * 3, 12 * 10]


def test_a_copy_of_a_factor_of_two_values_has_no_association():
    factors = grid(2, 5)
    score = um.omes(factors + 0.0, factors)
    assert score.parts["matrix"][0] == pytest.approx([0, 0])
    assert score.parts["per_factor"][0] == 0


def test_the_correlation_is_that_of_all_pairs_of_a_line():
    codes = codes_of(FACTORS)
    matrix = um.omes(codes, FACTORS).parts["matrix"]
    for k in range(3):
        others = np.delete(FACTORS, k, axis=1)
        first, second = np.nonzero((others[:, None] == others[None]).all(axis=2))
        apart = first != second  # lines are whole, so all their pairs weigh the same
        x, y = codes[first[apart]], codes[second[apart]]
        expected = [1 - abs(np.corrcoef(x[:, d], y[:, d])[0, 1]) for d in range(4)]
        np.testing.assert_allclose(matrix[:, k], expected)


def test_association_is_what_the_authors_draws_approach():
    # The steps of their program, written down anew: the pairs of 3,000 runs on this table together.
    published = [
        [0.6673, 0.0089, 0.0078], [0.0012, 0.9966, 0.6915], [0.5140, 0.0030, 0.7704],
        [0.9086, 0.9238, 0.8449],
    ]  # fmt: skip
    matrix = um.omes(codes_of(FACTORS), FACTORS).parts["matrix"]
    np.testing.assert_allclose(matrix, published, atol=0.004)


@pytest.mark.parametrize(
    ("pooling", "weight", "published"),
    [
        ("mean", 0, [0.472072, 0.563571, 0.560227]),
        ("mean", 0.3, [0.468990, 0.552071, 0.538705]),
        ("mean", 1, [0.461798, 0.525238, 0.488485]),
        ("max", 0, [0.603750, 0.765000, 0.700000]),
        ("max", 0.3, [0.604625, 0.751500, 0.678000]),
        ("max", 1, [0.606667, 0.720000, 0.626667]),
    ],
)  # fmt: skip
def test_pooling_is_the_authors(pooling, weight, published):
    np.testing.assert_allclose(pooled(MATRIX, pooling, weight), published, atol=1e-6)


def test_of_rows_with_the_same_factors_the_first_is_taken():
    codes = codes_of(FACTORS)
    twice = um.omes(np.concatenate([codes, codes[::-1]]), np.concatenate([FACTORS, FACTORS[::-1]]))
    np.testing.assert_allclose(twice.parts["matrix"], um.omes(codes, FACTORS).parts["matrix"])


def test_lines_with_gaps_weigh_as_often_as_they_are_drawn():
    # Lines of three and of two rows: drawn thrice in one pair each, and twice.
    factors = np.array([[0, 0], [1, 0], [2, 0], [0, 1], [1, 1]])
    codes = np.array([[0.0], [1], [5], [2], [4]])
    x, y = np.array([0, 0, 1, 1, 5, 5, 2, 4.0]), np.array([1, 5, 0, 5, 0, 1, 4, 2.0])
    weights = np.array([3 / 6] * 6 + [2 / 2] * 2)
    covariance = np.cov(x, y, aweights=weights)
    expected = 1 - abs(covariance[0, 1]) / covariance[0, 0]
    assert um.omes(codes, factors).parts["matrix"][0, 0] == pytest.approx(expected)


def test_inactive_codes_are_left_out_and_none_is_a_score_of_nothing():
    codes = codes_of(FACTORS)
    spare = np.column_stack([codes, 0.01 * codes[:, :1], np.full(len(codes), 7.0)])
    score = um.omes(spare, FACTORS)
    assert score == um.omes(codes, FACTORS)
    assert score.parts["active"].tolist() == [True] * 4 + [False] * 2
    assert um.omes(spare[:, 4:], FACTORS) == 0.0


def test_scales_and_shifts_of_codes_change_nothing():
    codes = codes_of(FACTORS)
    far = um.omes(codes * [1.0, 1e150, 1e3, 1e6] + [1e6, 0, 0, 0], FACTORS)
    assert far == pytest.approx(um.omes(codes, FACTORS), abs=1e-9)


def test_what_it_cannot_use_is_one_sentence():
    codes = codes_of(FACTORS)
    with pytest.raises(ValueError, match="omes needs at least two factors"):
        um.omes(codes, FACTORS[:, :1])
    lonely = np.array([[0, 0], [1, 1], [2, 2]])
    with pytest.raises(ValueError, match="rows that differ only in column"):
        um.omes(codes[:3], lonely)
    with pytest.raises(
        ValueError, match="overlap_weight must be at least 0 and at most 1, got 1.5"
    ):
        um.omes(codes, FACTORS, overlap_weight=1.5)
    with pytest.raises(ValueError, match="pooling"):
        um.omes(codes, FACTORS, pooling="median")
