"""Coupling flows: as fast to sample as to evaluate."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave_flows.flow import Flow
from unweave_flows.zuko_parts import GeneralCouplingTransform


class RealNVP(Flow):
    """Real-valued volume-preserving flow: affine coupling layers and permutations.

    A layer leaves half of the dimensions as they are and maps the others to z exp(a) + m, where
    a and m depend on the first half. The density and a sample each take one pass of the networks.

    Parameters
    ----------
    dim : int
        Number of code dimensions; with one the density is normal.
    transforms : int
        Number of layers.
    hidden : ints
        Widths of the hidden layers of each network.
    seed : int
        Seed of the first weights and of the permutations.
    affine : bool
        Whether a learned scale and shift of every dimension follows the layers, as in table 5 of
        "Variance Constrained Autoencoding"; it starts as the identity.

    References
    ----------
    Dinh, Sohl-Dickstein, Bengio, "Density Estimation using Real NVP", 2017.
    Widths and number of layers: Braithwaite, O'Connor, Kleijn, "Variance Constrained
    Autoencoding", 2020, table 5, CelebA.

    Examples
    --------
    >>> from unweave_flows import RealNVP
    >>> RealNVP(3)().event_shape
    torch.Size([3])
    """

    def __init__(
        self,
        dim: int,
        *,
        transforms: int = 8,
        hidden: tuple[int, ...] = (256, 256, 256),
        seed: int = 0,
        affine: bool = False,
    ) -> None:
        super().__init__(dim, transforms=transforms, hidden=hidden, seed=seed, affine=affine)

    def _layer(self, order: Tensor, hidden: tuple[int, ...]) -> torch.nn.Module:
        mask = torch.zeros(self.dim, dtype=torch.bool)
        mask[order[: self.dim // 2]] = True
        layer: torch.nn.Module = GeneralCouplingTransform(
            self.dim, mask=mask, hidden_features=hidden
        )
        return layer
