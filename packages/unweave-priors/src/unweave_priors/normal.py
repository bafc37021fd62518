"""Isotropic normal prior, and draws of normal codes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal as _Normal

from unweave_priors.base import Factorised, Reparametrised, positive, product, vector


class Normal(Reparametrised):
    """Isotropic normal prior, p(z) = prod_d N(z_d; loc, scale^2).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    loc : float
        Mean of every dimension.
    scale : float, positive
        Standard deviation of every dimension.

    Raises
    ------
    ValueError
        If `dim` is not a positive integer, `loc` not finite or `scale` not positive.

    Examples
    --------
    >>> import torch
    >>> from unweave_priors import Normal
    >>> prior = Normal(2)
    >>> prior().log_prob(torch.zeros(1, 2))
    tensor([-1.8379])
    >>> prior.sample(2, generator=torch.Generator().manual_seed(0)).shape
    torch.Size([2, 2])
    """

    loc: Tensor
    scale: Tensor

    def __init__(self, dim: int, *, loc: float = 0.0, scale: float = 1.0) -> None:
        super().__init__(dim)
        self.register_buffer("loc", vector("loc", loc, dim))
        self.register_buffer("scale", positive("scale", scale, dim))

    def forward(self) -> Factorised:
        """Return p(z) as an Independent normal with event shape (dim,)."""
        return product(_Normal(self.loc, self.scale, validate_args=False))

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        return draw_normal(n, self.loc, self.scale, generator)


def draw_normal(n: int, loc: Tensor, scale: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw normal codes (n, dim) with means and scales of shape (dim,) or (n, dim)."""
    size = (n, loc.shape[-1])
    noise = torch.randn(size, generator=generator, dtype=loc.dtype, device=loc.device)
    return loc + scale * noise
