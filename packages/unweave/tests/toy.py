"""A small plugin that stands in for every other package in the core's own tests."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.distributions import Distribution, Independent, Normal, Uniform, kl_divergence

from unweave import Method, Term, Weight

HOOKS = """
import pluggy
UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")

@hookimpl
def unweave_datasets():
    return {"toy-images": "toy:ToyImages", "toy-vectors": "toy:ToyVectors"}

@hookimpl
def unweave_priors():
    return {
        "toy-normal": "toy:ToyNormal", "toy-uniform": "toy:ToyUniform",
        "toy-attached": "toy:ToyAttached",
    }

@hookimpl
def unweave_flows():
    return {"toy-affine": "toy:ToyAffine"}

@hookimpl
def unweave_estimators():
    return {
        "toy-kl": "toy:ToyKL", "toy-critic": "toy:ToyCritic", "toy-bomb": "toy:ToyBomb",
        "toy-picky": "toy:ToyPicky", "toy-pair": "toy:ToyPair", "toy-sampled": "toy:ToySampled",
    }

@hookimpl
def unweave_methods():
    return {
        "toy-vae": "toy:toy_vae", "toy-gan": "toy:toy_gan", "toy-bomb": "toy:toy_bomb",
        "toy-misfit": "toy:toy_misfit", "toy-picky": "toy:toy_picky",
        "toy-sampled": "toy:toy_sampled",
    }

@hookimpl
def unweave_metrics():
    return {"toy-correlation": "toy:correlation", "toy-sharpness": "toy:sharpness",
            "toy-distance": "toy:distance", "toy-sound": "toy:sound"}
"""


class ToyImages:
    """A bright square at one of 8 x 8 places, with its place as two factors."""

    name = "toy-images"
    note = ""
    factor_names: tuple[str, ...] = ("row", "column")
    factor_sizes: tuple[int, ...] = (8, 8)

    def __init__(
        self, *, side: int = 16, colours: int = 1, bits: int = 8, disk: bool = False,
        factors: bool = True,
    ) -> None:  # fmt: skip
        self.bits, self._disk = bits, disk
        self.image_shape = (side, side, colours)
        places = np.arange(128) % 64
        classes = np.stack([places // 8, places % 8], axis=1)
        self.factors = classes if factors else None
        self.factor_values = classes / 7 if factors else None
        if not factors:
            self.factor_names, self.factor_sizes = (), ()
        self._images = np.zeros((len(places), side, side, colours), np.uint8)
        size = side // 4
        for image, (row, column) in zip(self._images, classes, strict=True):
            top, left = row * (side - size) // 7, column * (side - size) // 7
            image[top : top + size, left : left + size] = 255

    def __len__(self) -> int:
        return len(self._images)

    def images(self, index):
        return self._images[index]

    def stored(self, progress=None):
        if self._disk:
            return None
        if self.bits == 8:
            return self._images
        return np.packbits(self._images.reshape(len(self), -1) > 0, axis=1)


class ToyVectors:
    """Points on a line in space, further out than [0, 1]."""

    name = "toy-vectors"
    note = ""
    bits = 32
    image_shape = (1, 3, 1)
    factors = factor_values = None
    factor_names, factor_sizes = (), ()

    def __init__(self) -> None:
        place = np.linspace(-3, 3, 256, dtype=np.float32)
        self._points = np.stack([place, -place, place / 2], axis=1)[:, None, :, None]

    def __len__(self) -> int:
        return len(self._points)

    def images(self, index):
        return self._points[index]

    def stored(self, progress=None):
        return self._points


class ToyNormal(nn.Module):
    """N(0, scale²) with a learned scale, and no `sample` of its own."""

    def __init__(self, dim: int, *, learned: bool = False) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dim), requires_grad=learned)

    def forward(self):
        scale = self.log_scale.exp()
        return Independent(Normal(torch.zeros_like(scale), scale, validate_args=False), 1)


class ToyUniform(nn.Module):
    """Uniform on a small cube: no Gaussian code lies in it."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim

    def forward(self):
        low = torch.full((self.dim,), 50.0)
        return Independent(Uniform(low, low + 1, validate_args=False), 1)


class ToyAttached(ToyNormal):
    """A prior that asks for five images and the encoder."""

    images_wanted = 5

    def attach(self, encode: Callable[[Tensor], Distribution], images: Tensor) -> None:
        self.encode, self.images = encode, images
        assert encode(images).batch_shape == (5,)


