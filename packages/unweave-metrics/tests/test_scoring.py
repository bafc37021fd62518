"""scikit-learn can cross-validate and search with our scores."""

import pickle

import numpy as np
import pytest
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import unweave_metrics as um

FACTORS = np.random.default_rng(0).integers(0, 4, size=(600, 2))
X = FACTORS @ np.array([[1.0, 0, 2], [0, 3, 1]])


def test_a_scorer_is_the_metric_of_held_out_codes():
    found = cross_validate(
        make_pipeline(StandardScaler(), PCA(2)), X, FACTORS, cv=3, scoring=um.scorer("mig", bins=8),
        return_estimator=True, return_indices=True,
    )  # fmt: skip
    for model, rows, score in zip(
        found["estimator"], found["indices"]["test"], found["test_score"], strict=True
    ):
        assert score == float(um.mig(model.transform(X[rows]), FACTORS[rows], bins=8))


def test_several_scores_come_from_one_transform():
    calls = []

    def counted(X):
        calls.append(len(X))
        return X

    scoring = um.scorer(["mig", "gaussian_total_correlation"])
    found = cross_validate(FunctionTransformer(counted), X[:, :2], FACTORS, cv=2, scoring=scoring)
    assert len(calls) == 2
    # Low ones have their sign turned, so that more is better.
    assert (found["test_gaussian_total_correlation"] <= 0).all()
    assert (found["test_mig"] > 0.9).all()


def test_a_grid_search_finds_the_codes_that_are_right():
    turned = [FunctionTransformer(lambda X, t=t: X[:, :2] @ turn(t)) for t in (0.7, 0.0, 0.3)]
    search = GridSearchCV(
        make_pipeline(FunctionTransformer()), {"functiontransformer": turned}, cv=2,
        scoring=um.scorer("mig"),
    )  # fmt: skip
    assert search.fit(X, FACTORS).best_index_ == 1


def turn(angle):
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def test_score_codes_takes_sparse_codes_and_own_functions():
    sparse = OneHotEncoder().fit(FACTORS[:, :1])
    table = um.score_codes(sparse, FACTORS[:, :1], FACTORS[:, :1], metrics=["mig", spread])
    assert table["mig"] == um.mig(np.eye(4)[FACTORS[:, 0]], FACTORS[:, :1])
    assert table["spread"] == np.eye(4)[FACTORS[:, 0]].std()
    svd = TruncatedSVD(2).fit(X)
    assert float(um.score_codes(svd, X, metrics="active_units")["active_units"]) == 2


def spread(codes):
    return codes.std()


def test_what_cannot_be_scored_says_so():
    with pytest.raises(TypeError, match="estimator must have transform"):
        um.score_codes(object(), X, FACTORS)
    with pytest.raises(ValueError, match="hoyer_sparsity has none"):
        um.scorer("hoyer_sparsity")
    with pytest.raises(ValueError, match="no metric is called 'mgi'"):
        um.scorer("mgi")
    with pytest.raises(ValueError, match="at least one metric"):
        um.scorer([])
    with pytest.raises(ValueError, match="left out mig, because there are no factors"):
        um.scorer("mig")(PCA().fit(X), X)


def test_scorers_survive_pickling():
    made = pickle.loads(pickle.dumps(um.scorer("mig", bins=5)))
    model = PCA(2).fit(X)
    assert made(model, X, FACTORS) == um.scorer("mig", bins=5)(model, X, FACTORS)
    assert repr(made) == "scorer(mig)"
