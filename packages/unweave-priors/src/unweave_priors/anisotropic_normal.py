"""Normal prior with a scale per dimension: a constant, a parameter, or from data."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.distributions import Normal as _Normal

from unweave_priors.base import Encode, Factorised, Reparametrised, positive, product, register
from unweave_priors.normal import draw_normal

PRINCIPAL_IMAGES = 2_000
"""Number of images for principal scales; 64 x 64 x 3 images take seconds on one core."""


class AnisotropicNormal(Reparametrised):
    """Normal prior with a scale for each dimension, p(z) = prod_d N(z_d; 0, scales_d^2).

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    scales : dim positive floats or "principal", optional
        Standard deviations, by default ones. With "principal", `attach` computes them from images
        by `principal_scales`; before that, the prior cannot be called.
    learned : bool
        Whether the scales are parameters with initial values `scales`, instead of constants.
    constraint : "none" or "total"
        With "total", learned scales keep their initial total variance V:
        scales_d^2 = V exp(2 u_d) / sum_e exp(2 u_e), u the parameters `log_scales`. With "none",
        encoder and prior may together shrink or enlarge all codes without limit.

    Attributes
    ----------
    images_wanted : int
        2,000 with "principal", enough for the largest eigenvalues to a few per cent; otherwise 0.

    Raises
    ------
    ValueError
        If `scales` is not one number per dimension or not positive, or `constraint` is "total" and
        `learned` is False.

    References
    ----------
    Mathieu et al., "Disentangling Disentanglement in Variational
    Autoencoders", 2019, section 6.1: scales from the principal components, or learned; their
    published code learns them by a softmax, which is the constraint "total".

    Examples
    --------
    >>> from unweave_priors import AnisotropicNormal
    >>> AnisotropicNormal(2, scales=(2.0, 0.5))().variance
    tensor([4.0000, 0.2500])
    """

    log_scales: Tensor | None
    total_variance: Tensor | None

    def __init__(
        self,
        dim: int,
        *,
        scales: Literal["principal"] | tuple[float, ...] | None = None,
        learned: bool = False,
        constraint: Literal["none", "total"] = "none",
    ) -> None:
        super().__init__(dim)
        if constraint not in ("none", "total"):
            raise ValueError(f'constraint must be "none" or "total", got {constraint!r}')
        if constraint == "total" and not learned:
            raise ValueError('constraint "total" needs learned scales; set learned=True')
        self._learned, self._constrained = learned, constraint == "total"
        if isinstance(scales, str):
            if scales != "principal":
                raise ValueError(f'scales must be numbers or "principal", got {scales!r}')
            self.images_wanted = PRINCIPAL_IMAGES
            self._start_at(None)
        else:
            self._start_at(positive("scales", 1.0 if scales is None else scales, dim))

    def attach(self, encode: Encode, images: Tensor) -> None:
        """Compute the scales from the principal components of images, if they are "principal".

        Parameters
        ----------
        encode : callable
            Not used.
        images : float tensor, shape (n, ...), n > dim
            The prior is then in their dtype and on their device.

        Raises
        ------
        ValueError
            If the images have fewer than `dim` principal components with positive variance.
        """
        if self.images_wanted:
            self._start_at(principal_scales(images, self.dim))

    def forward(self) -> Factorised:
        """Return p(z) as an Independent normal with event shape (dim,).

        Raises
        ------
        ValueError
            If the scales are "principal" and `attach` was not called.
        """
        scales = self._scales
        return product(_Normal(torch.zeros_like(scales), scales, validate_args=False))

    @property
    def _scales(self) -> Tensor:
        if self.log_scales is None:
            raise ValueError(
                "the anisotropic-normal prior has no principal scales yet; "
                "call prior.attach(encode, images) first"
            )
        if self.total_variance is None:
            return self.log_scales.exp()
        return (self.total_variance * torch.softmax(2 * self.log_scales, dim=0)).sqrt()

    def _start_at(self, scales: Tensor | None) -> None:
        """Register scales, or None until `attach`, and the total variance of the constraint."""
        log_scales = None if scales is None else scales.log()
        register(self, "log_scales", log_scales, learned=self._learned)
        total = scales.square().sum() if self._constrained and scales is not None else None
        register(self, "total_variance", total, learned=False)

    def _draw(self, n: int, generator: torch.Generator | None) -> Tensor:
        scales = self._scales
        return draw_normal(n, torch.zeros_like(scales), scales, generator)


def principal_scales(data: Tensor, dim: int) -> Tensor:
    """Compute scales for `AnisotropicNormal` from the principal components of data.

    s_d = sqrt(l_d / mean_e l_e), where l_1 >= ... >= l_dim are the largest eigenvalues of the
    covariance of the data. Because of the division by their mean, the variances of the prior sum
    to `dim`, as for a standard normal.

    Parameters
    ----------
    data : float tensor, shape (n, ...)
        One row per sample; further dimensions are flattened.
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
    eigenvalues = _largest_eigenvalues((rows - rows.mean(dim=0)).double(), dim)
    # Relative size of an eigenvalue that is zero but for rounding.
    floor = torch.finfo(rows.dtype).eps ** 2 * max(rows.shape)
    if not bool((eigenvalues > floor * eigenvalues[0]).all()):
        raise ValueError(f"data must vary in at least dim = {dim} directions; use a smaller dim")
    return (eigenvalues / eigenvalues.mean()).sqrt().to(rows.dtype)


def _largest_eigenvalues(centred: Tensor, count: int) -> Tensor:
    """Compute the largest eigenvalues of the scatter matrix of centred rows, descending.

    The matrix of products of rows has the same ones as that of columns; the smaller one is used.
    """
    wide = centred.shape[0] < centred.shape[1]
    products = centred @ centred.mT if wide else centred.mT @ centred
    eigenvalues: Tensor = torch.linalg.eigvalsh(products)
    return eigenvalues.flip(0)[:count]
