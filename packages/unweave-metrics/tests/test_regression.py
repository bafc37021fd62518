"""Factors regressed from all codes, and how fair predictions of them are."""

import numpy as np
import pytest
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression

import unweave_metrics as um
from unweave_metrics.predictors.fairness import group_distances

RNG = np.random.default_rng(0)
FACTORS = RNG.normal(size=(600, 2))
CODES = FACTORS @ np.array([[1.0, 2, 0], [0.5, -1, 1]]) + 0.5 * RNG.normal(size=(600, 3))
TRAIN, TEST = slice(0, 400), slice(400, 600)
ROWS = {"test_codes": CODES[TEST], "test_factors": FACTORS[TEST]}


def test_r2_is_that_of_scikit_learn():
    model = LinearRegression().fit(CODES[TRAIN], FACTORS[TRAIN])
    score = um.r2(CODES[TRAIN], FACTORS[TRAIN], **ROWS)
    assert float(score) == pytest.approx(model.score(CODES[TEST], FACTORS[TEST]), abs=1e-12)
    found = model.predict(CODES[TEST])
    wanted = [abs(np.corrcoef(found[:, k], FACTORS[TEST][:, k])[0, 1]) for k in range(2)]
    after = um.mcc_regression(CODES[TRAIN], FACTORS[TRAIN], **ROWS)
    assert after.parts["per_factor"] == pytest.approx(wanted, abs=1e-12)


def test_what_a_map_undoes():
    turned = FACTORS @ np.array([[0.6, 0.8], [-0.8, 0.6]])
    assert float(um.mcc_regression(turned, FACTORS)) == pytest.approx(1.0)
    assert float(um.mcc(turned, FACTORS)) < 0.85
    bent = np.exp(turned)
    linear = um.r2(bent, FACTORS)
    curved = um.r2(bent, FACTORS, predictor=KernelRidge(kernel="rbf", alpha=1e-3))
    assert float(linear) < 0.8 < float(curved)


def test_nothing_to_regress():
    noise = np.random.default_rng(1).normal(size=(600, 3))
    assert abs(float(um.r2(noise, FACTORS))) < 0.05
    assert float(um.mcc_regression(np.ones((600, 1)), FACTORS)) == 0.0
    with pytest.raises(ValueError, match=r"got only 0 in column 1 of the test rows; add rows"):
        um.r2(CODES, FACTORS, test_codes=CODES, test_factors=FACTORS * [1.0, 0.0])
    with pytest.raises(TypeError, match="a scikit-learn regressor, got 5"):
        um.r2(CODES, FACTORS, predictor=5)


@pytest.mark.parametrize("problem", ["dev06_matrices"], indirect=True)
def test_distances_of_groups_are_those_of_the_study(problem):
    value = problem.value("fair_counts_0")
    # The reference works in single precision.
    assert group_distances(problem.counts_0) == pytest.approx(
        (value["mean"], value["max"]), abs=1e-6
    )


def test_predictions_that_lean_on_another_factor():
    rng = np.random.default_rng(0)
    factors = rng.integers(0, 2, size=(3000, 2))
    fair = um.fairness(factors + 0.0, factors)
    assert float(fair) < 0.03
    # One code, the first factor: of the second it can only be guessed from the first.
    same = np.where(rng.random(3000) < 0.9, factors[:, 0], factors[:, 1])
    lean = um.fairness(factors[:, :1] + 0.0, np.column_stack([factors[:, 0], same]))
    # Predicted is the first: half of each, of the groups of `same` 95 % and 5 %.
    assert lean.parts["pairs"][0, 1] == pytest.approx(0.45, abs=0.03)
    assert lean.parts["pairs"][1, 0] == pytest.approx(0.5, abs=0.03)
    assert np.isnan(np.diag(lean.parts["pairs"])).all()
    with pytest.raises(ValueError, match="fairness needs at least two factors"):
        um.fairness(factors + 0.0, factors[:, :1])
