"""A two-dimensional mixture whose entropy is known by quadrature."""

import pytest
import torch
from torch.distributions import Categorical, MixtureSameFamily, MultivariateNormal

# Small networks gain nothing from threads, and lose much where others use the machine.
torch.set_num_threads(1)


@pytest.fixture
def mixture():
    """Two correlated normal components, shifted and scaled away from the standard moments."""
    means = torch.tensor([[-2.0, 10.0], [2.0, 13.0]])
    covariances = torch.tensor([[[1.0, 0.6], [0.6, 1.0]], [[0.5, -0.6], [-0.6, 2.0]]])
    return MixtureSameFamily(
        Categorical(torch.tensor([0.4, 0.6])), MultivariateNormal(means, covariances)
    )


@pytest.fixture
def entropy(mixture):
    """Differential entropy of the mixture in nats, by the trapezoidal rule."""
    x, y = torch.linspace(-9, 9, 1001), torch.linspace(0, 25, 1001)
    log_density = mixture.log_prob(torch.cartesian_prod(x, y)).reshape(1001, 1001).double()
    rows = torch.trapezoid(-log_density * log_density.exp(), y.double(), dim=1)
    return float(torch.trapezoid(rows, x.double()))


@pytest.fixture
def draw(mixture):
    """Draw n codes from the mixture under a seed."""

    def sample(n, seed):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            return mixture.sample((n,))

    return sample
