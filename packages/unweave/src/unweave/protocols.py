"""What the core expects of registered objects, as protocols. `docs/hooks.md` describes them.

Every member of a protocol must exist, except those in `OPTIONAL`, which are read with `member` and
have a default.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from types import ModuleType

    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch.distributions import Distribution

    Progress = Callable[[int, int], None]


REQUIRED: Mapping[str, tuple[str, ...]] = {
    "dataset": ("name", "image_shape", "factors", "bits", "images", "stored"),
    "estimator": ("terms",),
    "posterior": ("outputs", "has_density"),
    "cost": ("image", "units"),
    "flow": ("fit",),
    "executor": ("map",),
    "objective": ("rounds", "losses"),
}
"""Members that an object must have, by kind."""

OPTIONAL: Mapping[str, Any] = {
    # dataset
    "note": "",
    "factor_values": None,
    "factor_names": (),
    "factor_sizes": (),
    # prior
    "sample": None,
    "rsample": None,
    "images_wanted": 0,
    "attach": None,
    "carried": {},
    # estimator
    "needs_density": False,
    "gradient_of": {},
    "critic_loss": None,
    "critic_optimizer": {},
    # cost
    "unit_interval": False,
    "expected": None,
    "draw": None,
}
"""Members that an object may have, with their defaults."""


def member(thing: object, name: str) -> Any:
    """Return an optional member of a registered object, or its default."""
    return getattr(thing, name, OPTIONAL[name])


@runtime_checkable
class Dataset(Protocol):
    """Images, with factors if these are known."""

    name: str
    image_shape: tuple[int, int, int]
    factors: NDArray[np.integer[Any]] | None
    factor_values: NDArray[np.floating[Any]] | None
    factor_names: tuple[str, ...]
    factor_sizes: tuple[int, ...]
    note: str
    bits: int

    def __len__(self) -> int:
        """Count the images."""
        ...

    def images(self, index: NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return images, uint8, or float32 if `bits` is 32; shape (n, h, w, c)."""
        ...

    def stored(self, progress: Progress | None = None) -> NDArray[Any] | None:
        """Return the whole data set as kept in memory, or None if it stays on disk."""
        ...


class StochasticView(Dataset, Protocol):
    """Images that are drawn anew from stored frames: a pure function of frames and noise."""

    frames: Dataset
    noise_shape: tuple[int, ...]
    constants: Sequence[NDArray[Any]]

    def view(self, frames: Any, uniform: Any, constants: Sequence[Any], xp: ModuleType) -> Any:
        """Return float images in [0, 1], shape (n, h, w, c), from arrays of the library xp.

        Parameters
        ----------
        frames
            Float32 in [0, 1], shape (n, h, w, c of the frames).
        uniform
            Float32, shape (n, *noise_shape), uniform on [0, 1).
        constants
            `constants` as arrays of the library, on the device.
        """
        ...

    def uniform(self, index: NDArray[np.integer[Any]]) -> NDArray[np.float32]:
        """Return noise that depends only on the index, shape (n, *noise_shape)."""
        ...


class Prior(Protocol):
    """p(z): a torch module whose call returns a Distribution with event shape (D,)."""

    def __call__(self) -> Distribution:
        """Return the distribution."""
        ...


class Flow(Prior, Protocol):
    """A density that is fitted to codes."""

    def fit(
        self,
        codes: torch.Tensor,
        *,
        generator: torch.Generator | None = None,
        progress: Progress | None = None,
    ) -> Flow:
        """Fit to codes, shape (n, D)."""
        ...


class Posterior(Protocol):
    """q(z|x) of a batch."""

    @property
    def mean(self) -> torch.Tensor:
        """The means, shape (b, D)."""
        ...

    @property
    def std(self) -> torch.Tensor:
        """The standard deviations, shape (b, D)."""
        ...

    @property
    def has_density(self) -> bool:
        """Whether `distribution` and `log_prob` exist."""
        ...

    @property
    def distribution(self) -> Distribution:
        """The torch Distribution with batch shape (b,) and event shape (D,)."""
        ...

    def rsample(self, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw codes, shape (b, D), differentiably."""
        ...

    def log_prob(self, z: torch.Tensor) -> torch.Tensor:
        """Return log q(z|x) in nats."""
        ...


class PosteriorFamily(Protocol):
    """A torch module that turns an encoder's outputs into posteriors."""

    has_density: bool
    outputs: int

    def __call__(self, parameters: torch.Tensor) -> Posterior:
        """Return q(z|x) of a batch from outputs, shape (b, outputs)."""
        ...


class Latent(Protocol):
    """A batch as an estimator gets it."""

    @property
    def z(self) -> torch.Tensor:
        """Codes, shape (b, D)."""
        ...

    @property
    def posterior(self) -> Posterior:
        """q(z|x) of the batch."""
        ...

    @property
    def prior(self) -> Prior:
        """p(z)."""
        ...

    @property
    def dataset_size(self) -> int:
        """N."""
        ...

    @property
    def generator(self) -> torch.Generator | None:
        """The source of all randomness."""
        ...

    @property
    def decoder(self) -> torch.nn.Module:
        """The decoder, codes (b, D) -> (b, c, h, w)."""
        ...

    def prior_sample(self) -> torch.Tensor:
        """Draw new codes from the prior, shape (b, D)."""
        ...


class Estimator(Protocol):
    """Computes terms of a batch of codes."""

    terms: tuple[str, ...]
    needs_density: bool

    def __call__(self, latent: Latent) -> Mapping[str, torch.Tensor]:
        """Return the named scalars."""
        ...


class Critic(Estimator, Protocol):
    """An estimator with a critic, which is trained by its own player."""

    critic_optimizer: Mapping[str, Any]

    def critic_loss(self, latent: Latent, second_latent: Latent) -> torch.Tensor:
        """Return the critic's own loss, with codes detached."""
        ...


class Player(Protocol):
    """A set of modules whose parameters descend a loss of their own."""

    @property
    def name(self) -> str:
        """The name of its loss."""
        ...

    @property
    def modules(self) -> tuple[torch.nn.Module, ...]:
        """The modules that it trains."""
        ...

    @property
    def optimizer(self) -> str | Mapping[str, Any]:
        """A registered optimizer with options, `adam:lr=1e-4`; empty for that of the run."""
        ...


class Objective(Protocol):
    """A torch module that says who descends which loss."""

    @property
    def rounds(self) -> tuple[tuple[Player, ...], ...]:
        """The rounds of a step in their order, each with the players that move at once."""
        ...

    def losses(
        self, number: int, batches: Any, clock: torch.Tensor
    ) -> tuple[Mapping[str, torch.Tensor], Mapping[str, torch.Tensor]]:
        """Return a loss for each player of a round, and the named scalars for the log."""
        ...


class Cost(Protocol):
    """(x, decoder output) -> (b,), summed over pixels."""

    units: str

    def __call__(self, x: torch.Tensor, output: torch.Tensor) -> torch.Tensor:
        """Return the cost of each image."""
        ...

    def image(self, output: torch.Tensor) -> torch.Tensor:
        """Return the image in [0, 1] that a decoder output represents."""
        ...

    def expected(self, output: torch.Tensor) -> torch.Tensor:
        """Return x' without bounds; used for data that are not images."""
        ...


class Executor(Protocol):
    """Runs a function over many jobs."""

    def map(self, function: Callable[[Any], Any], jobs: Iterable[Any]) -> Iterator[Any]:
        """Yield results in the order of the jobs."""
        ...
