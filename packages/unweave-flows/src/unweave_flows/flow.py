"""Flows: a bijection from codes to normal noise, with zuko's transformations inside."""

from __future__ import annotations

import abc
from collections.abc import Callable, Sequence
from typing import Any, Self

import torch
from torch import Tensor
from torch.distributions import Distribution, Independent, Normal, Transform

from unweave_flows.density import Density, Progress, check_codes, check_count
from unweave_flows.fitting import maximise_likelihood, split
from unweave_flows.outliers import narrow_scale, near_rows
from unweave_flows.standardise import Standardise
from unweave_flows.zuko_parts import ComposedTransform, NormalizingFlow

Draw = Callable[[Tensor, torch.Generator | None], Tensor]
"""Returns new codes (m, dim) of rows (m,), with noise from a generator."""


class Flow(Density):
    """Density of codes z that a bijection f maps to standard normal noise.

    log p(z) = log N(f(z); 0, I) + log |det df(z)/dz|. The bijection f first shifts and scales the
    codes to zero mean and unit variance, and then applies `transforms` learned layers and, if
    `affine`, a learned scale and shift of every dimension.

    Parameters
    ----------
    dim : int
        Number of code dimensions.
    transforms : int
        Number of learned layers.
    hidden : ints
        Widths of the hidden layers of each layer's network.
    seed : int
        Seed of the first weights and of the permutations between layers.
    affine : bool
        Whether a learned scale and shift of every dimension follows the layers.

    Attributes
    ----------
    losses : list of two floats per epoch of the last fit
        Mean negative log-likelihood of fitted and of held-out codes, in nats.

    References
    ----------
    Papamakarios, Nalisnick, Rezende, Mohamed, Lakshminarayanan, "Normalizing Flows for
    Probabilistic Modeling and Inference", 2021.
    """

    shift: Tensor
    scale: Tensor

    def __init__(
        self, dim: int, *, transforms: int, hidden: Sequence[int], seed: int, affine: bool
    ) -> None:
        super().__init__(dim)
        check_count("transforms", transforms)
        for width in hidden:
            check_count("every width in hidden", width)
        self.register_buffer("shift", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        orders = _orders(dim, transforms, seed)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)
            layers = [self._layer(order, tuple(hidden)) for order in orders]
        if affine:
            layers.append(_Affine(dim))
        self.layers = torch.nn.ModuleList(layers)
        self.losses: list[tuple[float, float]] = []

    @abc.abstractmethod
    def _layer(self, order: Tensor, hidden: tuple[int, ...]) -> torch.nn.Module:
        """Build one layer; `order` is a permutation of the dimensions (dim,)."""

    def transform(self) -> Transform:
        """Return the bijection f from codes to noise, with `inv` and `log_abs_det_jacobian`."""
        layers = (layer() for layer in self.layers)
        bijection: Transform = ComposedTransform(Standardise(self.shift, self.scale), *layers)
        return bijection

    def forward(self) -> Distribution:
        """Return p(z), a distribution with event shape (dim,)."""
        loc, scale = torch.zeros_like(self.shift), torch.ones_like(self.scale)
        noise = Independent(Normal(loc, scale, validate_args=False), 1, validate_args=False)
        density: Distribution = NormalizingFlow(self.transform(), noise)
        return density

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        """Draw n codes without gradients, with all randomness from `generator`.

        Parameters
        ----------
        n : int
            Number of codes.
        generator : torch.Generator on the module's device, optional
            Source of all randomness, by default torch's global generator.

        Returns
        -------
        codes : float tensor, shape (n, dim)
        """
        noise = torch.randn(
            n, self.dim, generator=generator, dtype=self.shift.dtype, device=self.shift.device
        )
        return self.to_codes(noise)

    def to_noise(self, codes: Tensor) -> Tensor:
        """Map codes (n, dim) to noise f(z) (n, dim)."""
        noise: Tensor = self.transform()(codes)
        return noise

    def to_codes(self, noise: Tensor) -> Tensor:
        """Map noise (n, dim) back to codes (n, dim), the inverse of `to_noise`."""
        inverse: Any = self.transform().inv
        codes: Tensor = inverse(noise)
        return codes

    def fit(
        self,
        codes: Tensor,
        *,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
        draw: Draw | None = None,
        epochs: int = 100,
        batch_size: int = 100,
        learning_rate: float = 1e-3,
        validation: float = 0.1,
        patience: int = 10,
    ) -> Self:
        """Fit to codes by maximum likelihood and return the flow.

        Scale and shift are set to the moments of the fitted codes. Adam trains the layers, from
        their present weights. Defaults are those of Braithwaite, O'Connor, Kleijn, "Variance
        Constrained Autoencoding", 2020, appendix B.3.1, except for early stopping and for gradients
        with a norm above 100, which are clipped.

        Parameters
        ----------
        codes : float array, shape (n, dim)
            At least 20 codes.
        generator : torch.Generator, optional
            Source of the split and of the batches, by default torch's global generator.
        progress : callable, optional
            Called as progress(epoch, epochs).
        draw : callable, optional
            Called as draw(rows, generator) at every step; it returns new codes (m, dim) of these
            rows (m,) of `codes`, such as z ~ q(z|x) with fresh noise (algorithm 1 of the same
            paper). Scale, shift and the held-out loss are those of `codes`.
        epochs, batch_size, learning_rate : int, int, float
            Largest number of epochs, number of codes per step, and learning rate of Adam.
        validation : float
            Fraction of the codes held out for early stopping.
        patience : int
            Number of epochs without a lower held-out loss after which training stops.

        Raises
        ------
        ValueError
            If the codes have another shape, are not finite, or are constant in all dimensions.
        FloatingPointError
            If loss or gradient is not finite, or the loss rises instead of falling.

        Warns
        -----
        RuntimeWarning
            If a code lies more than 20 robust deviations from the median; the fit leaves it out. Or
            if a dimension is constant; the density gives it a narrow normal distribution.
        """
        codes = check_codes(codes, self.shift, at_least=20)
        training, held_out = split(near_rows(codes), validation, generator)
        narrow = narrow_scale(codes[training], self.shift.dtype)
        self.shift.copy_(codes[training].mean(dim=0))
        self.scale.copy_(torch.where(narrow > 0, narrow, codes[training].std(dim=0)))
        noise = _noise(codes, narrow, generator)

        def batch(rows: Tensor) -> Tensor:
            sample = (
                codes[rows] if draw is None else _check_sample(draw(rows, generator), codes[rows])
            )
            return sample + noise[rows]

        self.losses = maximise_likelihood(
            self,
            training,
            batch,
            (codes + noise)[held_out],
            epochs=epochs,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            generator=generator,
            progress=progress,
        )
        return self


