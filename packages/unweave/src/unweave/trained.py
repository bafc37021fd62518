"""A trained model in use: encode, decode, traverse, sample, and fit a density to the codes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unweave.batches import derive_seed
from unweave.costs import SquaredError
from unweave.density import ROWS, fit_density, has_density, load_density
from unweave.encoding import CHUNK, check_images, encode_chunks
from unweave.errors import ConfigError, unknown_name
from unweave.latent import sample_prior
from unweave.loaded_run import LoadedRun
from unweave.owners import explained
from unweave.protocols import member

DRAWS = 1 << 16
"""Number of codes that are drawn at once: a flow takes many times their memory."""

Source = Literal["prior", "density"]
SOURCES: tuple[Source, ...] = ("prior", "density")
"""Sources of codes."""

Progress = Callable[[int, int], None]


class Trained(LoadedRun):
    """A run whose model is used: encode, decode, sample, traverse, fit a density."""

    @explained
    @torch.no_grad()
    def encode(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the means of q(z|x), float32, shape (n, D).

        Parameters
        ----------
        images : uint8 array, shape (n, h, w, c)
            Images; float32 if the data are (`bits` 32).

        Raises
        ------
        ValueError
            If the images have another type or shape.
        """
        check_images(images, self.facts)
        means = [p.mean.cpu().numpy() for p, _ in encode_chunks(self.model, images, self.device)]
        return np.concatenate(means)

    @explained
    @torch.no_grad()
    def decode(self, z: NDArray[np.floating[Any]] | Tensor) -> NDArray[Any]:
        """Decode codes: images, uint8, or float32 if the data are; shape (n, h, w, c).

        Raises
        ------
        ValueError
            If the codes do not have shape (n, D).
        """
        codes = torch.as_tensor(z, dtype=torch.float32)
        if codes.ndim != 2 or codes.shape[1] != self.config.dim:
            raise ValueError(
                f"codes must have shape (n, {self.config.dim}), got {tuple(codes.shape)}"
            )
        return np.concatenate([self._decode_chunk(part) for part in torch.split(codes, CHUNK)])

    def _decode_chunk(self, codes: Tensor) -> NDArray[Any]:
        pictures = self.picture(self.model.decode(codes.to(self.device)))
        if not self.continuous:
            pictures = (pictures * 255).round().to(torch.uint8)
        return pictures.permute(0, 2, 3, 1).cpu().numpy()

    @property
    def continuous(self) -> bool:
        """Whether the data are unbounded floats instead of pixels in [0, 1]."""
        return self.facts.continuous

    def picture(self, output: Tensor) -> Tensor:
        """Return the images that a decoder's output represents, shape (b, c, h, w), in [0, 1]."""
        if self.continuous:
            return cast(Tensor, member(self.cost, "expected")(output))
        return self.cost.image(output)

    def reconstruct(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return decode(encode(images)), shape (n, h, w, c)."""
        return self.decode(self.encode(images))

    def traverse(self, image: NDArray[Any], values: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Vary one code dimension at a time; shape (D, m, h, w, c).

        Parameters
        ----------
        image : array, shape (h, w, c)
            Image whose code gives the other dimensions.
        values : float array, shape (D, m)
            Values of each varied dimension.
        """
        return self.traverse_code(self.encode(image[None])[0], values)

    def traverse_code(
        self, code: NDArray[np.floating[Any]], values: NDArray[np.floating[Any]]
    ) -> NDArray[Any]:
        """Vary one dimension of a code, shape (D,), at a time; shape (D, m, h, w, c)."""
        codes = np.broadcast_to(code, (*values.shape, len(code))).copy()
        dimensions = np.arange(len(values))
        codes[dimensions, :, dimensions] = values
        pictures = self.decode(codes.reshape(-1, len(code)))
        return pictures.reshape(*values.shape, *pictures.shape[1:])

    @functools.cached_property
    def density(self) -> nn.Module:
        """The density that `fit_density` fitted to the codes."""
        return load_density(self.path, self.registry).to(self.device)

    def fit_density(
        self,
        flow: str = "maf",
        *,
        rows: int = ROWS,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> nn.Module:
        """Fit a registered flow to codes z ~ q(z|x), keep it in the directory, and return it.

        Parameters
        ----------
        flow
            `NAME` or `NAME:key=value,...`, as in `maf:transforms=3,epochs=20`.
        rows
            Number of images to encode, drawn without replacement; at most all.
        seed
            Seed of the codes' noise, the flow's initial weights and the fit.

        Raises
        ------
        ConfigError
            If the flow or an option is unknown, or the codes cannot be fitted.

        References
        ----------
        Braithwaite, O'Connor and Kleijn, "Variance constrained autoencoding", arXiv 2005.03807,
        algorithm 1.
        """
        codes = torch.from_numpy(self.posterior_codes(rows, seed)).to(self.device)
        self.__dict__.pop("density", None)
        return fit_density(
            self.path,
            self.registry,
            flow,
            codes,
            step=self.model_step,
            seed=seed,
            progress=progress,
        ).eval()

    @explained
    @torch.no_grad()
    def posterior_codes(self, rows: int | None = None, seed: int = 0) -> NDArray[np.float32]:
        """Draw one code z ~ q(z|x) of each of `rows` images, or of all; float32, shape (n, D)."""
        index = sample_rows(len(self.dataset), rows or len(self.dataset), seed)
        generator = torch.Generator(self.device).manual_seed(derive_seed(seed, "posterior"))
        codes = []
        for start in range(0, len(index), CHUNK):
            images = self.dataset.images(index[start : start + CHUNK])
            for posterior, _ in encode_chunks(self.model, images, self.device):
                codes.append(posterior.rsample(generator).cpu().numpy())
        return np.concatenate(codes)

    @explained
    @torch.no_grad()
    def prior_codes(self, n: int, seed: int = 0, source: Source = "prior") -> NDArray[np.float32]:
        """Return n codes drawn from the prior, or from the fitted density; float32, shape (n, D).

        Raises
        ------
        ValueError
            If n is below 1.
        RunError
            If no density was fitted.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        generator = torch.Generator(self.device).manual_seed(derive_seed(seed, "sample"))
        module = self.density if source == "density" else self.model.prior
        chunks = [
            sample_prior(module, min(DRAWS, n - start), generator).cpu().numpy()
            for start in range(0, n, DRAWS)
        ]
        return np.concatenate(chunks)

    @property
    def sample_source(self) -> Source:
        """Default source of samples: the fitted density if there is one, else the prior."""
        return "density" if has_density(self.path) else "prior"

    def sample(self, n: int, seed: int = 0, source: Source | None = None) -> NDArray[Any]:
        """Decode n samples of the fitted density, or of the prior; shape (n, h, w, c).

        Parameters
        ----------
        source
            `prior` or `density`; by default the density if one was fitted.
        """
        return self.decode(self.prior_codes(n, seed, source or self.sample_source))


def source_named(text: str) -> Source:
    """Check the name of a source of samples.

    Raises
    ------
    UnknownNameError
        If it is neither `prior` nor `density`.
    """
    for source in SOURCES:
        if source == text:
            return source
    raise unknown_name("source of samples", text, SOURCES)


def sample_rows(size: int, rows: int, seed: int) -> NDArray[np.int64]:
    """Draw `rows` of a data set's `size` rows, or all of them, in ascending order.

    Raises
    ------
    ConfigError
        If rows is below 1.
    """
    if rows < 1:
        raise ConfigError(f"rows must be at least 1, got {rows}")
    rng = np.random.default_rng(derive_seed(seed, "rows"))
    return np.sort(rng.choice(size, min(rows, size), replace=False))


def squared_error(run: Trained, x: Tensor, output: Tensor) -> Tensor:
    """Return the squared error of each reconstruction, summed over pixels in [0, 1]."""
    return cast(Tensor, SquaredError()(x, run.picture(output)))
