"""Optimal-transport distances between codes and prior samples."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unweave_estimators.checks import (
    check_above_zero,
    check_codes,
    check_finite,
    check_same_shape,
    check_same_width,
    wide,
    without_autocast,
)
from unweave_estimators.latent import Latent


def sliced_wasserstein(
    x: Tensor,
    y: Tensor,
    *,
    projections: int = 128,
    p: float = 2.0,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Estimate the sliced Wasserstein distance of two samples, to the power p.

    SW_p^p = E_theta W_p^p(theta.x, theta.y) over directions theta on the unit sphere, where in one
    dimension W_p^p = (1/n) sum_i |x_(i) - y_(i)|^p for the sorted values.

    It is never negative, so that it is positive even for two samples of one distribution.
    O(projections n (d + log n)) time.

    Parameters
    ----------
    x, y : float tensors, both of shape (n, d)
        The samples.
    projections
        Number of random directions; in one dimension, one is enough.
    p
        The power, at least 1.
    generator
        Source of the directions.

    Returns
    -------
    distance : scalar tensor, in units of z to the power p

    Raises
    ------
    ValueError
        If a shape or a value is invalid.

    References
    ----------
    Rabin et al., Wasserstein barycenter and its application to texture mixing, 2011.
    Kolouri et al., Sliced Wasserstein auto-encoders, 2019.

    Examples
    --------
    >>> x = torch.tensor([[0.0], [1.0]])
    >>> f"{sliced_wasserstein(x, x + 3):.1f}"
    '9.0'
    """
    check_codes(x, "x")
    check_same_shape(x, y=y)
    check_finite(x=x, y=y)
    return _sliced_wasserstein(x, y, projections, p, generator)


def _sliced_wasserstein(
    x: Tensor, y: Tensor, projections: int, p: float, generator: torch.Generator | None
) -> Tensor:
    if projections < 1 or p < 1:
        raise ValueError(f"projections and p must be at least 1, got {projections} and {p}")
    x, y = wide(x, y)
    theta = torch.randn(
        x.shape[1], projections, generator=generator, device=x.device, dtype=x.dtype
    )
    theta = theta / theta.norm(dim=0)
    with without_autocast(x):
        quantiles_x, quantiles_y = (x @ theta).sort(0).values, (y @ theta).sort(0).values
    distance: Tensor = (quantiles_x - quantiles_y).abs().pow(p).mean()
    return distance


def sinkhorn(
    x: Tensor,
    y: Tensor,
    *,
    blur: float = 0.05,
    scaling: float = 0.9,
    diameter: float | None = None,
) -> Tensor:
    """Compute the debiased Sinkhorn divergence of two samples through geomloss.

    S(x, y) = OT(x, y) - OT(x, x) / 2 - OT(y, y) / 2 with the cost |x_i - y_j|^2 and an entropy of
    strength 2 blur^2. As blur goes to 0 it becomes W_2^2; for a large blur it is a kernel distance.
    O((n + m)^2 d log(diameter / blur)) time, O((n + m)^2) memory.

    Parameters
    ----------
    x, y : float tensors, shapes (n, d) and (m, d)
        The samples.
    blur
        Length scale of the entropy, in units of z.
    scaling
        Factor below 1 by which the blur shrinks per iteration, from `diameter` on. For 40 points in
        3 dimensions the result was 10 % below W_2^2 at 0.5, the default of geomloss, 3 % below
        at 0.9, and within 0.1 % at 0.99.
    diameter
        Upper bound on distances, at which the iterations start; None to take it from the data,
        which waits for the device.

    Returns
    -------
    divergence : scalar tensor, in squared units of z

    Raises
    ------
    ValueError
        If a shape or a value is invalid.
    ImportError
        If geomloss is not installed.

    References
    ----------
    Feydy et al., Interpolating between optimal transport and MMD using Sinkhorn divergences,
    2019.
    """
    check_codes(x, "x")
    check_codes(y, "y")
    check_same_width(x=x, y=y)
    check_finite(x=x, y=y)
    return _sinkhorn(x, y, blur, scaling, diameter)


def _sinkhorn(x: Tensor, y: Tensor, blur: float, scaling: float, diameter: float | None) -> Tensor:
    if blur <= 0 or not 0 < scaling < 1:
        raise ValueError(
            f"blur must be positive and scaling between 0 and 1, got {blur} and {scaling}"
        )
    check_above_zero(diameter=diameter)
    try:
        from geomloss import SamplesLoss
    except ImportError:
        raise ImportError(
            "sinkhorn needs geomloss: pip install 'unweave-estimators[sinkhorn]'"
        ) from None
    x, y = wide(x, y)
    loss = SamplesLoss(
        "sinkhorn", p=2, blur=blur, scaling=scaling, diameter=diameter, backend="tensorized"
    )
    with without_autocast(x):
        divergence: Tensor = 2.0 * loss(x, y)  # geomloss's cost is |x - y|^2 / 2
    return divergence


class SlicedWasserstein(nn.Module):
    """Sliced Wasserstein distance of codes from prior samples, `sliced_wasserstein`.

    The gradient reaches the codes, and a learned prior if its samples carry a gradient.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    projections
        Number of random directions, which are drawn per batch.
    p
        The power.
    """

    terms = ("distance",)
    needs_density = False

    def __init__(self, dim: int, *, projections: int = 128, p: float = 2.0) -> None:
        super().__init__()
        self.dim, self.projections, self.p = dim, projections, p

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `distance`, in units of z to the power p.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or there is only one.
        """
        check_codes(latent.z)
        prior = latent.prior_sample()
        check_same_shape(latent.z, prior_sample=prior)
        return {
            "distance": _sliced_wasserstein(
                latent.z, prior, self.projections, self.p, latent.generator
            )
        }


class Sinkhorn(nn.Module):
    """Debiased Sinkhorn divergence of codes from prior samples, `sinkhorn`.

    The gradient reaches the codes, and a learned prior if its samples carry a gradient.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    blur, scaling
        As in `sinkhorn`.
    diameter
        Upper bound on distances; 0 for 10 sqrt(d), which is enough for codes near a standard
        normal, and does not wait for the device at every step.
    """

    terms = ("distance",)
    needs_density = False

    def __init__(
        self, dim: int, *, blur: float = 0.05, scaling: float = 0.9, diameter: float = 0.0
    ) -> None:
        super().__init__()
        self.dim, self.blur, self.scaling = dim, blur, scaling
        self.diameter = diameter or 10.0 * dim**0.5

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `distance`, in squared units of z.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or there is only one.
        ImportError
            If geomloss is not installed.
        """
        check_codes(latent.z)
        prior = latent.prior_sample()
        return {"distance": _sinkhorn(latent.z, prior, self.blur, self.scaling, self.diameter)}
