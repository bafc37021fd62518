"""Posteriors q(z|x): a flow of a factorised normal density."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Size, Tensor
from torch.distributions import Distribution, constraints

from unweave_flows.posterior_layers import PosteriorLayer


class FlowPosterior:
    """Densities q(z|x) of a batch: a normal base (b, D), and layers with parameters per input.

    The object stores the last draw with its log density, so that `log_prob` of this same tensor
    costs nothing, and its gradient includes the path through the draw. For other codes the flow is
    inverted: by D passes per layer for `iaf`, by bisection for `planar`, in closed form for
    `radial`.

    Parameters
    ----------
    base_mean, base_std : float tensors, shape (b, D)
        Mean and standard deviation of the base.
    layers : sequence of PosteriorLayer
        The bijections, in the order in which they are applied to the base.
    parameters : sequence of float tensors, shapes (b, layer.outputs)
        One per layer.
    """

    has_density = True

    def __init__(
        self,
        base_mean: Tensor,
        base_std: Tensor,
        layers: Sequence[PosteriorLayer],
        parameters: Sequence[Tensor],
    ) -> None:
        self._base_mean, self._base_std = base_mean, base_std
        self._steps = list(zip(layers, parameters, strict=True))
        self._last_draw: _Draw | None = None

    @property
    def mean(self) -> Tensor:
        """The base's mean after the flow (b, D); the mean itself has no closed form."""
        return self._push(self._base_mean)[0]

    @property
    def std(self) -> Tensor:
        """Standard deviations of the base (b, D), before the flow."""
        return self._base_std

    @property
    def distribution(self) -> FlowDistribution:
        """The same densities as a torch Distribution, batch shape (b,), event shape (D,)."""
        return FlowDistribution(self)

    def rsample(self, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (b, D), differentiably, with all randomness from `generator`."""
        return self.draw(Size(), generator)

    def draw(self, sample_shape: Size, generator: torch.Generator | None = None) -> Tensor:
        """Draw codes (*sample_shape, b, D), differentiably."""
        mean, std = self._base_mean, self._base_std
        size = (*sample_shape, *mean.shape)
        noise = torch.randn(size, generator=generator, dtype=mean.dtype, device=mean.device)
        base = mean + std * noise
        z, log_det = self._push(base)
        self._last_draw = _Draw(z, self._log_base(base) - log_det)
        return z

    def log_prob(self, z: Tensor) -> Tensor:
        """Return log q(z|x) in nats.

        Parameters
        ----------
        z : float tensor, shape (b, D), or a shape that broadcasts with it, such as (n, 1, D)
            Codes.

        Returns
        -------
        log_density : float tensor, shape (b,), or the broadcast shape, such as (n, b)

        Raises
        ------
        ValueError
            If the shape of the codes does not broadcast with (b, D).
        """
        if self._last_draw is not None and self._last_draw.is_valid_for(z):
            return self._last_draw.log_prob
        _check_shape(z, self._base_mean.shape)
        total = torch.zeros((), dtype=z.dtype, device=z.device)
        for layer, parameters in reversed(self._steps):
            z = layer.inverse(z, parameters)
            total = total + layer(z, parameters)[1]
        return self._log_base(z) - total

    def _push(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Map x (..., b, D) of the base to codes; also return the log-determinant (..., b)."""
        total = torch.zeros(x.shape[:-1], dtype=x.dtype, device=x.device)
        for layer, parameters in self._steps:
            x, log_det = layer(x, parameters)
            total = total + log_det
        return x, total

    def _log_base(self, x: Tensor) -> Tensor:
        standard = (x - self._base_mean) / self._base_std
        log_density = -0.5 * standard.square() - self._base_std.log() - 0.5 * math.log(2 * math.pi)
        return log_density.sum(-1)


class FlowDistribution(Distribution):
    """Torch Distribution of a `FlowPosterior`; mean and variance have no closed form.

    Parameters
    ----------
    posterior : FlowPosterior
        The posterior; the last draw of either object is stored for both.
    """

    arg_constraints = {}
    support = constraints.real_vector
    has_rsample = True

    def __init__(self, posterior: FlowPosterior) -> None:
        self.posterior = posterior
        batch, dim = posterior.std.shape
        super().__init__(Size((batch,)), Size((dim,)), validate_args=False)

    def rsample(self, sample_shape: Size | Sequence[int] = Size()) -> Tensor:
        """Draw codes (*sample_shape, b, D) from torch's global generator, differentiably."""
        return self.posterior.draw(Size(sample_shape))

    def log_prob(self, value: Tensor) -> Tensor:
        """Return the log density in nats; (..., b, D) -> (..., b)."""
        return self.posterior.log_prob(value)


class _Draw:
    """A draw and its log density."""

    def __init__(self, z: Tensor, log_prob: Tensor) -> None:
        self.z, self.log_prob = z, log_prob
        self._version = _version(z)
        self._with_gradient = torch.is_grad_enabled()

    def is_valid_for(self, z: Tensor) -> bool:
        """Tell whether z is the unchanged draw, and has its gradient if gradients are enabled."""
        unchanged = z is self.z and _version(z) == self._version
        return unchanged and (self._with_gradient or not torch.is_grad_enabled())


def _version(z: Tensor) -> int:
    """Return how often z was changed in place; always 0 for tensors of inference mode."""
    return 0 if z.is_inference() else z._version


def _check_shape(z: Tensor, shape: Size) -> None:
    last = z.ndim > 0 and z.shape[-1] == shape[-1]
    batch = z.ndim < 2 or z.shape[-2] in (1, shape[0])
    if not (last and batch):
        raise ValueError(
            f"z must have shape (b, D) = {tuple(shape)} or (..., 1, {shape[-1]}), "
            f"got {tuple(z.shape)}"
        )
