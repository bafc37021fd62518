"""Streamed sums: gradients, block boundaries, numerics, memory and time."""

import math
import resource
import statistics
import subprocess
import sys
import time

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.distributions import Independent, Laplace, Normal

from unweave_estimators import decompose, gaussian_sums, posterior_sums, total_correlation
from unweave_estimators.posterior_sums import aggregate_log_density


def problem(b, d, seed=0, dtype=torch.float64):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(b, d, generator=g, dtype=dtype)
    std = 0.1 + torch.rand(b, d, generator=g, dtype=dtype)
    z = mean + std * torch.randn(b, d, generator=g, dtype=dtype)
    return tuple(x.requires_grad_() for x in (z, mean, std))


def plain(z, mean, std, n, estimator):
    """The three terms from the whole (b, b, d) tensor and a matrix of weights."""
    b = z.shape[0]
    s = Normal(mean, std).log_prob(z[:, None])
    m = b - 1
    if estimator == "mws":
        weights = torch.full((b, b), 1 / (n * b), dtype=z.dtype)
    else:
        other = (n - 1) / (n * m) if estimator == "loo" else 1 / m
        weights = torch.full((b, b), other, dtype=z.dtype)
        weights.fill_diagonal_(1 / n)
        if estimator == "mss":
            weights[torch.arange(b), (torch.arange(b) + 1) % b] = (n - m) / (n * m)
    w = weights.log()
    joint, marginals = (s.sum(2) + w).logsumexp(1), (s + w[:, :, None]).logsumexp(1)
    own = s.diagonal().sum(0)
    prior = Normal(0.0, 1.0).log_prob(z)
    return (
        (own - joint).mean(),
        (joint - marginals.sum(1)).mean(),
        (marginals - prior).sum(1).mean(),
    )


def gradients(terms, leaves):
    weighted = terms[0] + 3.0 * terms[1] + 0.7 * terms[2]
    return torch.autograd.grad(weighted, leaves)


@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
@settings(max_examples=20, deadline=None, derandomize=True)
@given(
    b=st.integers(2, 64),
    d=st.integers(1, 6),
    block=st.sampled_from([100, 1000, 2**20]),
    columns=st.sampled_from([9, 32, 512]),
)
def test_values_and_gradients_are_those_of_the_plain_formula(estimator, b, d, block, columns):
    leaves = problem(b, d, seed=b)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gaussian_sums, "_BLOCK_CPU", block)
        patch.setattr(gaussian_sums, "_COLUMNS", columns)
        options = {"dataset_size": 100, "estimator": estimator, "constants": "paper"}
        ours = decompose(*leaves, **options)
        ours_gradients = gradients(ours, leaves)
    z, mean, std = leaves
    truth = plain(z, mean, std, 100, estimator)
    torch.testing.assert_close(tuple(ours), truth)
    torch.testing.assert_close(ours_gradients, gradients(truth, leaves))


@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
def test_blocks_of_rows_leave_other_families_alone(estimator, monkeypatch):
    z, mean, std = problem(23, 3)

    def terms():
        posterior = Independent(Laplace(mean, std), 1)
        return decompose(z, posterior=posterior, dataset_size=99, estimator=estimator)

    whole = terms()
    monkeypatch.setattr(posterior_sums, "_BLOCK", 23 * 3 * 4)
    torch.testing.assert_close(tuple(terms()), tuple(whole))
    leaves = (z, mean, std)
    torch.testing.assert_close(gradients(terms(), leaves), gradients(whole, leaves))


@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
@pytest.mark.parametrize("b", [2, 3, 16, 64])
def test_gradcheck(estimator, b):
    def terms(z, mean, std):
        options = {"dataset_size": 100, "estimator": estimator, "constants": "paper"}
        return tuple(decompose(z, mean, std, **options))

    assert torch.autograd.gradcheck(terms, problem(b, 2), fast_mode=b > 16)


@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
@pytest.mark.parametrize("std", [1e-3, 1e-1, 1.0, 1e2])
@pytest.mark.parametrize("spread", [1e-2, 1.0, 1e2])
def test_float32_is_as_good_as_float64(estimator, std, spread):
    g = torch.Generator().manual_seed(0)
    mean = (torch.rand(100, 8, generator=g) * 2 - 1) * spread
    stds = std * (0.5 + torch.rand(100, 8, generator=g))
    z = mean + stds * torch.randn(100, 8, generator=g)
    options = {"dataset_size": 10000, "estimator": estimator}
    single = decompose(z, mean, stds, **options)
    double = decompose(z.double(), mean.double(), stds.double(), **options)
    for a, b in zip(single, double, strict=True):
        assert a.dtype == torch.float32
        assert abs(float(a) - float(b)) < 1e-4 * max(1.0, abs(float(b)))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    z, mean, std = (x.detach().to(dtype) for x in problem(64, 5))
    got = total_correlation(z, mean, std, dataset_size=1000)
    up = total_correlation(z.float(), mean.float(), std.float(), dataset_size=1000)
    assert got.dtype == torch.float32
    assert torch.equal(got, up)


