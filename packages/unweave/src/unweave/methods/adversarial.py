"""Methods with a discriminator of images, each with its own objective.

Sources: [Larsen] Larsen et al. 2016, "Autoencoding beyond pixels using a learned similarity
metric"; [Pu] Pu et al. 2017, "Adversarial symmetric variational autoencoder"; [InfoGAN] Chen et
al. 2016, "InfoGAN"; [Lat] Chivukula, "Learning disentangled latent spaces using VAE".
"""

from __future__ import annotations

from typing import Literal

from unweave.method import Method, Term, Weight


def vae_gan(
    *,
    weight: Weight = 1.0,
    gan_weight: Weight = 1.0,
    kl: Weight = 1.0,
    discriminator: str = "wae64",
    layer: int = 0,
    generator: Literal["minimax", "non-saturating"] = "minimax",
    balance: float = 0.0,
    players: str = "rmsprop:lr=1e-4",
    cost: str = "bernoulli",
) -> Method:
    """VAE/GAN: kl KL + squared error in features of a discriminator, and a GAN [Larsen].

    `cost` turns decoder outputs into images and is only logged; no player minimises it. [Lat]
    trains every player by RMSProp at 1e-4.
    """
    options = {
        "weight": weight, "gan_weight": gan_weight, "discriminator": discriminator,
        "layer": layer, "generator": generator, "balance": balance, "players": players,
    }  # fmt: skip
    terms = (Term("analytic-kl", {"kl": kl}),)
    return Method(terms, cost, objective="vae-gan", objective_options=options)


def as_vae(
    *,
    critic: str = "wae64:width=0.5",
    critic_width: int = 256,
    critic_optimizer: str = "adam:lr=1e-4,betas=0.5,0.9",
    cost: str = "bernoulli",
) -> Method:
    """AS-VAE: match two joint distributions of images and codes, by two critics [Pu]."""
    options = {"critic": critic, "width": critic_width, "players": critic_optimizer}
    return Method((), cost, objective="as-vae", objective_options=options)


def infogan(
    *,
    categories: int = 10,
    uniform: int = 2,
    weight: Weight = 0.1,
    discrete_weight: Weight = 1.0,
    discriminator: str = "wae64",
    discriminator_optimizer: str = "adam:lr=2e-4,betas=0.5,0.999",
    generator_optimizer: str = "adam:lr=1e-3,betas=0.5,0.999",
    cost: str = "bernoulli",
) -> Method:
    """InfoGAN: a GAN from whose images Q predicts the codes, a class and uniform ones [InfoGAN].

    The first `categories` + `uniform` of the D dimensions are the code, the others noise; Q is the
    encoder. Weights and rates are those of [InfoGAN], appendix C.1.
    """
    options = {
        "codes": categories + uniform, "discrete": categories, "weight": weight,
        "discrete_weight": discrete_weight, "discriminator": discriminator,
        "discriminator_player": discriminator_optimizer, "generator_player": generator_optimizer,
    }  # fmt: skip
    prior = f"mixed:categories={categories},uniform={uniform}"
    posterior = f"mixed:categories={categories}" if categories else "gaussian"
    return Method((), cost, posterior, prior, objective="infogan", objective_options=options)
