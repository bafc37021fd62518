"""Penalties on the variance and covariance of the aggregate posterior: VCAE and DIP-VAE."""

from __future__ import annotations

from torch import Tensor, nn

from unweave_estimators.checks import (
    check_choice,
    check_codes,
    check_finite,
    check_same_shape,
    wide,
    without_autocast,
)
from unweave_estimators.latent import Latent

KINDS = ("i", "ii")


def variance_constraint(z: Tensor, target: float | None = None) -> Tensor:
    """Return | E |z - E z|^2 - v |, the distance of the total variance from its target.

    E |z - E z|^2 = sum_d Var(z_d), estimated without bias (divisor b - 1).

    Parameters
    ----------
    z : float tensor, shape (b, d)
        Codes.
    target
        The target v; None for d, the total variance of a standard normal.

    Returns
    -------
    distance : scalar tensor, in squared units of z

    Raises
    ------
    ValueError
        If z has another shape, is not finite, or is a single code.

    References
    ----------
    Braithwaite, O'Connor, Kleijn, Variance constrained autoencoding, 2020, equation 7.

    Examples
    --------
    >>> import torch
    >>> variance_constraint(torch.tensor([[0.0, 0.0], [2.0, 4.0]]))  # |(2 + 8) - 2|
    tensor(8.)
    """
    check_codes(z)
    check_finite(z=z)
    return _variance_constraint(z, target)


def _variance_constraint(z: Tensor, target: float | None) -> Tensor:
    (z,) = wide(z)
    v = z.shape[1] if target is None else target
    return (z.var(0).sum() - v).abs()


def dip(
    mean: Tensor,
    std: Tensor | None = None,
    *,
    kind: str = "i",
    diagonal: float | None = None,
) -> Tensor:
    """Return the DIP-VAE penalty on a covariance C of codes over the batch.

    sum_{i != j} C_ij^2 + diagonal sum_i (C_ii - 1)^2, where C is

        i : Cov[mean], of the posterior means
        ii : Cov[mean] + E[diag(std^2)], of the codes

    with divisor b, as for a whole data set.

    O(b d^2) time, O(d^2) memory.

    Parameters
    ----------
    mean, std : float tensors, shape (b, d)
        Parameters of the posteriors; kind "i" does not use std.
    kind
        "i" or "ii".
    diagonal
        Weight of the diagonal part relative to the off-diagonal part; None for 10 (kind "i") or 1
        (kind "ii"), as in the paper.

    Returns
    -------
    penalty : scalar tensor

    Raises
    ------
    ValueError
        If a shape, a value or the kind is invalid, or std is None for kind "ii".

    References
    ----------
    Kumar, Sattigeri, Balakrishnan, Variational inference of disentangled latent concepts from
    unlabeled observations, 2018, equations 6 and 7.

    Examples
    --------
    >>> import torch
    >>> dip(torch.tensor([[1.0, 1.0], [-1.0, -1.0]]))  # C = [[1, 1], [1, 1]]
    tensor(2.)
    """
    check_choice("kind", kind, KINDS)
    check_codes(mean, "mean")
    check_finite(mean=mean)
    if kind == "ii":
        if std is None:
            raise ValueError("kind 'ii' needs the std of the posteriors, got None")
        check_same_shape(mean, std=std)
        check_finite(std=std)
    return _dip(mean, std, kind, diagonal)


def _dip(mean: Tensor, std: Tensor | None, kind: str, diagonal: float | None) -> Tensor:
    (mean,) = wide(mean)
    centred = mean - mean.mean(0)
    with without_autocast(mean):
        covariance = centred.mT @ centred / centred.shape[0]
    if kind == "ii" and std is not None:
        covariance = covariance + wide(std)[0].square().mean(0).diag()
    variances = covariance.diagonal()
    off_diagonal = (covariance - variances.diag()).square().sum()
    weight = diagonal if diagonal is not None else (10.0 if kind == "i" else 1.0)
    return off_diagonal + weight * (variances - 1.0).square().sum()


class Variance(nn.Module):
    """The distance of the codes' total variance from a target, `variance_constraint`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    target
        The target v; 0 for d.
    """

    terms = ("variance",)
    needs_density = False

    def __init__(self, dim: int, *, target: float = 0.0) -> None:
        super().__init__()
        self.target = target or float(dim)

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `variance`, in squared units of z.

        Raises
        ------
        ValueError
            If the codes do not have shape (b, d), or there is only one.
        """
        check_codes(latent.z)
        return {"variance": _variance_constraint(latent.z, self.target)}


class DIP(nn.Module):
    """The DIP-VAE penalty on the covariance of means (kind "i") or codes ("ii"), `dip`.

    Parameters
    ----------
    dim
        Number d of code dimensions.
    kind
        "i" or "ii".
    diagonal
        Weight of the diagonal part; a negative number stands for that of the paper.
    """

    terms = ("dip",)
    needs_density = False

    def __init__(self, dim: int, *, kind: str = "i", diagonal: float = -1.0) -> None:
        super().__init__()
        check_choice("kind", kind, KINDS)
        self.dim, self.kind = dim, kind
        self.diagonal = None if diagonal < 0 else diagonal

    def forward(self, latent: Latent) -> dict[str, Tensor]:
        """Return `dip`.

        Raises
        ------
        ValueError
            If the means do not have shape (b, d), or there is only one.
        """
        check_codes(latent.posterior.mean, "mean")
        posterior = latent.posterior
        return {"dip": _dip(posterior.mean, posterior.std, self.kind, self.diagonal)}
