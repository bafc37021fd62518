"""A small plugin that stands in for every other package in the core's own tests."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.distributions import Independent, Normal, kl_divergence

from unweave import Method, Term, Weight

HOOKS = """
import pluggy
UNWEAVE_API = 1
hookimpl = pluggy.HookimplMarker("unweave")

@hookimpl
def unweave_datasets():
    return {"toy-images": "toy:ToyImages"}

@hookimpl
def unweave_priors():
    return {"toy-normal": "toy:ToyNormal"}

@hookimpl
def unweave_estimators():
    return {
        "toy-kl": "toy:ToyKL", "toy-critic": "toy:ToyCritic", "toy-bomb": "toy:ToyBomb",
        "toy-picky": "toy:ToyPicky",
    }

@hookimpl
def unweave_methods():
    return {
        "toy-vae": "toy:toy_vae", "toy-gan": "toy:toy_gan", "toy-bomb": "toy:toy_bomb",
        "toy-misfit": "toy:toy_misfit", "toy-picky": "toy:toy_picky",
    }

@hookimpl
def unweave_metrics():
    return {"toy-correlation": "toy:correlation", "toy-sharpness": "toy:sharpness"}
"""


class ToyImages:
    """A bright square at one of 8 x 8 places, with its place as two factors."""

    name = "toy-images"
    note = ""
    factor_names = ("row", "column")
    factor_sizes = (8, 8)

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


class ToyNormal(nn.Module):
    """N(0, scale²) with a learned scale, and no `sample` of its own."""

    def __init__(self, dim: int, *, learned: bool = False) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(dim), requires_grad=learned)

    def forward(self):
        scale = self.log_scale.exp()
        return Independent(Normal(torch.zeros_like(scale), scale, validate_args=False), 1)


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

    def __init__(self, dim: int, *, fuse: int = 5) -> None:
        super().__init__()
        self.fuse = fuse
        self.calls = 0

    def forward(self, latent):
        self.calls += self.training
        value = float("nan") if self.calls > self.fuse else 0.0
        return {"bomb": latent.z.mean() * 0 + value}


def toy_vae(*, beta: Weight = 1.0, cost: str = "bernoulli") -> Method:
    """A VAE."""
    return Method((Term("toy-kl", {"kl": beta}),), cost, prior="toy-normal")


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


def correlation(codes, factors, *, power: int = 2) -> float:
    """The largest squared correlation of a code with the first factor."""
    matrix = np.corrcoef(codes.T, factors[:, 0])
    return float(np.nanmax(np.abs(matrix[-1, :-1])) ** power)


def sharpness(images) -> float:
    """A metric of images, which a code table cannot serve."""
    return float(images.var())
