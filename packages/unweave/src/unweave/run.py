"""A run directory: everything that is known of one training, and what can be asked of it."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unweave.batches import derive_seed, to_float
from unweave.checkpoint import load_checkpoint
from unweave.config import TrainConfig, config_text, make_config, read_settings
from unweave.config import build_method as _build_method
from unweave.costs import SquaredError
from unweave.errors import RunError
from unweave.files import write_text
from unweave.model import Autoencoder
from unweave.objective import sample_prior
from unweave.options import build
from unweave.posterior import family
from unweave.protocols import Cost, Dataset, Posterior
from unweave.registry import Registry, registry

CHUNK = 256
"""Images that pass the networks at once outside training."""

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
        return cast(Cost, build(self.registry.lookup("cost", method.cost), options={}))

    def encode(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the means of q(z|x), float32, shape (n, D).

        Parameters
        ----------
        images : uint8 array, shape (n, h, w, c).

        Raises
        ------
        ValueError
            If the images have another type or shape.
        """
        check_images(images, self.dataset.image_shape)
        means = [p.mean.cpu().numpy() for p, _ in encode_chunks(self.model, images, self.device)]
        return np.concatenate(means)

    @torch.no_grad()
    def decode(self, z: NDArray[np.floating[Any]] | Tensor) -> NDArray[np.uint8]:
        """Return the pictures of codes, uint8, shape (n, h, w, c).

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
        pictures = [self.cost.image(self.model.decode(part)) for part in torch.split(codes, CHUNK)]
        scaled = (torch.cat(pictures) * 255).round().to(torch.uint8)
        return scaled.permute(0, 2, 3, 1).cpu().numpy()

    def reconstruct(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return decode(encode(images)), uint8, shape (n, h, w, c)."""
        return self.decode(self.encode(images))

    def traverse(
        self, image: NDArray[np.uint8], values: NDArray[np.floating[Any]]
    ) -> NDArray[np.uint8]:
        """Vary one code dimension at a time; uint8, shape (D, m, h, w, c).

        Parameters
        ----------
        image : uint8 array, shape (h, w, c), whose code the others keep.
        values : float array, shape (D, m), what dimension d is set to.
        """
        code = self.encode(image[None])[0]
        codes = np.broadcast_to(code, (*values.shape, len(code))).copy()
        dimensions = np.arange(len(values))
        codes[dimensions, :, dimensions] = values
        pictures = self.decode(codes.reshape(-1, len(code)))
        return pictures.reshape(*values.shape, *pictures.shape[1:])

    @torch.no_grad()
    def prior_codes(self, n: int, seed: int = 0) -> NDArray[np.float32]:
        """Return n codes drawn from the prior, float32, shape (n, D).

        Raises
        ------
        ValueError
            If n is below 1.
        """
        if n < 1:
            raise ValueError(f"n must be at least 1, got {n}")
        generator = torch.Generator(self.device).manual_seed(derive_seed(seed, "sample"))
        return sample_prior(self.model.prior, n, generator).cpu().numpy()

    def sample(self, n: int, seed: int = 0) -> NDArray[np.uint8]:
        """Return pictures of n codes drawn from the prior, uint8, shape (n, h, w, c)."""
        return self.decode(self.prior_codes(n, seed))

    def _initial_model(self) -> Autoencoder:
        model = build_model(self.registry, self.config, self.dataset.image_shape)
        return model.to(self.device).eval()


def build_dataset(names: Registry, config: TrainConfig) -> Dataset:
    """Open the data set of a configuration."""
    entry = names.lookup("dataset", config.data.name)
    return cast(Dataset, build(entry, options=config.data.options))


def build_model(
    names: Registry, config: TrainConfig, image_shape: tuple[int, int, int]
) -> Autoencoder:
    """Build the autoencoder of a configuration with weights drawn from its seed."""
    method = _build_method(names, config)
    outputs = config.dim * family(method.posterior).outputs
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        encoder, decoder = build(
            names.lookup("architecture", config.architecture.name),
            image_shape, config.dim, outputs, options=config.architecture.options,
        )  # fmt: skip
        prior = build(
            names.lookup("prior", config.prior.name), config.dim, options=config.prior.options
        )
    return Autoencoder(
        encoder, decoder, prior,
        posterior=method.posterior, noise=method.noise,
        precision=getattr(torch, config.precision),
    )  # fmt: skip


def choose_device(name: str) -> torch.device:
    """Turn `auto`, `cpu`, `cuda` or `cuda:1` into a device.

    Raises
    ------
    RunError
        If there is no such device.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty((), device=device)
    except (RuntimeError, AssertionError) as error:
        raise RunError(f"device {name!r} is not there; use auto, cpu, cuda or cuda:N") from error
    return device


def check_images(images: NDArray[Any], shape: tuple[int, int, int]) -> None:
    """Raise unless images are uint8, shape (n, h, w, c) with the given (h, w, c)."""
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[1:] != shape:
        raise ValueError(
            f"images must be uint8 with shape (n, {', '.join(map(str, shape))}), "
            f"got {images.dtype} with shape {images.shape}"
        )


@torch.no_grad()
def encode_chunks(
    model: Autoencoder, images: NDArray[np.uint8], device: torch.device
) -> Iterator[tuple[Posterior, Tensor]]:
    """Yield the posterior and the float images of every chunk."""
    for start in range(0, len(images), CHUNK):
        chunk = np.ascontiguousarray(images[start : start + CHUNK])
        x = to_float(torch.from_numpy(chunk).to(device))
        yield model.encode(x), x


def squared_error(cost: Cost, x: Tensor, output: Tensor) -> Tensor:
    """Return the squared error of each reconstruction, summed over pixels in [0, 1]."""
    return cast(Tensor, SquaredError()(x, cost.image(output)))