class ToyAffine(nn.Module):
    """A normal density fitted by its moments."""

    def __init__(self, dim: int, *, floor: float = 0.0) -> None:
        super().__init__()
        self.mean = nn.Parameter(torch.zeros(dim))
        self.scale = nn.Parameter(torch.ones(dim))
        self.floor = floor

    def forward(self):
        return Independent(Normal(self.mean, self.scale, validate_args=False), 1)

    @torch.no_grad()
    def fit(
        self,
        codes: Tensor,
        *,
        shrink: float = 1.0,
        generator: torch.Generator | None = None,
        progress: object = None,
        draw: object = None,
    ) -> ToyAffine:
        self.mean.copy_(codes.mean(0) * shrink)
        self.scale.copy_(codes.std(0).clamp(min=self.floor))
        return self

    @torch.no_grad()
    def sample(self, n: int, generator: torch.Generator | None = None) -> Tensor:
        noise = torch.randn(n, len(self.mean), generator=generator, device=self.mean.device)
        return self.mean + self.scale * noise


class ToyKL(nn.Module):
    terms = ("kl",)
    needs_density = True

    def __init__(self, dim: int) -> None:
        super().__init__()

    def forward(self, latent):
        return {"kl": kl_divergence(latent.posterior.distribution, latent.prior()).mean()}


class ToyCritic(nn.Module):
    """A critic between codes and draws from the prior; gives the logit's mean on codes."""

    terms = ("js",)
    needs_density = False
    critic_optimizer = {"lr": 1e-3, "betas": (0.5, 0.9), "eps": 1e-8}

    def __init__(self, dim: int, *, width: int = 8) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(dim, width), nn.LeakyReLU(), nn.Linear(width, 1))

    def forward(self, latent):
        weights = {name: p.detach() for name, p in self.net.named_parameters()}
        return {"js": torch.func.functional_call(self.net, weights, (latent.z,)).mean()}

    def critic_loss(self, latent, second_latent):
        fake, real = self.net(second_latent.z.detach()), self.net(latent.prior_sample())
        return nn.functional.softplus(-fake).mean() + nn.functional.softplus(real).mean()


class ToySampled(ToyKL):
    """KL from the codes, for any prior."""

    def forward(self, latent):
        ratio = latent.posterior.log_prob(latent.z) - latent.prior().log_prob(latent.z)
        return {"kl": ratio.mean()}


class ToyPair(nn.Module):
    """Two terms of known value."""

    terms = ("first", "second")
    needs_density = False

    def __init__(self, dim: int) -> None:
        super().__init__()

    def forward(self, latent):
        return {"first": latent.z.mean() * 0 + 1, "second": latent.z.mean() * 0 + 10}


class ToyPicky(nn.Module):
    """A term that refuses what it is given when it is called."""

    terms = ("picky",)
    needs_density = False

    def __init__(self, dim: int) -> None:
        super().__init__()

    def forward(self, latent):
        raise ValueError("picky needs another prior")


class ToyBomb(nn.Module):
    """A term that is not finite from a step on."""

    terms = ("bomb",)
    needs_density = False

    calls: Tensor

    def __init__(self, dim: int, *, fuse: int = 5) -> None:
        super().__init__()
        self.fuse = fuse
        # A tensor: what is counted in Python stands still in a step that is replayed.
        self.register_buffer("calls", torch.zeros(()), persistent=False)

    def forward(self, latent):
        self.calls += self.training
        nothing = latent.z.mean() * 0
        return {"bomb": torch.where(self.calls > self.fuse, nothing + torch.nan, nothing)}


def toy_vae(*, beta: Weight = 1.0, cost: str = "bernoulli") -> Method:
    """A VAE."""
    return Method((Term("toy-kl", {"kl": beta}),), cost, prior="toy-normal")


def toy_sampled() -> Method:
    """A VAE whose KL is that of the codes."""
    return Method((Term("toy-sampled", 1.0),), "l2sq", prior="toy-normal")


def toy_gan(*, weight: float = 1.0) -> Method:
    """An autoencoder with a critic."""
    return Method((Term("toy-critic", {"js": weight}),), "l2sq")


def toy_bomb(*, fuse: int = 5) -> Method:
    """A method whose loss stops being finite."""
    return Method((Term("toy-kl", {"kl": 1.0}), Term("toy-bomb", {"bomb": 1.0}, {"fuse": fuse})))


def toy_misfit() -> Method:
    """A method that asks for a density that its posterior does not have."""
    return Method((Term("toy-kl", {"kl": 1.0}),), posterior="deterministic")


def toy_picky() -> Method:
    """A method whose estimator refuses the prior when it is called."""
    return Method((Term("toy-picky", {"picky": 1.0}),))


def correlation(codes: np.ndarray, factors: np.ndarray, *, power: int = 2) -> float:
    """The largest squared correlation of a code with the first factor."""
    matrix = np.corrcoef(codes.T, factors[:, 0])
    return float(np.nanmax(np.abs(matrix[-1, :-1])) ** power)


def sharpness(images: np.ndarray) -> float:
    """A metric of images."""
    return float(images.var())


def distance(images: np.ndarray, reconstructions: np.ndarray) -> float:
    """The mean squared difference; lower is better."""
    return float(np.square(images - reconstructions).mean())


vars(distance).update(better="lower", bounds=(0, 1))


def sound(sounds: np.ndarray) -> float:
    """A metric of what nobody has."""
    return 0.0
