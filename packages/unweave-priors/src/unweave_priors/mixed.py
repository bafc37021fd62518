"""Prior of InfoGAN: a one-hot class, uniform codes and Gaussian noise side by side."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from unweave_priors.base import Prior, check_codes


class MixedDistribution(Distribution):
    """z = (one-hot of K classes, u uniform on (-1, 1), normal rest), event shape (dim,).

    log p(z) = -log K - u log 2 - (1/2) sum (z_d² + log 2 pi) over the normal dimensions, for u
    uniform dimensions. It is minus infinity if the first part is not one-hot or a uniform code lies
    outside of [-1, 1]. The density is with respect to counting measure on the first K dimensions
    and Lebesgue measure on the others.
    """

    arg_constraints: dict[str, constraints.Constraint] = {}

    def __init__(self, dim: int, categories: int, uniform: int, like: Tensor) -> None:
        self._dim, self._categories, self._uniform, self._like = dim, categories, uniform, like
        super().__init__(torch.Size(), torch.Size([dim]), validate_args=False)

    @property
    def mean(self) -> Tensor:
        """Return 1/K for the K classes and 0 for the other dimensions, shape (dim,)."""
        mean = torch.zeros(self._dim, dtype=self._like.dtype, device=self._like.device)
        mean[: self._categories] = 1 / max(1, self._categories)
        return mean

    @property
    def variance(self) -> Tensor:
        """Return p (1 - p) for a class, p = 1/K; 1/3 for uniform codes; 1 for noise; (dim,)."""
        k = self._categories
        variance = torch.ones_like(self.mean)
        variance[:k] = self.mean[:k] * (1 - self.mean[:k])
        variance[k : k + self._uniform] = 1 / 3
        return variance

    def log_prob_per_dim(self, value: Tensor) -> Tensor:
        """Return the part of each dimension in the log density, nats; (..., dim) -> (..., dim)."""
        check_codes(value, self._dim)
        k, end = self._categories, self._categories + self._uniform
        infinity = torch.full_like(value, math.inf)
        one_hot = ((value[..., :k] == 0) | (value[..., :k] == 1)).all(-1, keepdim=True)
        one_hot = one_hot & (value[..., :k].sum(-1, keepdim=True) == 1)
        classes = torch.where(one_hot, -value[..., :k] * math.log(max(1, k)), -infinity[..., :k])
        inside = value[..., k:end].abs() <= 1
        uniform = torch.where(inside, torch.full_like(value, -math.log(2))[..., k:end],
                              -infinity[..., k:end])  # fmt: skip
        noise = -0.5 * (value[..., end:].square() + math.log(2 * math.pi))
        return torch.cat([classes, uniform, noise], dim=-1)

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density in nats; (..., dim) -> (...)."""
        return self.log_prob_per_dim(value).sum(-1)

    @torch.no_grad()
    def sample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        """Draw codes, shape (*sample_shape, dim), from torch's global generator."""
        n = math.prod(sample_shape)
        codes = draw_mixed(n, self._dim, self._categories, self._uniform, self._like, None)
        return codes.reshape(*sample_shape, self._dim)


class Mixed(Prior):
    """Product of a uniform class, uniform codes and Gaussian noise, as in InfoGAN.

    z = (one-hot of `categories` classes, `uniform` codes on (-1, 1), N(0, 1) for the rest).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    categories, uniform : int
        Number of dimensions of the one-hot class, 0 or at least 2, and of the uniform codes.

    Raises
    ------
    ValueError
        If one is negative, `categories` is 1, or both together exceed `dim`.

    References
    ----------
    [InfoGAN] Chen et al., "InfoGAN: interpretable representation learning by information
    maximizing generative adversarial nets", NIPS 2016, appendix C.1: 10 classes, 2 uniform codes,
    62 of noise for MNIST.

    Examples
    --------
    >>> import torch
    >>> from unweave_priors import Mixed
    >>> codes = Mixed(5, categories=3, uniform=1).sample(4, torch.Generator().manual_seed(0))
    >>> codes[:, :3].sum(1)
    tensor([1., 1., 1., 1.])
    """

    like: Tensor

    def __init__(self, dim: int, *, categories: int = 10, uniform: int = 2) -> None:
        super().__init__(dim)
        if categories < 0 or categories == 1 or uniform < 0 or categories + uniform > dim:
            raise ValueError(
                "categories must be 0 or at least 2, uniform at least 0, and both together at "
                f"most dim={dim}, got {categories} and {uniform}"
            )
        self.categories, self.uniform = categories, uniform
        self.register_buffer("like", torch.zeros(()), persistent=False)

    def forward(self) -> MixedDistribution:
        """Return p(z), a distribution with event shape (dim,)."""
        return MixedDistribution(self.dim, self.categories, self.uniform, self.like)

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        return draw_mixed(n, self.dim, self.categories, self.uniform, self.like, generator)


def draw_mixed(
    n: int, dim: int, categories: int, uniform: int, like: Tensor, generator: torch.Generator | None
) -> Tensor:
    """Draw n codes (n, dim) in the dtype and on the device of `like`."""
    kind, device = like.dtype, like.device
    codes = torch.randn((n, dim), generator=generator, dtype=kind, device=device)
    unit = torch.rand((n, uniform), generator=generator, dtype=kind, device=device)
    codes[:, categories : categories + uniform] = 2 * unit - 1
    if categories:
        classes = torch.randint(categories, (n,), generator=generator, device=like.device)
        codes[:, :categories] = torch.nn.functional.one_hot(classes, categories).to(like.dtype)
    return codes
