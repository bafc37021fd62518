"""Inner sums that also run over earlier posteriors."""

import math

import pytest
import torch
from torch import Tensor
from torch.distributions import Laplace, Normal

from unweave_estimators import LOO, MSS, MWS, total_correlation


def log_q(estimator, latent, posteriors, n):
    """log q and log q_d of the batch by hand, from the posteriors of batch and bank."""
    mean, std = (torch.cat(x) for x in zip(*posteriors, strict=True))
    z, b, m = latent.z, latent.z.shape[0], len(mean) - 1
    family = type(latent.posterior.distribution.base_dist)
    s = family(mean, std).log_prob(z[:, None])
    weights = torch.full((b, m + 1), (n - 1) / (n * m), dtype=torch.float64)
    if estimator is MSS:
        weights[:] = 1 / m
        weights[torch.arange(b), (torch.arange(b) + 1) % b] = (n - m) / (n * m)
    weights[torch.arange(b), torch.arange(b)] = 1 / n
    if estimator is MWS:
        weights[:] = 1 / (m + 1)
    w = weights.log().to(z.dtype)
    return (s.sum(2) + w).logsumexp(1), (s + w[:, :, None]).logsumexp(1)


@pytest.mark.parametrize("family", [Normal, Laplace])
@pytest.mark.parametrize("estimator", [MWS, MSS, LOO])
def test_sums_run_over_batch_and_bank(estimator, family, latent_of):
    n, size = 500, 20
    options = {"constants": "batch"} if estimator is MWS else {}
    module = estimator(3, memory=size, **options)
    seen: list[tuple[Tensor, Tensor]] = []
    for step in range(5):
        latent = latent_of(b=8, n=n, seed=step, dtype=torch.float64, family=family)
        terms = module(latent)
        mean, std = latent.posterior.mean, latent.posterior.std
        held = [torch.cat(x)[:size] for x in zip(*seen, strict=True)] if seen else None
        both = [(mean, std), held] if held else [(mean, std)]
        joint, marginals = log_q(estimator, latent, both, n)
        expected = (joint - marginals.sum(1)).mean()
        # the bank holds float64 posteriors exactly, for it takes the dtype of the first batch
        torch.testing.assert_close(terms["total_correlation"], expected)
        torch.testing.assert_close(
            torch.autograd.grad(terms["total_correlation"], (mean, std), retain_graph=True),
            torch.autograd.grad(expected, (mean, std)),
        )
        seen.insert(0, (mean.detach(), std.detach()))


def test_the_bank_brings_a_small_batch_nearer_to_the_truth(latent_of):
    n = 400
    everything = latent_of(b=n, dim=4, n=n)
    mean, std = everything.posterior.mean.detach(), 0.4 * everything.posterior.std.detach()
    noise = torch.randn(n, 4, generator=torch.Generator().manual_seed(9))
    z = mean + std * noise
    exact = total_correlation(z, mean, std, dataset_size=n)
    errors = {}
    for memory in (0, 128):
        module, order = LOO(4, memory=memory), torch.Generator().manual_seed(0)
        values = []
        for _ in range(200):
            rows = torch.randperm(n, generator=order)[:8]
            batch = latent_of(b=8, dim=4, n=n)
            batch.z = z[rows]
            batch.posterior = type(batch.posterior)(mean[rows], std[rows])
            values.append(module(batch)["total_correlation"])
        errors[memory] = abs(float(torch.stack(values[20:]).mean() - exact))
    assert errors[128] < 0.5 * errors[0]


def test_evaluation_leaves_the_bank_alone(latent_of):
    module = LOO(3, memory=16)
    module(latent_of(b=8))
    before = {k: v.clone() for k, v in module.state_dict().items()}
    module.eval()(latent_of(b=8, seed=1))
    assert {k: v.tolist() for k, v in before.items()} == {
        k: v.tolist() for k, v in module.state_dict().items()
    }


def test_a_checkpoint_restores_the_bank(latent_of):
    module, fresh = LOO(3, memory=16), LOO(3, memory=16)
    for seed in range(3):
        module(latent_of(b=8, seed=seed))
    fresh.load_state_dict(module.state_dict())
    latent = latent_of(b=8, seed=7)
    assert module(latent)["total_correlation"] == fresh(latent)["total_correlation"]


def test_a_bank_larger_than_the_data_set_is_refused(latent_of):
    with pytest.raises(ValueError, match="posteriors in one sum, 24, got 20"):
        LOO(3, memory=16)(latent_of(b=8, n=20))
    with pytest.raises(ValueError, match="size must be at least 1, got -1"):
        LOO(3, memory=-1)


def test_index_code_mi_of_far_posteriors_counts_the_whole_data_set(latent_of):
    module = LOO(3, memory=8)
    for seed in range(2):
        latent = latent_of(b=8, n=100, seed=seed)
        latent.posterior.mean.data.mul_(1e4)
        latent.z = latent.posterior.mean + 0.1
        terms = module(latent)
    torch.testing.assert_close(
        terms["index_code_mi"].detach(), torch.tensor(math.log(100.0)), rtol=1e-4, atol=0.0
    )
