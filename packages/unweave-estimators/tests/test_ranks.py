"""Two processes with half a batch each equal one with all of it."""

import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch
from torch import nn
from torch.distributions import Independent, Laplace, Normal

from unweave_estimators import LOO, MSS, MWS, Hierarchical

CASES = [(MWS, Normal, 0), (MSS, Normal, 0), (LOO, Normal, 0), (LOO, Laplace, 0)]
# with a memory bank too, which then holds the posteriors of all ranks
CASES += [(MWS, Normal, 7), (MSS, Normal, 7), (LOO, Laplace, 30), (Hierarchical, Normal, 7)]
STEPS, B, D, N = 3, 6, 3, 200


def step(estimator, encoder, family, x, noise):
    mean, log_std = encoder(x).chunk(2, 1)
    std = log_std.exp()
    posterior = SimpleNamespace(
        mean=mean,
        std=std,
        has_density=True,
        distribution=Independent(family(mean, std, validate_args=False), 1),
    )
    zero = torch.zeros(D, dtype=x.dtype)
    prior = Independent(Normal(zero, zero + 1, validate_args=False), 1)
    latent = SimpleNamespace(
        z=mean + std * noise, posterior=posterior, dataset_size=N, prior=lambda: prior
    )
    terms = estimator(latent)
    encoder.zero_grad()
    sum((k + 1) * terms[name] for k, name in enumerate(estimator.terms)).backward()
    gradient = [p.grad.clone() for p in encoder.parameters()]
    return [float(v.detach()) for v in terms.values()], gradient


def run(rank, ranks):
    """All cases for the rows of one rank, gradients averaged over ranks as DDP does."""
    results = []
    for case, family, memory in CASES:
        g = torch.Generator().manual_seed(0)
        encoder = nn.Linear(4, 2 * D).double()
        for p in encoder.parameters():
            p.data = 0.3 * torch.randn(p.shape, generator=g, dtype=p.dtype)
        estimator = case(D, memory=memory, gather=True)
        for _ in range(STEPS):
            x = torch.randn(2 * B, 4, generator=g, dtype=torch.float64)
            noise = torch.randn(2 * B, D, generator=g, dtype=torch.float64)
            rows = slice(rank * 2 * B // ranks, (rank + 1) * 2 * B // ranks)
            values, gradient = step(estimator, encoder, family, x[rows], noise[rows])
            if ranks > 1:
                for part in gradient:
                    torch.distributed.all_reduce(part)
                    part /= ranks
            results.append((values, [part.flatten().tolist() for part in gradient]))
    return results


def answer(rank, store):
    """Run as one of two processes; return its results."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group(
        "gloo", init_method=f"file://{store}", rank=rank, world_size=2
    )
    try:
        return run(rank, 2)
    finally:
        torch.distributed.destroy_process_group()


@pytest.mark.skipif(not torch.distributed.is_available(), reason="torch without distributed")
def test_two_ranks_equal_one(tmp_path):
    store = str(tmp_path / "store")
    other = subprocess.Popen([sys.executable, __file__, "1", store], stdout=subprocess.PIPE)
    try:
        together = [answer(0, store), json.loads(other.communicate()[0])]
    finally:
        other.kill()
    alone = run(0, 1)
    for results in together:
        for (values, gradient), (expected, expected_gradient) in zip(results, alone, strict=True):
            torch.testing.assert_close(values, expected)
            for part, expected_part in zip(gradient, expected_gradient, strict=True):
                torch.testing.assert_close(torch.tensor(part), torch.tensor(expected_part))


if __name__ == "__main__":
    print(json.dumps(answer(int(sys.argv[1]), sys.argv[2])))
