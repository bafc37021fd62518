"""Information scores against the reference values."""

import numpy as np
import pytest

import unweave_metrics as um

PROBLEMS = (
    "dev01_dsprites_axis",
    "dev02_small_rotation",
    "dev03_dsprites_permuted_noisy_dead",
    "dev04_small_redundant",
)
EXACT = {"abs": 1e-9, "rel": 0, "nan_ok": True}


@pytest.mark.parametrize("bins", [10, 20])
def test_mig(problem, bins):
    score = um.mig(*problem.train, bins=bins)
    assert score == pytest.approx(problem.value(f"mig_b{bins}"), **EXACT)
    expected = problem.expected
    assert score.parts["mutual_information"] == pytest.approx(expected[f"dlib_mi_b{bins}"], **EXACT)
    assert score.parts["factor_entropy"] == pytest.approx(expected["dlib_factor_entropy"], **EXACT)
    per_factor = expected[f"dlib_mig_per_factor_b{bins}"]
    assert score.parts["per_factor"] == pytest.approx(per_factor, **EXACT)


def test_mig_of_float32_codes(problem):
    codes, factors = problem.train
    score = um.mig(codes.astype(np.float32), factors)
    assert score == pytest.approx(problem.value("mig_b20_float32"), **EXACT)


def test_mig_of_40_bins(problem):
    # The reference computes in float32.
    assert um.mig(*problem.train, bins=40) == pytest.approx(
        problem.value("ck_mig_b40", "old"), abs=1e-6
    )


@pytest.mark.parametrize("bins", [10, 20])
@pytest.mark.parametrize("continuous", [0, 1])
def test_mig_of_the_review(problem, bins, continuous):
    options = {"bins": bins, "bin_factors": bool(continuous)}
    score = um.mig(*problem.train, preset="carbonneau2022", **options)
    expected = problem.value(f"ub_mig_cf{continuous}_b{bins}", "old")
    assert score == pytest.approx(expected, **EXACT)


@pytest.mark.parametrize("bins", [10, 20])
def test_modularity(problem, bins):
    score = um.modularity(*problem.train, bins=bins)
    assert score == pytest.approx(problem.value(f"modularity_b{bins}"), **EXACT)


@pytest.mark.parametrize("name", ["mig_sup", "jemmig", "dcimig", "modularity"])
@pytest.mark.parametrize("bins", [10, 20])
@pytest.mark.parametrize("continuous", [0, 1])
def test_scores_of_the_review(problem, name, bins, continuous):
    metric = getattr(um, name)
    score = metric(*problem.train, preset="carbonneau2022", bins=bins, bin_factors=bool(continuous))
    assert score == pytest.approx(
        problem.value(f"ub_{name}_cf{continuous}_b{bins}", "old"), **EXACT
    )


@pytest.mark.slow
def test_infomec(problem):
    # The seeds are those of the reference's global generator, which is drawn from in the same
    # order.
    scores = [um.infomec(*problem.train, seed=0)]
    mean, std, seeds = problem.sampled("infomec_lq", "old")
    for part in ("infom", "infoc"):
        values = np.array([score.parts[part] for score in scores])
        assert abs(values.mean() - mean[part]) <= 3 * std[part] + 1e-6
    assert scores[0].parts["infoe"] == pytest.approx(mean["infoe"], abs=1e-6)
    nmi = problem.expected["lq_nmi"]
    active = problem.expected["lq_active"].astype(bool)
    assert (scores[0].parts["active"] == active).all()
    # The stored matrix is of the first seed; the estimator's jitter decides it to the last digit.
    assert scores[0].parts["normalized_information"] == pytest.approx(nmi, abs=1e-9)
