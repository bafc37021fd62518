"""Family of flow posteriors, from an encoder's outputs."""

from __future__ import annotations

from typing import Literal, cast

import torch
from torch import Tensor

from unweave_flows.density import check_count
from unweave_flows.posterior import FlowPosterior
from unweave_flows.posterior_layers import InverseAutoregressive, Planar, PosteriorLayer, Radial


class FlowPosteriorFamily(torch.nn.Module):
    """Family of posteriors z = f_T(... f_1(x0)), x0 ~ prod_d N(mean_d, std_d^2).

    log q(z|x) = log N(x0; mean, std^2) - sum_t log |det df_t/dx_(t-1)|. An encoder returns, per
    image, the means and log variances of x0 and the parameters or context of the layers f_t.

    Parameters
    ----------
    dim : int
        Number of code dimensions D.
    kind : str
        Kind of layers. `iaf`: masked networks with a context vector, in an order that each layer
        reverses. `planar` and `radial`: layers with all parameters from the encoder.
    transforms : int
        Number of layers T.
    hidden : ints
        Widths of the hidden layers of each masked network, for `iaf` only.
    context : int
        Size of the context vector, which all layers share, for `iaf` only.

    Attributes
    ----------
    outputs : int
        Number of encoder outputs per image: 2 D plus `context` for `iaf`, T (2 D + 1) for `planar`,
        or T (D + 2) for `radial`.

    Raises
    ------
    ValueError
        If the kind is unknown or a number is not a positive integer.

    References
    ----------
    Kingma, Salimans, Jozefowicz, Chen, Sutskever, Welling, "Improving Variational Inference with
    Inverse Autoregressive Flow", 2016. Rezende, Mohamed, "Variational Inference with Normalizing
    Flows", 2015.

    Examples
    --------
    >>> import torch
    >>> from unweave_flows import FlowPosteriorFamily
    >>> family = FlowPosteriorFamily(2, kind="radial", transforms=3)
    >>> encoder = torch.nn.Linear(784, family.outputs)
    >>> posterior = family(encoder(torch.rand(5, 784)))
    >>> z = posterior.rsample(torch.Generator().manual_seed(0))
    >>> z.shape, posterior.log_prob(z).shape
    (torch.Size([5, 2]), torch.Size([5]))
    """

    has_density = True

    def __init__(
        self,
        dim: int,
        *,
        kind: Literal["iaf", "planar", "radial"] = "iaf",
        transforms: int = 4,
        hidden: tuple[int, ...] = (64, 64),
        context: int = 32,
    ) -> None:
        super().__init__()
        for name, number in [("dim", dim), ("transforms", transforms), ("context", context)]:
            check_count(name, number)
        for width in hidden:
            check_count("every width in hidden", width)
        self.dim, self.kind = dim, kind
        layers = _layers(dim, kind, transforms, tuple(hidden), context)
        self.layers = torch.nn.ModuleList(layers)
        # All layers of `iaf` share one context; other layers have their own parameters.
        self._sizes = [context] if kind == "iaf" else [layer.outputs for layer in layers]
        self.outputs = 2 * dim + sum(self._sizes)

    def forward(self, parameters: Tensor) -> FlowPosterior:
        """Return q(z|x) from an encoder's outputs (b, outputs)."""
        if parameters.ndim != 2 or parameters.shape[1] != self.outputs:
            raise ValueError(
                f"parameters must have shape (b, {self.outputs}), got {tuple(parameters.shape)}"
            )
        mean, log_variance, *rest = torch.split(
            parameters, [self.dim, self.dim, *self._sizes], dim=1
        )
        rest = rest * len(self.layers) if self.kind == "iaf" else rest
        layers = [cast(PosteriorLayer, layer) for layer in self.layers]
        return FlowPosterior(mean, (log_variance / 2).exp(), layers, rest)


def _layers(
    dim: int, kind: str, transforms: int, hidden: tuple[int, ...], context: int
) -> list[PosteriorLayer]:
    indices = range(transforms)
    if kind == "iaf":
        return [
            InverseAutoregressive(dim, context=context, hidden=hidden, reverse=i % 2 == 1)
            for i in indices
        ]
    if kind == "planar":
        return [Planar(dim) for _ in indices]
    if kind == "radial":
        return [Radial(dim) for _ in indices]
    raise ValueError(f"kind must be iaf, planar or radial, got {kind!r}")
