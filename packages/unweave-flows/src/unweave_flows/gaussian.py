"""A normal density with full covariance: the cheapest density with correlations."""

from __future__ import annotations

from typing import Self

import torch
from torch import Tensor
from torch.distributions import Distribution, MultivariateNormal

from unweave_flows.density import Density, Progress, check_codes, check_dim
from unweave_flows.outliers import narrow_scale


class Gaussian(Density):
    """Normal density N(z; loc, L L^T), fitted in closed form.

    Parameters
    ----------
    dim : int
        Number of code dimensions.

    Examples
    --------
    >>> import torch
    >>> from unweave_flows import Gaussian
    >>> codes = torch.tensor([[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]])
    >>> Gaussian(2).fit(codes)().mean
    tensor([1., 2.])
    """

    loc: Tensor
    scale_tril: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.register_buffer("loc", torch.zeros(dim))
        self.register_buffer("scale_tril", torch.eye(dim))

    def forward(self) -> Distribution:
        """Return the density, a distribution with event shape (dim,)."""
        return _Normal(self.loc, scale_tril=self.scale_tril, validate_args=False)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes (n, dim), with all randomness from `generator`."""
        like = self.loc
        noise = torch.randn(n, self.dim, generator=generator, dtype=like.dtype, device=like.device)
        return self.loc + noise @ self.scale_tril.mT

    def fit(
        self,
        codes: Tensor,
        *,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Set mean and covariance to those of codes (n, dim), the maximum likelihood estimate.

        Parameters
        ----------
        codes : float array, shape (n, dim)
            More than `dim` codes.
        generator : torch.Generator, optional
            Not used: the fit is not random.
        progress : callable, optional
            Called once, as progress(1, 1).

        Raises
        ------
        ValueError
            If the codes have another shape, are not finite, or lie in a hyperplane, unless only
            because a dimension is constant.

        Warns
        -----
        RuntimeWarning
            If a dimension is constant; the density gives it a narrow normal distribution,
            independent of the others.
        """
        codes = check_codes(codes, self.loc, at_least=self.dim + 1).double()
        covariance = torch.cov(codes.T, correction=0).reshape(self.dim, self.dim)
        covariance += narrow_scale(codes, self.loc.dtype).square().diag()
        root, info = torch.linalg.cholesky_ex(covariance)
        # Share of a dimension's variance that the others do not explain; it must not be rounding.
        rest = root.diagonal().square() / covariance.diagonal()
        if bool(info) or bool((rest < torch.finfo(self.loc.dtype).eps).any()):
            raise ValueError(
                "codes must not lie in a hyperplane, got a singular covariance; remove dimensions "
                "that are linear functions of others"
            )
        self.loc.copy_(codes.mean(dim=0))
        self.scale_tril.copy_(root)
        if progress is not None:
            progress(1, 1)
        return self


class _Normal(MultivariateNormal):
    """Normal distribution that refuses codes of another dimension."""

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density in nats; (..., dim) -> (...)."""
        check_dim(value, self.event_shape[0])
        density: Tensor = super().log_prob(value)  # type: ignore[no-untyped-call]
        return density
