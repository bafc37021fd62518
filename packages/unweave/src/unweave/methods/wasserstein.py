"""Wasserstein, adversarial and variance-constrained autoencoders, one row each.

Sources: [WAE] Tolstikhin et al. 2018, "Wasserstein auto-encoders"; [Makhzani] Makhzani et al.
2015, "Adversarial autoencoders"; [TCWAE] Gaujac, Feige and Barber, "Learning disentangled
representations with the Wasserstein autoencoder", arXiv 2010.03459; [VCAE] Braithwaite, O'Connor
and Kleijn, "Variance constrained autoencoding", arXiv 2005.03807.
"""

from __future__ import annotations

import math

from unweave.method import Method, Term, Weight
from unweave.methods.critics import critic_options, critic_total_correlation


def wae_mmd(*, lambda_: Weight = 10.0, cost: str = "l2sq") -> Method:
    """WAE-MMD: cost + lambda MMD(q(z), p(z)) with a mixture of IMQ kernels [WAE]."""
    return Method((Term("mmd", {"mmd": lambda_}),), cost)


def wae_gan(
    *,
    lambda_: Weight = 10.0,
    critic_width: int = 512,
    critic_layers: int = 4,
    critic_lr: float = 1e-4,
    cost: str = "l2sq",
) -> Method:
    """WAE-GAN: cost + lambda JS(q(z), p(z)) by a critic between codes and prior [WAE]."""
    critic = critic_options(critic_width, critic_layers, critic_lr)
    return Method((Term("latent-gan", {"js": lambda_}, critic),), cost)


def aae(
    *,
    lambda_: Weight = 1.0,
    critic_width: int = 1000,
    critic_layers: int = 2,
    critic_lr: float = 1e-4,
    cost: str = "l2sq",
) -> Method:
    """Adversarial autoencoder: a deterministic encoder, cost + lambda JS(q(z), p(z)) [Makhzani]."""
    critic = critic_options(critic_width, critic_layers, critic_lr)
    return Method((Term("latent-gan", {"js": lambda_}, critic),), cost, "deterministic")


def tcwae_mws(*, beta: Weight = 16.0, gamma: Weight = 2.0, cost: str = "l2sq") -> Method:
    """TCWAE-MWS: cost + beta TC + gamma dimension-wise KL, by minibatch weights [TCWAE].

    The defaults are for images of 64 x 64 pixels, where one of two seeds with the published (6, 2)
    had no disentanglement. For other sizes, scale the weights with the number of pixels.
    """
    weights = {"total_correlation": beta, "dimension_wise_kl": gamma}
    return Method((Term("mws", weights),), cost)


def tcwae_gan(
    *,
    beta: Weight = 10.0,
    gamma: Weight = 1.0,
    critic_width: int = 1000,
    critic_layers: int = 6,
    critic_lr: float = 1e-4,
    critic_standardized: bool = False,
    cost: str = "l2sq",
) -> Method:
    """TCWAE-GAN: cost + beta TC + gamma dimension-wise KL, by two critics [TCWAE].

    As published, codes may drift far from the prior; `critic_standardized=true` prevents it.
    """
    weights = {"total_correlation": beta, "dimension_wise_kl": gamma}
    critic = critic_options(critic_width, critic_layers, critic_lr)
    critic |= {"standardized": critic_standardized}
    return Method((Term("density-ratio", weights, critic),), cost)


def cwae(*, lambda_: Weight = 50.0, noise_variance: float = 0.05, cost: str = "l2sq") -> Method:
    """cWAE: a WAE-MMD with constant noise on the codes and one IMQ kernel [VCAE]."""
    return Method((_mmd(lambda_),), cost, _noisy(noise_variance))


def vcae(
    *,
    lambda_: Weight = 0.1,
    variance: float = 0.0,
    noise_variance: float = 0.05,
    cost: str = "l2sq",
) -> Method:
    """VCAE: cost + lambda |total variance of the codes - v|; variance=0 means v = D [VCAE]."""
    return Method((_variance(lambda_, variance),), cost, _noisy(noise_variance))


def dvcae(*, lambda_: Weight = 0.1, variance: float = 0.0, cost: str = "l2sq") -> Method:
    """dVCAE: VCAE with a deterministic encoder [VCAE]."""
    return Method((_variance(lambda_, variance),), cost, "deterministic")


def tc_vcae(
    *,
    lambda_: Weight = 1.0,
    gamma: Weight = 7.0,
    variance: float = 0.0,
    noise_variance: float = 0.1,
    critic_width: int = 1000,
    critic_layers: int = 6,
    critic_lr: float = 1e-4,
    critic_standardized: bool = False,
    cost: str = "bernoulli",
) -> Method:
    """TC-VCAE: VCAE + gamma TC, by a critic, in the set-up of Kim and Mnih [VCAE]."""
    critic = critic_options(critic_width, critic_layers, critic_lr)
    total_correlation = critic_total_correlation(gamma, critic, standardized=critic_standardized)
    return Method((_variance(lambda_, variance), total_correlation), cost, _noisy(noise_variance))


def tc_cwae(
    *,
    lambda_: Weight = 2500.0,
    gamma: Weight = 7.0,
    noise_variance: float = 0.1,
    critic_width: int = 1000,
    critic_layers: int = 6,
    critic_lr: float = 1e-4,
    critic_standardized: bool = False,
    cost: str = "bernoulli",
) -> Method:
    """TC-cWAE: cWAE + gamma TC, by a critic, in the set-up of Kim and Mnih [VCAE]."""
    critic = critic_options(critic_width, critic_layers, critic_lr)
    total_correlation = critic_total_correlation(gamma, critic, standardized=critic_standardized)
    return Method((_mmd(lambda_), total_correlation), cost, _noisy(noise_variance))


def _noisy(variance: float) -> str:
    if not variance > 0:
        raise ValueError(f"noise_variance must be positive, got {variance}; dvcae has no noise")
    return f"fixed-noise:noise={math.sqrt(variance)!r}"


def _mmd(weight: Weight) -> Term:
    return Term("mmd", {"mmd": weight}, {"kernel": "imq-single"})


def _variance(weight: Weight, target: float) -> Term:
    return Term("variance", {"variance": weight}, {"target": target})
