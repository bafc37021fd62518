"""Spike-and-slab prior: codes of which most dimensions are close to zero."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Categorical, MixtureSameFamily, Normal

from unweave_priors.base import Factorised, Reparametrised, product
from unweave_priors.normal import draw_normal


class SpikeSlab(Reparametrised):
    """Sparse prior, p(z) = prod_d (1 - gamma) N(z_d; 0, slab) + gamma N(z_d; 0, spike).

    With gamma = 0 it is N(0, slab) in each dimension. The spike is not a point mass but has a
    variance, so that the density exists. As this variance goes to zero, the prior becomes that of
    Tonolini, Jensen, Murray-Smith, "Variational Sparse Coding", 2019.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    gamma : float from 0 to 1
        Probability that a dimension is drawn from the spike.
    slab, spike : float, positive
        Variances of the wide and of the narrow component.

    Raises
    ------
    ValueError
        If `gamma` is not a probability or a variance is not positive.

    References
    ----------
    Mathieu et al., "Disentangling Disentanglement in Variational Autoencoders", 2019,
    section 6.3.

    Examples
    --------
    >>> from unweave_priors import SpikeSlab
    >>> SpikeSlab(2, gamma=0.8)().variance  # 0.2 * 1 + 0.8 * 0.05
    tensor([0.2400, 0.2400])
    """

    log_weights: Tensor
    log_variances: Tensor

    def __init__(
        self, dim: int, *, gamma: float = 0.8, slab: float = 1.0, spike: float = 0.05
    ) -> None:
        super().__init__(dim)
        if not 0 <= gamma <= 1:
            raise ValueError(f"gamma must lie between 0 and 1, got {gamma}")
        for name, variance in [("slab", slab), ("spike", spike)]:
            if not 0 < variance < math.inf:
                raise ValueError(f"{name} must be a positive variance, got {variance}")
        self.register_buffer("log_weights", torch.tensor([1 - gamma, gamma]).log())
        self.register_buffer("log_variances", torch.tensor([slab, spike]).log())

    def forward(self) -> Factorised:
        """Return p(z) as an Independent mixture with event shape (dim,)."""
        scales = (self.log_variances / 2).exp().expand(self.dim, 2)
        marginals = MixtureSameFamily(
            Categorical(logits=self.log_weights.expand(self.dim, 2), validate_args=False),
            Normal(torch.zeros_like(scales), scales, validate_args=False),
            validate_args=False,
        )
        return product(marginals)

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        size, like = (n, self.dim), self.log_weights
        unit = torch.rand(size, generator=generator, dtype=like.dtype, device=like.device)
        slab, spike = (self.log_variances / 2).exp().unbind()
        scales = torch.where(unit < self.log_weights.softmax(dim=0)[1], spike, slab)
        return draw_normal(n, torch.zeros_like(scales), scales, generator)
