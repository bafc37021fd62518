from types import SimpleNamespace

import pytest
import torch
from torch.distributions import Independent, Normal


class Posterior:
    def __init__(self, mean, std, family=Normal):
        self.mean, self.std, self.has_density = mean, std, True
        self.distribution = Independent(family(mean, std, validate_args=False), 1)

    def log_prob(self, z):
        return self.distribution.log_prob(z)


def standard_prior(dim):
    return Independent(Normal(torch.zeros(dim), torch.ones(dim), validate_args=False), 1)


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """The tensors are small: threads would only wait for each other."""
    torch.set_num_threads(1)


def make_latent(b=32, dim=3, n=1000, seed=0, dtype=torch.float32, family=Normal, prior=None):
    g = torch.Generator().manual_seed(seed)
    mean = torch.randn(b, dim, generator=g).to(dtype).requires_grad_()
    std = (torch.rand(b, dim, generator=g) * 0.5 + 0.2).to(dtype).requires_grad_()
    z = mean + std * torch.randn(b, dim, generator=g).to(dtype)
    return SimpleNamespace(
        z=z,
        posterior=Posterior(mean, std, family),
        dataset_size=n,
        generator=g,
        prior=lambda: prior or standard_prior(dim),
        prior_sample=lambda: torch.randn(b, dim, generator=g),
        decoder=seeded_decoder(dim, g).to(dtype),
    )


def seeded_decoder(dim, g):
    decoder = torch.nn.Sequential(torch.nn.Linear(dim, 8), torch.nn.Tanh(), torch.nn.Linear(8, 5))
    for parameter in decoder.parameters():
        parameter.data = 0.5 * torch.randn(parameter.shape, generator=g)
    return decoder


@pytest.fixture
def latent_of():
    return make_latent


@pytest.fixture
def exact():
    return log_q_exact


def log_q_exact(z, posterior):
    """log q and log q_d by torch's mixtures of all posteriors, one for each dimension."""
    from torch.distributions import Categorical, MixtureSameFamily

    n = posterior.batch_shape[0]
    even = Categorical(torch.ones(n, dtype=z.dtype))
    joint = MixtureSameFamily(even, posterior).log_prob(z)
    base = posterior.base_dist
    marginals = []
    for d in range(z.shape[1]):
        parameters = {k: getattr(base, k)[:, d] for k in base.arg_constraints}
        marginals.append(MixtureSameFamily(even, type(base)(**parameters)).log_prob(z[:, d]))
    return joint, torch.stack(marginals, 1)
