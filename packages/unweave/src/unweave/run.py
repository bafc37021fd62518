"""A run directory: everything that is known of one training, and what can be asked of it."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unweave.batches import derive_seed, to_float
from unweave.building import build_dataset, build_model, choose_device
from unweave.checkpoint import load_checkpoint
from unweave.config import TrainConfig, config_text, make_config, read_settings
from unweave.config import build_method as _build_method
from unweave.costs import SquaredError
from unweave.density import fit_density, has_density, load_density
from unweave.errors import ConfigError, RunError, unknown_name
from unweave.files import write_text
from unweave.model import Autoencoder
from unweave.objective import build_cost, sample_prior
from unweave.protocols import Cost, Dataset, Posterior
from unweave.registry import Registry, registry

CHUNK = 256
"""Images that pass the networks at once outside training."""

Source = Literal["prior", "density"]
SOURCES: tuple[Source, ...] = ("prior", "density")
"""What codes may be drawn from."""

Progress = Callable[[int, int], None]


class Run:
    """A run directory.

    Files: `config.toml`, `checkpoints/`, `scalars.jsonl`, `codes.h5`, `scores.json`, `figures/`,
    `report.html`. Open one with `Run.open(path)`; `unweave.train` makes one.
    """

    def __init__(self, path: Path, config: TrainConfig, names: Registry) -> None:
        self.path, self.config, self.registry = path, config, names
        self.outcome = ""

    @classmethod
    def create(cls, path: Path, config: TrainConfig, names: Registry | None = None) -> Run:
        """Make the directory and write `config.toml`.

        Raises
        ------
        RunError
            If the directory exists and is not empty, or cannot be written.
        """
        names = names or registry()
        try:
            if path.exists() and any(path.iterdir()):
                raise RunError(
                    f"{path} is not empty; choose another --out, or continue it with --resume"
                )
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunError(f"{path} cannot be made: {error.strerror}") from error
        run = cls(path, config, names)
        write_text(run.config_path, config_text(names, config))
        return run

    @classmethod
    def open(cls, path: Path | str, names: Registry | None = None) -> Run:
        """Open an existing run directory.

        Raises
        ------
        RunError
            If it is none.
        """
        path = Path(path)
        if not (path / "config.toml").is_file():
            raise RunError(f"{path} is not a run directory: it has no config.toml")
        names = names or registry()
        return cls(path, make_config(names, read_settings(path / "config.toml")), names)

    @property
    def config_path(self) -> Path:
        """The resolved configuration."""
        return self.path / "config.toml"

    @property
    def checkpoints(self) -> Path:
        """The folder of checkpoints."""
        return self.path / "checkpoints"

    @property
    def scalars_path(self) -> Path:
        """The log: one JSON object a line."""
        return self.path / "scalars.jsonl"

    @property
    def codes_path(self) -> Path:
        """The code table."""
        return self.path / "codes.h5"

    @property
    def scores_path(self) -> Path:
        """The scores."""
        return self.path / "scores.json"

    @property
    def figures(self) -> Path:
        """The folder of figures."""
        return self.path / "figures"

    @property
    def report_path(self) -> Path:
        """The report."""
        return self.path / "report.html"

    def scalars(self) -> list[dict[str, float]]:
        """Read the log; a last line that a killed process left torn is not there."""
        if not self.scalars_path.is_file():
            return []
        lines = self.scalars_path.read_text(encoding="utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1]]

    @property
    def scores(self) -> dict[str, float]:
        """The scores by name, computed first where that was not yet done; NaN if undefined."""
        if not self.scores_path.is_file():
            from unweave.evaluate import evaluate

            evaluate(self)
        content = json.loads(self.scores_path.read_text(encoding="utf-8"))
        values = {name: entry["value"] for name, entry in content["scores"].items()}
        return {name: math.nan if value is None else value for name, value in values.items()}

    def report(self) -> Path:
        """Draw the figures and write `report.html`; return its path."""
        from unweave.report import write_report

        return write_report(self)

    @functools.cached_property
    def dataset(self) -> Dataset:
        """The data set that the run was trained on."""
        return build_dataset(self.registry, self.config)

    @functools.cached_property
    def device(self) -> torch.device:
        """Where the networks lie once loaded: the GPU if there is one."""
        return choose_device("auto")

    @functools.cached_property
    def model(self) -> Autoencoder:
        """The autoencoder with the weights of the newest checkpoint."""
        step, tensors = load_checkpoint(self.checkpoints)
        model = self._initial_model()
        prefix = "model."
        state = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
        model.load_state_dict(state)
        return model

    @functools.cached_property
    def untrained_model(self) -> Autoencoder:
        """The autoencoder as it was before the first step."""
        return self._initial_model()

    @functools.cached_property
    def cost(self) -> Cost:
        """The reconstruction cost, which knows how outputs become pictures."""
        method = _build_method(self.registry, self.config)
        return cast(Cost, build_cost(self.registry, method))

    @torch.no_grad()
    def encode(self, images: NDArray[Any]) -> NDArray[np.float32]:
        """Return the means of q(z|x), float32, shape (n, D).

        Parameters
        ----------
        images : uint8 array, shape (n, h, w, c); float32 where the data are (`bits` 32).

        Raises
        ------
        ValueError
            If the images have another type or shape.
        """
        check_images(images, self.dataset)
        means = [p.mean.cpu().numpy() for p, _ in encode_chunks(self.model, images, self.device)]
        return np.concatenate(means)

    @torch.no_grad()
    def decode(self, z: NDArray[np.floating[Any]] | Tensor) -> NDArray[Any]:
        """Return the pictures of codes, uint8, or float32 where the data are; (n, h, w, c).

        Raises
        ------
        ValueError
            If the codes do not have shape (n, D).
        """
        codes = torch.as_tensor(z, dtype=torch.float32, device=self.device)
        if codes.ndim != 2 or codes.shape[1] != self.config.dim:
            raise ValueError(
                f"codes must have shape (n, {self.config.dim}), got {tuple(codes.shape)}"
            )
        parts = [self.picture(self.model.decode(part)) for part in torch.split(codes, CHUNK)]
        pictures = torch.cat(parts)
        if not self.continuous:
            pictures = (pictures * 255).round().to(torch.uint8)
        return pictures.permute(0, 2, 3, 1).cpu().numpy()

    @property
    def continuous(self) -> bool:
        """Whether the data are floats of any size instead of pixels in [0, 1]."""
        return self.dataset.bits == 32

    def picture(self, output: Tensor) -> Tensor:
        """Return what a decoder's output stands for, (b, c, h, w); in [0, 1] for images."""
        return self.cost.expected(output) if self.continuous else self.cost.image(output)

    def reconstruct(self, images: NDArray[Any]) -> NDArray[Any]:
        """Return decode(encode(images)), shape (n, h, w, c)."""
        return self.decode(self.encode(images))

    def traverse(self, image: NDArray[Any], values: NDArray[np.floating[Any]]) -> NDArray[Any]:
        """Vary one code dimension at a time; shape (D, m, h, w, c).

        Parameters
        ----------
        image : shape (h, w, c), whose code the others keep.
        values : float array, shape (D, m), what dimension d is set to.
        """
        code = self.encode(image[None])[0]
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
        rows: int | None = None,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> nn.Module:
        """Fit a registered flow to codes z ~ q(z|x), keep it in the directory, and return it.

        Parameters
        ----------
        flow : `NAME` or `NAME:key=value,...`, as in `maf:transforms=3,epochs=20`.
        rows : images that are encoded; all by default.
        seed : of the codes' noise, the flow's first weights and the fit.

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
            self.path, self.registry, flow, codes, seed=seed, progress=progress
        ).eval()

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
        return sample_prior(module, n, generator).cpu().numpy()

    @property
    def sample_source(self) -> Source:
        """Where samples come from unless said: the fitted density if there is one."""
        return "density" if has_density(self.path) else "prior"

    def sample(self, n: int, seed: int = 0, source: Source | None = None) -> NDArray[Any]:
        """Return pictures of n codes from the fitted density, or the prior; (n, h, w, c).

        source : `prior` or `density`; the density if one was fitted, unless given.
        """
        return self.decode(self.prior_codes(n, seed, source or self.sample_source))

    def _initial_model(self) -> Autoencoder:
        model = build_model(self.registry, self.config, self.dataset)
        return model.to(self.device).eval()


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


def check_images(images: NDArray[Any], dataset: Dataset) -> None:
    """Raise unless images have the type and (h, w, c) of a data set."""
    wanted = np.dtype(np.float32 if dataset.bits == 32 else np.uint8)
    shape = dataset.image_shape
    if images.dtype != wanted or images.ndim != 4 or images.shape[1:] != shape:
        raise ValueError(
            f"images must be {wanted} with shape (n, {', '.join(map(str, shape))}), "
            f"got {images.dtype} with shape {images.shape}"
        )


@torch.no_grad()
def encode_chunks(
    model: Autoencoder, images: NDArray[Any], device: torch.device
) -> Iterator[tuple[Posterior, Tensor]]:
    """Yield the posterior and the float images of every chunk."""
    for start in range(0, len(images), CHUNK):
        chunk = np.ascontiguousarray(images[start : start + CHUNK])
        x = to_float(torch.from_numpy(chunk).to(device))
        yield model.encode(x), x


def squared_error(run: Run, x: Tensor, output: Tensor) -> Tensor:
    """Return the squared error of each reconstruction, summed over pixels in [0, 1]."""
    return cast(Tensor, SquaredError()(x, run.picture(output)))
