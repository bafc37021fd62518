"""Scores without factors, and aggregation steps, against the reference values."""

import numpy as np
import pytest

from unweave_metrics.information._table import top_two
from unweave_metrics.information.modularity import modularity_per_code
from unweave_metrics.pairs.udr import relative_strength
from unweave_metrics.predictors.dci import completeness_of, disentanglement_of
from unweave_metrics.unsupervised.gaussian_total_correlation import total_correlation_of
from unweave_metrics.unsupervised.gaussian_wasserstein import wasserstein_of

PROBLEMS = ("dev06_matrices",)


def test_importance_matrices(problem):
    for i in range(4):
        expected = problem.value(f"dci_imp_{i}")
        matrix = problem.inputs[f"imp_{i}"].astype(np.float64)
        per_code, value = disentanglement_of(matrix)
        assert value == pytest.approx(expected["disentanglement"], abs=1e-9)
        assert per_code == pytest.approx(expected["per_code"], abs=1e-9)
        per_factor, value = completeness_of(matrix)
        assert value == pytest.approx(expected["completeness"], abs=1e-9)
        assert per_factor == pytest.approx(expected["per_factor"], abs=1e-9)


def test_conventions_of_dead_codes(problem):
    for i in range(4):
        matrix = problem.inputs[f"imp_{i}"].astype(np.float64)
        for key, convention in ((f"qedr_imp_{i}", "nan"), (f"ck_entropic_imp_{i}", "one")):
            per_code, _ = disentanglement_of(matrix, convention)
            expected = problem.value(key, "old")["per_code"]
            # Those programs add 1e-8, or nothing, where this adds 1e-11.
            assert per_code == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_other_matrices(problem):
    for i in range(2):
        value = modularity_per_code(problem.inputs[f"mi_{i}"].astype(np.float64)).mean()
        assert value == pytest.approx(problem.value(f"modularity_mi_{i}"), abs=1e-9)
    first, second = top_two(problem.sap_0.astype(np.float64))
    assert (first - second).mean() == pytest.approx(problem.value("sap_sap_0"), abs=1e-9)
    value = relative_strength(problem.corr_0.astype(np.float64))
    assert value == pytest.approx(problem.value("udr_corr_0"), abs=1e-9)
    expected = problem.value("gauss_cov_0")
    covariance = problem.cov_0.astype(np.float64)
    assert total_correlation_of(covariance) == pytest.approx(
        expected["total_correlation"], abs=1e-9
    )
    assert wasserstein_of(covariance) == pytest.approx(expected["wasserstein"], rel=6e-7)
