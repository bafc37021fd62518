"""Unsupervised scores of discrete problems against the reference values."""

import pytest

import unweave_metrics as um

PROBLEMS = (
    "dev01_dsprites_axis",
    "dev02_small_rotation",
    "dev03_dsprites_permuted_noisy_dead",
    "dev04_small_redundant",
)


def test_unsupervised(problem):
    codes, _ = problem.train
    expected = problem.value("unsupervised")
    exact = {"abs": 1e-9, "rel": 0, "nan_ok": True}
    assert um.gaussian_total_correlation(codes) == pytest.approx(
        expected["gaussian_total_correlation"], **exact
    )
    score = um.mutual_information_score(codes)
    assert score == pytest.approx(expected["mutual_info_score"], **exact)
    assert score.parts["mutual_information"] == pytest.approx(
        problem.expected["dlib_mi_codes_codes_b20"], **exact
    )
    # The reference's matrix square root agrees with itself to 6e-7 across versions.
    score = um.gaussian_wasserstein(codes)
    assert score == pytest.approx(expected["gaussian_wasserstein_correlation"], rel=6e-7)
    normalized = expected["gaussian_wasserstein_correlation_norm"]
    assert score.parts["normalized"] == pytest.approx(normalized, rel=6e-7)