class _Affine(torch.nn.Module):
    """Layer that maps dimension d to (z_d - shift_d) / scale_d, both learned."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.shift = torch.nn.Parameter(torch.zeros(dim))
        self.log_scale = torch.nn.Parameter(torch.zeros(dim))

    def forward(self) -> Transform:
        """Return the transform."""
        return Standardise(self.shift, self.log_scale.exp())


def _noise(codes: Tensor, scale: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw normal noise (n, dim) with scales (dim,); if all are 0, return zeros without a draw."""
    if not bool(scale.any()):
        return torch.zeros_like(codes)
    device = generator.device if generator is not None else codes.device
    noise = torch.randn(codes.shape, generator=generator, device=device).to(codes)
    return scale * noise


def _check_sample(sample: Tensor, codes: Tensor) -> Tensor:
    if sample.shape != codes.shape:
        raise ValueError(
            f"draw must return codes of shape {tuple(codes.shape)}, got {tuple(sample.shape)}"
        )
    return sample.detach().to(codes)


def _orders(dim: int, count: int, seed: int) -> list[Tensor]:
    """Draw permutations of the dimensions; every second one is the reverse of the one before.

    In few dimensions random permutations are often equal; a permutation and its reverse never are.
    """
    generator = torch.Generator().manual_seed(seed)
    orders: list[Tensor] = []
    for index in range(count):
        order = torch.randperm(dim, generator=generator) if index % 2 == 0 else orders[-1].flip(0)
        orders.append(order)
    return orders
