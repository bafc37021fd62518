"""Uniform prior on a box."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Uniform as _Uniform

from unweave_priors.base import Factorised, Reparametrised, product, vector


class Uniform(Reparametrised):
    """Uniform prior on a box, p(z) = prod_d 1 / (high - low) where low <= z_d < high.

    Outside of the box the log density is minus infinity. So the prior suits estimators that compare
    samples, such as MMD, but not those that evaluate the density at arbitrary codes.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    low, high : float
        Ends of the interval of every dimension.

    Raises
    ------
    ValueError
        If `low` is not less than `high`.

    Examples
    --------
    >>> import torch
    >>> from unweave_priors import Uniform
    >>> Uniform(2)().log_prob(torch.tensor([[0.0, 0.5], [0.0, 1.5]]))
    tensor([-1.3863,    -inf])
    """

    low: Tensor
    high: Tensor

    def __init__(self, dim: int, *, low: float = -1.0, high: float = 1.0) -> None:
        super().__init__(dim)
        if not low < high:
            raise ValueError(f"low must be less than high, got {low} and {high}")
        self.register_buffer("low", vector("low", low, dim))
        self.register_buffer("high", vector("high", high, dim))

    def forward(self) -> Factorised:
        """Return p(z) as an Independent uniform with event shape (dim,)."""
        return product(_Uniform(self.low, self.high, validate_args=False))

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        size, like = (n, self.dim), self.low
        unit = torch.rand(size, generator=generator, dtype=like.dtype, device=like.device)
        codes: Tensor = self.low + (self.high - self.low) * unit
        return codes
