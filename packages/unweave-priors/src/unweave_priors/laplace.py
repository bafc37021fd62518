"""Product of Laplace densities: a prior with a peak and a preferred rotation."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Laplace as _Laplace

from unweave_priors.base import Factorised, Reparametrised, positive, product, register, vector


class Laplace(Reparametrised):
    """Product of Laplace densities, p(z) = prod_d exp(-|z_d - loc| / scale) / (2 scale).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    loc : float
        Centre of every dimension.
    scale : float, positive
        Scale of every dimension; the variance is 2 scale^2.
    learned : bool
        Whether the scale of each dimension is a parameter with initial value `scale`.

    Raises
    ------
    ValueError
        If `dim` is not a positive integer, `loc` not finite or `scale` not positive.

    Examples
    --------
    >>> import torch
    >>> from unweave_priors import Laplace
    >>> Laplace(2)().log_prob(torch.zeros(1, 2))  # two densities of 1/2 at zero
    tensor([-1.3863])
    """

    loc: Tensor
    log_scale: Tensor

    def __init__(
        self, dim: int, *, loc: float = 0.0, scale: float = 1.0, learned: bool = False
    ) -> None:
        super().__init__(dim)
        self.register_buffer("loc", vector("loc", loc, dim))
        register(self, "log_scale", positive("scale", scale, dim).log(), learned=learned)

    def forward(self) -> Factorised:
        """Return p(z) as an Independent Laplace with event shape (dim,)."""
        return product(_Laplace(self.loc, self.log_scale.exp(), validate_args=False))

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        # A difference of exponential variables, because the inverse distribution function is
        # infinite at a uniform draw of zero.
        noise = torch.empty(2, n, self.dim, dtype=self.loc.dtype, device=self.loc.device)
        first, second = noise.exponential_(generator=generator)
        codes: Tensor = self.loc + self.log_scale.exp() * (first - second)
        return codes
