"""The linear scale and shift that brings codes to zero mean and unit variance."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Transform, constraints

from unweave_flows.density import check_dim


class Standardise(Transform):
    """Map codes z to (z - shift) / scale, dimension by dimension.

    Parameters
    ----------
    shift, scale : float tensors, shape (dim,)
        Mean and standard deviation of the codes.
    """

    domain = constraints.real_vector
    codomain = constraints.real_vector
    bijective = True

    def __init__(self, shift: Tensor, scale: Tensor) -> None:
        super().__init__()
        self.shift = shift
        self.scale = scale

    def _call(self, x: Tensor) -> Tensor:
        check_dim(x, len(self.shift))
        return (x - self.shift) / self.scale

    def _inverse(self, y: Tensor) -> Tensor:
        return y * self.scale + self.shift

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return -sum_d log scale_d for every code; (..., dim) -> (...)."""
        return -self.scale.log().sum().expand(x.shape[:-1])