def test_gradients_reach_half_precision_leaves():
    z, mean, std = (x.detach().bfloat16().requires_grad_() for x in problem(64, 5))
    total_correlation(z, mean, std, dataset_size=1000).backward()
    assert mean.grad.dtype == torch.bfloat16
    assert mean.grad.isfinite().all()


def test_autocast_changes_nothing():
    leaves = problem(64, 5, dtype=torch.float32)
    plain_value = total_correlation(*leaves, dataset_size=1000)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = total_correlation(*leaves, dataset_size=1000)
        value.backward()
    assert torch.equal(value, plain_value)


@pytest.mark.parametrize("family", [Normal, Laplace])
@pytest.mark.parametrize("estimator", ["mws", "mss", "loo"])
@pytest.mark.parametrize("b", [2, 9])
def test_far_apart_posteriors_give_no_nan(estimator, family, b):
    mean = 100.0 * torch.linspace(-1, 1, b)[:, None].repeat(1, 4)
    mean, std = mean.requires_grad_(), torch.full((b, 4), 1e-3, requires_grad=True)
    z = mean + std
    posterior = Independent(family(mean, std), 1)
    terms = decompose(z, posterior=posterior, dataset_size=1000, estimator=estimator)
    torch.stack(terms).sum().backward()
    for value in (*terms, mean.grad, std.grad):
        assert value is not None
        assert value.isfinite().all()
    # each code tells its index apart from all N
    torch.testing.assert_close(terms.index_code_mi.detach(), torch.tensor(math.log(1000)))


@pytest.mark.parametrize("family", [Normal, Laplace])
def test_aggregate_density_of_codes_from_anywhere(family, exact, monkeypatch):
    z, mean, std = problem(30, 3)
    monkeypatch.setattr(posterior_sums, "_BLOCK", 300)
    posterior = Independent(family(mean[:20], std[:20]), 1)
    joint, _ = exact(z, posterior)
    got = aggregate_log_density(z, posterior)
    torch.testing.assert_close(got, joint)
    torch.testing.assert_close(
        torch.autograd.grad(got.sum(), (z, mean, std), retain_graph=True),
        torch.autograd.grad(joint.sum(), (z, mean, std)),
    )


MEASURE = """
import resource, torch
from unweave_estimators import decompose
torch.set_num_threads(1)
def step(b):
    mean = torch.randn(b, 32, requires_grad=True)
    std = torch.full((b, 32), 0.3, requires_grad=True)
    z = mean + std * torch.randn(b, 32)
    sum(decompose(z, mean, std, dataset_size=10**6, estimator="mws")).backward()
step(64)
start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
step(8192)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(resource, "getrusage"), reason="needs resource usage")
def test_a_batch_of_8192_needs_less_than_a_gigabyte():
    run = subprocess.run(
        [sys.executable, "-c", MEASURE], capture_output=True, text=True, check=True
    )
    assert int(run.stdout) / 1e6 < 1.0  # ru_maxrss is in kilobytes


@pytest.mark.slow
def test_it_takes_no_longer_than_the_plain_formula():
    leaves = problem(256, 10, dtype=torch.float32)

    def seconds(terms):
        start = time.perf_counter()
        gradients(terms(), leaves)
        return time.perf_counter() - start

    def ours():
        return decompose(*leaves, dataset_size=1000, estimator="mws")

    def theirs():
        z, mean, std = leaves
        s = -0.5 * ((z[:, None] - mean) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)
        joint, marginals = s.sum(2).logsumexp(1), s.logsumexp(1)
        own = (-0.5 * ((z - mean) / std).square() - std.log()).sum(1)
        prior = -0.5 * z.square()
        tc = (joint - marginals.sum(1)).mean()
        return (own - joint).mean(), tc, (marginals - prior).sum(1).mean()

    ratios = [seconds(ours) / seconds(theirs) for _ in range(50)]
    assert statistics.median(ratios) < 1.1
