"""A mixture of normal densities with full covariances, fitted by expectation-maximisation."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor
from torch.distributions import Categorical, Distribution, MixtureSameFamily, MultivariateNormal

from unweave_flows.density import Density, Progress, check_codes, check_count, check_dim
from unweave_flows.outliers import narrow_scale

FLOOR = 1e-6
"""Variance added to every covariance, relative to the codes' variance; scikit-learn's default."""


class GaussianMixture(Density):
    """Mixture density sum_k w_k N(z; loc_k, L_k L_k^T).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    components : int
        Number of components.

    References
    ----------
    Dempster, Laird, Rubin, "Maximum Likelihood from Incomplete Data via the EM Algorithm", 1977.
    First means: Arthur, Vassilvitskii, "k-means++: the Advantages of Careful Seeding", 2007.

    Examples
    --------
    >>> import torch
    >>> from unweave_flows import GaussianMixture
    >>> g = torch.Generator().manual_seed(0)
    >>> codes = torch.randn(400, 1, generator=g) + torch.tensor([[-9.0], [9.0]]).repeat(200, 1)
    >>> density = GaussianMixture(1, components=2).fit(codes, generator=g)
    >>> density().component_distribution.mean.flatten().round().abs()
    tensor([9., 9.])
    """

    log_weights: Tensor
    loc: Tensor
    scale_tril: Tensor

    def __init__(self, dim: int, *, components: int = 10) -> None:
        super().__init__(dim)
        check_count("components", components)
        self.register_buffer("log_weights", torch.zeros(components).log_softmax(dim=0))
        self.register_buffer("loc", torch.zeros(components, dim))
        self.register_buffer("scale_tril", torch.eye(dim).repeat(components, 1, 1))

    def forward(self) -> Distribution:
        """Return the density, a distribution with event shape (dim,)."""
        return _Mixture(
            Categorical(logits=self.log_weights, validate_args=False),
            MultivariateNormal(self.loc, scale_tril=self.scale_tril, validate_args=False),
            validate_args=False,
        )

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes (n, dim), with all randomness from `generator`."""
        like = self.loc
        unit = torch.rand(n, generator=generator, dtype=like.dtype, device=like.device)
        noise = torch.randn(n, self.dim, generator=generator, dtype=like.dtype, device=like.device)
        steps = self.log_weights.softmax(dim=0).cumsum(dim=0)
        # Rounding may leave the last step below one; the last component takes the remainder.
        index = torch.searchsorted(steps, unit, right=True).clamp_max(len(steps) - 1)
        return self.loc[index] + (self.scale_tril[index] @ noise[:, :, None])[:, :, 0]

    def fit(
        self,
        codes: Tensor,
        *,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
        iterations: int = 200,
        tolerance: float = 1e-4,
    ) -> Self:
        """Fit to codes (n, dim) by expectation-maximisation and return the density.

        O(n components dim^2) time per iteration, O(n (components + dim)) memory.

        Parameters
        ----------
        codes : float array, shape (n, dim)
            At least as many codes as components, and more than `dim`.
        generator : torch.Generator, optional
            Source of the first means, by default torch's global generator.
        progress : callable, optional
            Called as progress(iteration, iterations).
        iterations : int
            Largest number of iterations.
        tolerance : float
            Gain of the mean log-likelihood in nats below which the iterations stop.

        Raises
        ------
        ValueError
            If the codes have another shape, are too few or not finite, or all are the same.

        Warns
        -----
        RuntimeWarning
            If a dimension is constant; the density gives it a narrow normal distribution,
            independent of the others.
        """
        check_count("iterations", iterations)
        least = max(self.dim + 1, len(self.log_weights))
        codes = check_codes(codes, self.loc[0], at_least=least).double()
        # A constant dimension gets the variance FLOOR, in units of its scale.
        narrow = narrow_scale(codes, self.loc.dtype) / FLOOR**0.5
        shift, scale = codes.mean(dim=0), torch.where(narrow > 0, narrow, codes.std(dim=0))
        units = (codes - shift) / scale
        shares = _nearest(units, _first_means(units, len(self.log_weights), generator))
        last = -float("inf")
        for iteration in range(1, iterations + 1):
            parameters = _maximise(units, shares)
            shares, likelihood = _expect(units, *parameters)
            if progress is not None:
                progress(iteration, iterations)
            if likelihood - last < tolerance:
                break
            last = likelihood
        log_weights, loc, scale_tril = parameters
        self.log_weights.copy_(log_weights)
        self.loc.copy_(loc * scale + shift)
        self.scale_tril.copy_(scale[:, None] * scale_tril)
        return self


def _first_means(codes: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """Draw codes as means; the probability of a code is proportional to its squared distance.

    The distance is that to the nearest of the means so far.
    """
    distances = torch.ones_like(codes[:, 0])
    means: list[Tensor] = []
    for _ in range(count):
        device = generator.device if generator is not None else codes.device
        unit = torch.rand(1, generator=generator, device=device).to(codes)
        steps = distances.cumsum(dim=0)
        index = torch.searchsorted(steps, unit * steps[-1], right=True).clamp_max(len(codes) - 1)
        means.append(codes[index])
        nearest = torch.cdist(codes, torch.cat(means)).amin(dim=1)
        distances = nearest.square()
    return torch.cat(means)


def _nearest(codes: Tensor, means: Tensor) -> Tensor:
    """Assign each code (n, dim) to its nearest mean; return shares (n, components)."""
    nearest = torch.cdist(codes, means).argmin(dim=1)
    return torch.nn.functional.one_hot(nearest, len(means)).to(codes.dtype)


def _maximise(codes: Tensor, shares: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Estimate log weights, means and Cholesky factors from the components' shares of codes."""
    # A component without codes gets a mean of zero and a tiny weight.
    counts = shares.sum(dim=0).clamp_min(torch.finfo(codes.dtype).eps)
    loc = (shares.mT @ codes) / counts[:, None]
    floor = FLOOR * torch.eye(codes.shape[1], dtype=codes.dtype, device=codes.device)
    covariances = [
        ((codes - mean) * share[:, None]).mT @ (codes - mean) / count + floor
        for mean, share, count in zip(loc, shares.mT, counts, strict=True)
    ]
    return (counts / counts.sum()).log(), loc, torch.linalg.cholesky(torch.stack(covariances))


def _expect(
    codes: Tensor, log_weights: Tensor, loc: Tensor, scale_tril: Tensor
) -> tuple[Tensor, float]:
    """Compute the components' shares of every code and the mean log-likelihood in nats."""
    joint = torch.stack(
        [
            log_weight + _log_normal(codes, mean, root)
            for log_weight, mean, root in zip(log_weights, loc, scale_tril, strict=True)
        ],
        dim=1,
    )
    total = joint.logsumexp(dim=1)
    return (joint - total[:, None]).exp(), float(total.mean())


def _log_normal(codes: Tensor, loc: Tensor, scale_tril: Tensor) -> Tensor:
    normal = MultivariateNormal(loc, scale_tril=scale_tril, validate_args=False)
    density: Tensor = normal.log_prob(codes)  # type: ignore[no-untyped-call]
    return density


class _Mixture(MixtureSameFamily):
    """Mixture that refuses codes of another dimension."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density in nats; (..., dim) -> (...)."""
        check_dim(value, self.event_shape[0])
        density: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return density
