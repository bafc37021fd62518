"""Mixture of normal densities over whole codes: a prior with clusters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Categorical, Independent, Normal

from unweave_priors.base import Mixture, Prior, register
from unweave_priors.normal import draw_normal


class GaussianMixture(Prior):
    """Clustered prior, p(z) = sum_k weights_k prod_d N(z_d; means_kd, scales_kd^2).

    It does not factorise over dimensions, so that estimators that need marginals refuse it.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    components : int
        Number of components; ignored if there are `means`.
    spread : float, positive
        Distance of the default means from the origin. They lie on the axes: first at +spread on
        each of the first axes, then at -spread, so that four components in the plane form a
        square. With the defaults, neighbours are 5.7 scales apart.
    scale : float, positive
        Standard deviation of every component in every dimension.
    weights : positive floats, optional
        One per component, divided by their sum; equal by default.
    means : tuples of dim floats, optional
        One per component.
    learned : bool
        Whether weights, means and scales are parameters with these initial values.

    Raises
    ------
    ValueError
        If means have another dimension, weights have another number or are not positive, or there
        are more than 2 dim components without means.

    References
    ----------
    Mathieu et al., "Disentangling Disentanglement in Variational Autoencoders", 2019,
    section 6.2: four equally weighted components in the plane.

    Examples
    --------
    >>> from unweave_priors import GaussianMixture
    >>> GaussianMixture(2)().component_distribution.mean
    tensor([[ 2.,  0.],
            [ 0.,  2.],
            [-2.,  0.],
            [ 0., -2.]])
    """

    log_weights: Tensor
    means: Tensor
    log_scales: Tensor

    def __init__(
        self,
        dim: int,
        *,
        components: int = 4,
        spread: float = 2.0,
        scale: float = 0.5,
        weights: tuple[float, ...] | None = None,
        means: tuple[tuple[float, ...], ...] | None = None,
        learned: bool = False,
    ) -> None:
        super().__init__(dim)
        for name, value in [("spread", spread), ("scale", scale)]:
            if not 0 < value < float("inf"):
                raise ValueError(f"{name} must be positive, got {value}")
        centres = _on_axes(components, dim, spread) if means is None else _read_means(means, dim)
        log_weights = _log_weights(weights, len(centres))
        log_scales = torch.full_like(centres, scale).log()
        register(self, "log_weights", log_weights, learned=learned)
        register(self, "means", centres, learned=learned)
        register(self, "log_scales", log_scales, learned=learned)

    def forward(self) -> Mixture:
        """Return p(z), a mixture with event shape (dim,)."""
        components = Normal(self.means, self.log_scales.exp(), validate_args=False)
        return Mixture(
            Categorical(logits=self.log_weights, validate_args=False),
            Independent(components, 1, validate_args=False),
            validate_args=False,
        )

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        like = self.means
        unit = torch.rand(n, generator=generator, dtype=like.dtype, device=like.device)
        steps = self.log_weights.softmax(dim=0).cumsum(dim=0)
        # Rounding may leave the last step below one; the last component takes the remainder.
        index = torch.searchsorted(steps, unit, right=True).clamp_max(len(steps) - 1)
        return draw_normal(n, self.means[index], self.log_scales[index].exp(), generator)


def _on_axes(components: int, dim: int, spread: float) -> Tensor:
    if isinstance(components, bool) or not isinstance(components, int) or components < 1:
        raise ValueError(f"components must be a positive integer, got {components!r}")
    if components > 2 * dim:
        raise ValueError(
            f"components must be at most 2 dim = {2 * dim} without means, got {components}; pass "
            "means for more"
        )
    axes = torch.eye(dim)[: (components + 1) // 2]
    return spread * torch.cat([axes, 0 - axes])[:components]


def _read_means(means: tuple[tuple[float, ...], ...], dim: int) -> Tensor:
    centres = torch.as_tensor(means, dtype=torch.get_default_dtype()).clone()
    if centres.ndim != 2 or centres.shape[1] != dim or len(centres) == 0:
        raise ValueError(f"means must have shape (k, {dim}), got {tuple(centres.shape)}")
    if not bool(centres.isfinite().all()):
        raise ValueError(f"means must be finite, got {centres.tolist()}")
    return centres


def _log_weights(weights: tuple[float, ...] | None, components: int) -> Tensor:
    if weights is None:
        return torch.zeros(components).log_softmax(dim=0)
    tensor = torch.as_tensor(weights, dtype=torch.get_default_dtype())
    if tensor.shape != (components,):
        raise ValueError(
            f"weights must be {components} numbers, one per component, "
            f"got shape {tuple(tensor.shape)}"
        )
    if not bool(((tensor > 0) & tensor.isfinite()).all()):
        raise ValueError(f"weights must be positive, got {tensor.tolist()}")
    return (tensor / tensor.sum()).log()
