"""A Laplace prior for unweave."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent
from torch.distributions import Laplace as _Laplace


class Laplace(torch.nn.Module):
    """Product of Laplace densities, p(z) = prod_d exp(-|z_d| / scale_d) / (2 scale_d).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    scale : float, positive
        Scale of every dimension; the variance is 2 scale^2.
    learned : bool
        Whether the scales are parameters, started at `scale`, instead of constants.

    Raises
    ------
    ValueError
        If `scale` is not positive.

    Examples
    --------
    >>> import torch
    >>> from unweave_laplace import Laplace
    >>> Laplace(2)().log_prob(torch.zeros(1, 2))  # two densities of 1/2 at zero
    tensor([-1.3863])
    """

    log_scale: Tensor

    def __init__(self, dim: int, *, scale: float = 1.0, learned: bool = False) -> None:
        super().__init__()
        if not scale > 0:
            raise ValueError(f"scale must be positive, got {scale}")
        log_scale = torch.full((dim,), math.log(scale))
        if learned:
            self.log_scale = torch.nn.Parameter(log_scale)
        else:
            self.register_buffer("log_scale", log_scale)

    def forward(self) -> Distribution:
        """Return p(z), a distribution with event shape (dim,)."""
        loc = torch.zeros_like(self.log_scale)
        return Independent(_Laplace(loc, self.log_scale.exp(), validate_args=False), 1)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes (n, dim), as differences of two exponential variables."""
        noise = self.log_scale.new_empty(2, n, len(self.log_scale))
        first, second = noise.exponential_(generator=generator)
        codes: Tensor = self.log_scale.exp() * (first - second)
        return codes
