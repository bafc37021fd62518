"""Autoregressive flows: affine and spline layers, fast to evaluate or fast to sample."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave_flows.density import check_count
from unweave_flows.flow import Flow
from unweave_flows.zuko_parts import MaskedAutoregressiveTransform, MonotonicRQSTransform


class MAF(Flow):
    """Masked autoregressive flow with affine layers and permutations between them.

    A layer maps dimension d to z_d exp(a) + m, where a and m depend on the dimensions before d
    in the layer's order. The density takes one pass of the network, a sample takes `dim` passes.

    Parameters
    ----------
    dim : int
        Number of code dimensions; with one the density is normal.
    transforms : int
        Number of layers.
    hidden : ints
        Widths of the hidden layers of each masked network.
    seed : int
        Seed of the first weights and of the permutations.
    affine : bool
        Whether a learned scale and shift of every dimension follows the layers, as in table 5 of
        "Variance Constrained Autoencoding"; it starts as the identity.

    References
    ----------
    Papamakarios, Pavlakou, Murray, "Masked Autoregressive Flow for Density Estimation", 2017.
    Widths and number of layers: Braithwaite, O'Connor, Kleijn, "Variance Constrained
    Autoencoding", 2020, table 5, MNIST.

    Examples
    --------
    >>> import torch
    >>> from unweave_flows import MAF
    >>> flow = MAF(3)
    >>> codes = flow.sample(4, torch.Generator().manual_seed(0))
    >>> torch.allclose(flow.to_codes(flow.to_noise(codes)), codes, atol=1e-5)
    True
    """

    def __init__(
        self,
        dim: int,
        *,
        transforms: int = 6,
        hidden: tuple[int, ...] = (64, 64),
        seed: int = 0,
        affine: bool = False,
    ) -> None:
        super().__init__(dim, transforms=transforms, hidden=hidden, seed=seed, affine=affine)

    def _layer(self, order: Tensor, hidden: tuple[int, ...]) -> torch.nn.Module:
        layer: torch.nn.Module = MaskedAutoregressiveTransform(
            self.dim, order=order, hidden_features=hidden
        )
        return layer


class IAF(MAF):
    """Inverse autoregressive flow: the inverses of the layers of `MAF`.

    A sample takes one pass of the network, the density takes `dim` passes. The flow suits fast
    sampling; a fit to codes takes about `dim` times as long as for `MAF`.

    Parameters
    ----------
    dim : int
        Number of code dimensions; with one the density is normal.
    transforms : int
        Number of layers.
    hidden : ints
        Widths of the hidden layers of each masked network.
    seed : int
        Seed of the first weights and of the permutations.
    affine : bool
        Whether a learned scale and shift of every dimension follows the layers, as in table 5 of
        "Variance Constrained Autoencoding"; it starts as the identity.

    References
    ----------
    Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, "Improving Variational Inference with
    Inverse Autoregressive Flow", 2016.

    Examples
    --------
    >>> from unweave_flows import IAF
    >>> IAF(3)().event_shape
    torch.Size([3])
    """

    def _layer(self, order: Tensor, hidden: tuple[int, ...]) -> torch.nn.Module:
        inverse: torch.nn.Module = super()._layer(order, hidden).inv  # type: ignore[assignment]
        return inverse


class NSF(Flow):
    """Neural spline flow: autoregressive layers of monotonic rational-quadratic splines.

    The splines cover five standard deviations on both sides; outside, codes stay unchanged.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    transforms : int
        Number of layers.
    hidden : ints
        Widths of the hidden layers of each masked network.
    bins : int, at least 2
        Number of bins of each spline.
    seed : int
        Seed of the first weights and of the permutations.
    affine : bool
        Whether a learned scale and shift of every dimension follows the layers, as in table 5 of
        "Variance Constrained Autoencoding"; it starts as the identity.

    References
    ----------
    Durkan, Bekasov, Murray, Papamakarios, "Neural Spline Flows", 2019.

    Examples
    --------
    >>> from unweave_flows import NSF
    >>> NSF(3)().event_shape
    torch.Size([3])
    """

    def __init__(
        self,
        dim: int,
        *,
        transforms: int = 3,
        hidden: tuple[int, ...] = (64, 64),
        bins: int = 8,
        seed: int = 0,
        affine: bool = False,
    ) -> None:
        check_count("bins", bins)
        self._bins = bins
        super().__init__(dim, transforms=transforms, hidden=hidden, seed=seed, affine=affine)

    def _layer(self, order: Tensor, hidden: tuple[int, ...]) -> torch.nn.Module:
        layer: torch.nn.Module = MaskedAutoregressiveTransform(
            self.dim,
            order=order,
            hidden_features=hidden,
            univariate=MonotonicRQSTransform,
            shapes=[(self._bins,), (self._bins,), (self._bins - 1,)],
        )
        return layer
