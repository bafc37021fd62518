"""Intervention scores against the reference values."""

import numpy as np
import pytest

import unweave_metrics as um
from unweave_metrics.interventions._votes import least_varying

PROBLEMS = (
    "dev01_dsprites_axis",
    "dev02_small_rotation",
    "dev03_dsprites_permuted_noisy_dead",
    "dev04_small_redundant",
)
SMALL = ("dev02_small_rotation", "dev04_small_redundant")
LARGE = ("dev01_dsprites_axis", "dev03_dsprites_permuted_noisy_dead")


def agree(scores, mean, std, seeds):
    """Tell whether means differ by at most three standard errors of their difference."""
    error = np.sqrt(np.var(scores, ddof=1) / len(scores) + std**2 / seeds)
    return abs(np.mean(scores) - mean) <= 3 * error + 1e-12


def test_factor_vae_votes(problem):
    expected = problem.expected
    batches = expected["fvae_batches"]
    codes = problem.encode(batches.reshape(-1, batches.shape[-1]))
    rows = np.arange(len(codes)).reshape(batches.shape[:2])
    active = expected["fvae_active_mask"].astype(bool)
    votes = least_varying(codes, rows, expected["fvae_global_variances"], active)
    assert (votes == np.flatnonzero(active)[expected["fvae_argmin_in_active"]]).all()


@pytest.mark.parametrize("threshold", [0.0, 0.05])
@pytest.mark.parametrize("problem", SMALL, indirect=True)
def test_factor_vae(problem, threshold):
    check_factor_vae(problem, threshold)


@pytest.mark.slow
@pytest.mark.parametrize("threshold", [0.0, 0.05])
@pytest.mark.parametrize("problem", LARGE, indirect=True)
def test_factor_vae_on_all_dsprites(problem, threshold):
    check_factor_vae(problem, threshold)


def check_factor_vae(problem, threshold):
    table = problem.grid()
    scores = [um.factor_vae(*table, prune_std=threshold, seed=seed) for seed in range(8)]
    mean, std, seeds = problem.sampled(f"factor_vae_p{threshold}")
    assert agree(scores, mean["eval_accuracy"], std["eval_accuracy"], seeds)
    small = {"train_votes": 800, "eval_votes": 800, "variance_samples": 2000}
    if threshold:
        values = [um.factor_vae(*table, **small, seed=seed) for seed in range(20)]
        again = problem.sampled("factor_vae_small")
        assert agree(values, again[0]["eval_accuracy"], again[1]["eval_accuracy"], again[2])
    trained = [score.parts["train_accuracy"] for score in scores]
    assert agree(trained, mean["train_accuracy"], std["train_accuracy"], seeds)


def test_beta_vae_features(problem):
    from unweave_metrics.interventions._points import mean_differences

    pairs = problem.expected["bvae_batches"]
    codes = problem.encode(pairs.reshape(-1, pairs.shape[-1]))
    rows = np.arange(len(codes)).reshape(len(pairs), 2, -1).transpose(0, 2, 1)
    features = mean_differences(codes, np.ascontiguousarray(rows))
    assert features == pytest.approx(problem.expected["bvae_features"], abs=1e-9)


@pytest.mark.parametrize("problem", SMALL, indirect=True)
def test_beta_vae(problem):
    check_beta_vae(problem)


@pytest.mark.slow
@pytest.mark.parametrize("problem", LARGE, indirect=True)
def test_beta_vae_on_all_dsprites(problem):
    check_beta_vae(problem)


def check_beta_vae(problem):
    table = problem.grid()
    for key, sizes in (
        ("beta_vae", {}),
        ("beta_vae_small", {"train_points": 1000, "eval_points": 1000}),
    ):
        scores = [um.beta_vae(*table, **sizes, seed=seed) for seed in range(8)]
        mean, std, seeds = problem.sampled(key)
        assert agree(scores, mean["eval_accuracy"], std["eval_accuracy"], seeds)


@pytest.mark.parametrize("quantile", [0.99, 1.0])
def test_irs(problem, quantile):
    score = um.irs(*problem.train, quantile=quantile)
    assert score == pytest.approx(problem.value(f"irs_q{quantile}_fb20")["IRS"], abs=1e-9)
    prefix = f"dlib_irs_q{quantile}_fb20_"
    assert score.parts["matrix"] == pytest.approx(problem.expected[prefix + "IRS_matrix"], abs=1e-9)
    assert score.parts["max_deviations"] == pytest.approx(
        problem.expected[prefix + "max_deviations"], abs=1e-9
    )
    true = um.irs(*problem.train, quantile=quantile, bin_factors=False)
    assert true == pytest.approx(problem.value(f"irs_q{quantile}_true"), abs=1e-9)
    plain = um.irs(*problem.train, preset="carbonneau2022", quantile=quantile)
    expected = problem.value(f"ub_irs_cf0_b10_q{quantile}", "old")
    assert plain == pytest.approx(expected, abs=1e-9)
    for bins in (10, 20):
        review = um.irs(
            *problem.train, preset="carbonneau2022", quantile=quantile, bins=bins, bin_factors=True
        )
        expected = problem.value(f"ub_irs_cf1_b{bins}_q{quantile}", "old")
        assert review == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("continuous", [0, 1])
@pytest.mark.parametrize("name", ["z_min_var", "z_max_var"])
def test_votes_of_the_review(problem, name, continuous):
    metric, binned = getattr(um, name), bool(continuous)
    scores = [metric(*problem.train, bin_factors=binned, seed=seed) for seed in range(12)]
    assert agree(scores, *problem.sampled(f"ub_{name}_cf{continuous}", "old"))


@pytest.mark.parametrize("continuous", [0, 1])
def test_z_diff(problem, continuous):
    scores = [um.z_diff(*problem.train, bin_factors=bool(continuous), seed=s) for s in range(3)]
    assert agree(scores, *problem.sampled(f"ub_z_diff_cf{continuous}", "old"))
