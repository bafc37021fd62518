"""The posterior of InfoGAN's Q: a categorical code and Gaussian codes."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.distributions import Distribution, constraints

from unweave.posterior import Family, GaussianPosterior


class MixedPosterior:
    """q(z|x) = Categorical(first K dimensions, one-hot) times a factorised Gaussian of the rest.

    Parameters
    ----------
    logits : float tensor, shape (b, K)
        Logits of the classes.
    rest
        The Gaussian of the other dimensions.
    """

    has_density = True

    def __init__(self, logits: Tensor, rest: GaussianPosterior) -> None:
        self._log_class, self._rest = F.log_softmax(logits, dim=1), rest

    @property
    def mean(self) -> Tensor:
        """Chances of the classes, then means; shape (b, D)."""
        return torch.cat([self._log_class.exp(), self._rest.mean], dim=1)

    @property
    def std(self) -> Tensor:
        """Standard deviations, sqrt(p (1 - p)) for a class of chance p; shape (b, D)."""
        chance = self._log_class.exp()
        # The square root has no slope at 0.
        spread = (chance * (1 - chance)).clamp(min=1e-12).sqrt()
        return torch.cat([spread, self._rest.std], dim=1)

    @property
    def distribution(self) -> Distribution:
        """The torch Distribution with batch shape (b,) and event shape (D,)."""
        return _MixedDistribution(self)

    def rsample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw a one-hot class, with the straight-through gradient to its logits, and the rest."""
        chance = self._log_class.exp()
        noise = torch.rand(
            chance.shape, generator=generator, dtype=chance.dtype, device=chance.device
        )
        gumbel = -(-noise.clamp(1e-20).log()).clamp(1e-20).log()
        hard = F.one_hot((self._log_class + gumbel).argmax(1), chance.shape[1]).to(chance.dtype)
        classes = hard + chance - chance.detach()
        return torch.cat([classes, self._rest.rsample(generator)], dim=1)

    def log_prob_per_dim(self, z: Tensor) -> Tensor:
        """Return what each dimension adds to log q(z|x), nats, shape (b, D)."""
        k = self._log_class.shape[1]
        classes = z[..., :k] * self._log_class
        return torch.cat([classes, self._rest.log_prob_per_dim(z[..., k:])], dim=-1)

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log q(z|x), nats, for codes whose first K dimensions are one-hot."""
        return self.log_prob_per_dim(z).sum(-1)


class _MixedDistribution(Distribution):
    """A mixed posterior as a torch Distribution; draws come from the global generator."""

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, posterior: MixedPosterior) -> None:
        self._posterior = posterior
        batch, dim = posterior.mean.shape
        super().__init__(torch.Size([batch]), torch.Size([dim]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Chances of the classes, then means; shape (b, D)."""
        return self._posterior.mean

    @property
    def variance(self) -> Tensor:
        """Variances, shape (b, D)."""
        return self._posterior.std.square()

    def log_prob(self, value: Tensor) -> Tensor:
        """Return log q(z|x), nats."""
        return self._posterior.log_prob(value)

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Draw codes, shape (*sample_shape, b, D)."""
        draws = [self._posterior.rsample() for _ in range(math.prod(sample_shape))]
        return torch.stack(draws).reshape(*sample_shape, *self._posterior.mean.shape)


class Mixed(Family):
    """Family of a one-hot class and Gaussians, for the prior of the same name.

    Parameters
    ----------
    categories
        Number of classes K, the dimension of the one-hot part.

    References
    ----------
    Chen et al., "InfoGAN", NIPS 2016, section 6: Q is a softmax for the class, a factored Gaussian
    for continuous codes.
    """

    def __init__(self, dim: int, *, categories: int = 10) -> None:
        super().__init__(dim)
        if not 2 <= categories < dim:
            raise ValueError(f"categories must be from 2 to dim - 1, got {categories}, dim {dim}")
        self.categories = categories
        self.outputs = categories + 2 * (dim - categories)

    def forward(self, parameters: Tensor) -> MixedPosterior:
        """Return q(z|x) from outputs of shape (b, K + 2 (D - K))."""
        logits, rest = self.check(parameters).tensor_split([self.categories], dim=1)
        mean, log_variance = rest.chunk(2, dim=1)
        # A spread that can shrink without end makes log q grow without end.
        std = (0.5 * log_variance).exp().clamp(min=math.exp(-4))
        return MixedPosterior(logits, GaussianPosterior(mean, std))
