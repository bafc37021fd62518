"""Scores of continuous factors against the reference values."""

import numpy as np
import pytest

import unweave_metrics as um

PROBLEMS = ("dev05_continuous_uniform",)
EXACT = {"abs": 1e-9, "rel": 0}


@pytest.mark.parametrize("name", ["mig", "mig_sup", "jemmig", "dcimig", "modularity"])
@pytest.mark.parametrize("bins", [10, 20])
def test_scores_of_the_review(problem, name, bins):
    # Measurements are recognised and binned without being told.
    score = getattr(um, name)(*problem.train, preset="carbonneau2022", bins=bins)
    assert score == pytest.approx(problem.value(f"ub_{name}_cf1_b{bins}", "old"), **EXACT)


@pytest.mark.parametrize("quantile", [0.99, 1.0])
def test_irs(problem, quantile):
    score = um.irs(*problem.train, quantile=quantile)
    assert score == pytest.approx(problem.value(f"irs_q{quantile}_fb20")["IRS"], **EXACT)
    for bins in (10, 20):
        score = um.irs(*problem.train, preset="carbonneau2022", quantile=quantile, bins=bins)
        expected = problem.value(f"ub_irs_cf1_b{bins}_q{quantile}", "old")
        assert score == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("name", ["z_diff", "z_min_var", "z_max_var"])
def test_votes_of_the_review(problem, name):
    scores = [getattr(um, name)(*problem.train, seed=seed) for seed in range(8)]
    mean, std, seeds = problem.sampled(f"ub_{name}_cf1", "old")
    error = np.sqrt(np.var(scores, ddof=1) / len(scores) + std**2 / seeds)
    assert abs(np.mean(scores) - mean) <= 3 * error + 1e-12


def test_sap_recognises_measurements(problem):
    score = um.sap(*problem.train, evaluate_on="train")
    assert score == pytest.approx(problem.value("sap_continuous"), **EXACT)
    assert score == pytest.approx(problem.value("ub_sap_regression", "old"), **EXACT)


def test_dci_lasso(problem):
    codes, factors = problem.train
    score = um.dci(codes, factors, preset="carbonneau2022")
    for part, value in problem.value("ub_dci_lasso", "old").items():
        assert score.parts[part] == pytest.approx(value, **EXACT)


@pytest.mark.parametrize(("number", "model"), [(1, "ovr"), (2, "binary")])
def test_explicitness(problem, number, model):
    score = um.explicitness(*problem.train, preset="carbonneau2022", model=model)
    expected = problem.value(f"ub_explicitness_cf1_impl{number}", "old")
    assert score == pytest.approx(expected, abs=3e-4)


def test_unsupervised(problem):
    codes, _ = problem.train
    expected = problem.value("unsupervised")
    assert um.gaussian_total_correlation(codes) == pytest.approx(
        expected["gaussian_total_correlation"], **EXACT
    )
    assert um.mutual_information_score(codes) == pytest.approx(
        expected["mutual_info_score"], **EXACT
    )
