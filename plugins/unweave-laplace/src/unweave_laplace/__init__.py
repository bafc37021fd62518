"""An asymmetric Laplace prior for unweave."""

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, constraints


class AsymmetricLaplace(torch.nn.Module):
    """Product of asymmetric Laplace densities, for codes that lean to one side.

    p(z) = prod_d exp(-|z_d| / s_d) / (left_d + right_d), where s_d is right_d for positive z_d and
    left_d for negative z_d.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    left, right : float, positive
        Scales of every dimension below and above zero.
    learned : bool
        Whether the scales are parameters with initial values `left` and `right`, not constants.

    Raises
    ------
    ValueError
        If a scale is not positive.

    Examples
    --------
    >>> import torch
    >>> from unweave_laplace import AsymmetricLaplace
    >>> prior = AsymmetricLaplace(2, left=1.0, right=3.0)
    >>> prior().log_prob(torch.zeros(1, 2)).exp()  # two densities of 1 / (1 + 3)
    tensor([0.0625])
    >>> prior().mean  # right - left
    tensor([2., 2.])
    """

    log_scales: Tensor

    def __init__(
        self, dim: int, *, left: float = 1.0, right: float = 2.0, learned: bool = False
    ) -> None:
        super().__init__()
        for name, scale in [("left", left), ("right", right)]:
            if not 0 < scale < math.inf:
                raise ValueError(f"{name} must be positive, got {scale}")
        log_scales = torch.tensor([[left], [right]]).log().repeat(1, dim)
        if learned:
            self.log_scales = torch.nn.Parameter(log_scales)
        else:
            self.register_buffer("log_scales", log_scales)

    def forward(self) -> Distribution:
        """Return p(z), a distribution with event shape (dim,)."""
        left, right = self.log_scales.exp()
        return Independent(_AsymmetricLaplace(left, right), 1, validate_args=False)

    def rsample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes (n, dim), with gradients to the scales."""
        left, right = self.log_scales.exp()
        return _draw(left, right, (n, len(left)), generator)

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes (n, dim) without gradients."""
        return self.rsample(n, generator)


class _AsymmetricLaplace(Distribution):
    """Asymmetric Laplace density of each dimension, which torch does not have."""

    arg_constraints = {}
    support = constraints.real
    has_rsample = True

    def __init__(self, left: Tensor, right: Tensor) -> None:
        super().__init__(left.shape, validate_args=False)
        self.left, self.right = left, right

    @property
    def mean(self) -> Tensor:
        return self.right - self.left

    @property
    def variance(self) -> Tensor:
        return self.right.square() + self.left.square()

    def log_prob(self, value: Tensor) -> Tensor:
        scale = torch.where(value > 0, self.right, self.left)
        return -value.abs() / scale - (self.left + self.right).log()

    def rsample(self, sample_shape: torch.Size | list[int] | tuple[int, ...] = ()) -> Tensor:
        return _draw(self.left, self.right, (*sample_shape, *self.left.shape), None)


def _draw(
    left: Tensor, right: Tensor, shape: tuple[int, ...], generator: torch.Generator | None
) -> Tensor:
    """Draw right e1 - left e2, where e1 and e2 are exponential variables of mean 1."""
    noise = torch.empty(2, *shape, dtype=left.dtype, device=left.device)
    above, below = noise.exponential_(generator=generator)
    codes: Tensor = right * above - left * below
    return codes
