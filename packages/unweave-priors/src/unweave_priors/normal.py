"""Normal priors: the standard one and one with a scale for each dimension."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Normal as _Normal

from unweave_priors.base import Factorised, Prior, positive, product, register, vector


class Normal(Prior):
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


class AnisotropicNormal(Prior):
    """Normal prior with a scale for each dimension, p(z) = prod_d N(z_d; 0, scales_d^2).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    scales : dim positive floats, optional
        Standard deviations; ones where they are not given. `principal_scales` takes them
        from data.
    learned : bool
        Whether the scales are parameters, started at `scales`, instead of constants.

    Raises
    ------
    ValueError
        If `scales` is not one number for each dimension or not positive.

    References
    ----------
    Mathieu et al., "Disentangling Disentanglement in Variational
    Autoencoders", 2019, section 6.1: scales from the principal components, or learned.

    Examples
    --------
    >>> from unweave_priors import AnisotropicNormal
    >>> AnisotropicNormal(2, scales=(2.0, 0.5))().variance
    tensor([4.0000, 0.2500])
    """

    log_scales: Tensor

    def __init__(
        self, dim: int, *, scales: tuple[float, ...] | None = None, learned: bool = False
    ) -> None:
        super().__init__(dim)
        log_scales = positive("scales", 1.0 if scales is None else scales, dim).log()
        register(self, "log_scales", log_scales, learned=learned)

    def forward(self) -> Factorised:
        """Return p(z) as an Independent normal with event shape (dim,)."""
        loc = torch.zeros_like(self.log_scales)
        return product(_Normal(loc, self.log_scales.exp(), validate_args=False))

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        scales = self.log_scales.exp()
        return draw_normal(n, torch.zeros_like(scales), scales, generator)


def principal_scales(data: Tensor, dim: int) -> Tensor:
    """Compute scales for `AnisotropicNormal` from the principal components of data.

    s_d = sqrt(l_d / mean_e l_e), where l_1 >= ... >= l_dim are the largest eigenvalues of the
    covariance of the data. Divided by their mean, so that the variances of the prior sum to
    `dim` like those of a standard normal.

    Parameters
    ----------
    data : float tensor, shape (n, ...)
        One row a datum; further dimensions are flattened.
    dim : int, at most min(n - 1, number of features)
        Number of code dimensions.

    Returns
    -------
    scales : float tensor, shape (dim,), descending

    Raises
    ------
    ValueError
        If the data have fewer than `dim` principal components with positive variance.

    Examples
    --------
    >>> import torch
    >>> from unweave_priors import principal_scales
    >>> data = torch.tensor([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    >>> principal_scales(data, 2)
    tensor([1.3416, 0.4472])
    """
    rows = data.reshape(len(data), -1)
    if dim < 1 or dim > min(len(rows) - 1, rows.shape[1]):
        raise ValueError(
            f"dim must lie between 1 and min(n - 1, features) = "
            f"{min(len(rows) - 1, rows.shape[1])}, got {dim}"
        )
    eigenvalues = torch.linalg.svdvals(rows - rows.mean(dim=0))[:dim] ** 2
    if not bool((eigenvalues > 0).all()):
        raise ValueError(f"data must vary in at least dim = {dim} directions; take a smaller dim")
    scales: Tensor = (eigenvalues / eigenvalues.mean()).sqrt()
    return scales


def draw_normal(n: int, loc: Tensor, scale: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw (n, dim) normal codes with the given (dim,) or (n, dim) means and scales."""
    size = (n, loc.shape[-1])
    noise = torch.randn(size, generator=generator, dtype=loc.dtype, device=loc.device)
    return loc + scale * noise
