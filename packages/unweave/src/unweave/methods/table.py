"""The methods that are a cost plus weighted terms: one row each.

Sources: [Chen] Chen et al. 2018, "Isolating sources of disentanglement in VAEs"; [Kim] Kim and
Mnih 2018, "Disentangling by factorising"; [Higgins] Higgins et al. 2017, "beta-VAE"; [WAE]
Tolstikhin et al. 2018, "Wasserstein auto-encoders"; [TCWAE] Gaujac, Feige and Barber,
"Learning disentangled representations with the Wasserstein autoencoder", arXiv 2010.03459.
"""

from __future__ import annotations

from typing import Literal

from unweave.method import Method, Term, Weight


def vae(*, cost: str = "bernoulli") -> Method:
    """Variational autoencoder: cost + KL (Kingma and Welling 2014)."""
    return Method((Term("analytic-kl", {"kl": 1.0}),), cost)


def beta_vae(*, beta: Weight = 6.0, cost: str = "bernoulli") -> Method:
    """beta-VAE: cost + beta KL [Higgins]."""
    return Method((Term("analytic-kl", {"kl": beta}),), cost)


def beta_tcvae(
    *,
    alpha: Weight = 1.0,
    beta: Weight = 6.0,
    gamma: Weight = 1.0,
    estimator: str = "mws",
    cost: str = "bernoulli",
) -> Method:
    """beta-TCVAE: cost + alpha index-code MI + beta TC + gamma dimension-wise KL [Chen]."""
    weights = {"index_code_mi": alpha, "total_correlation": beta, "dimension_wise_kl": gamma}
    return Method((Term(estimator, weights),), cost)


def factor_vae(
    *,
    gamma: Weight = 10.0,
    critic_width: int = 1000,
    critic_layers: int = 6,
    cost: str = "bernoulli",
) -> Method:
    """FactorVAE: cost + KL + gamma TC, by the density-ratio trick [Kim]."""
    critic = {"width": critic_width, "layers": critic_layers, "dimension_wise": False}
    return Method(
        (
            Term("analytic-kl", {"kl": 1.0}),
            Term("density-ratio", {"total_correlation": gamma}, critic),
        ),
        cost,
    )


def wae_mmd(
    *,
    lambda_: Weight = 10.0,
    posterior: Literal["gaussian", "deterministic"] = "gaussian",
    cost: str = "l2sq",
) -> Method:
    """WAE-MMD: cost + lambda MMD(q(z), p(z)) with a mixture of IMQ kernels [WAE]."""
    return Method((Term("mmd", {"mmd": lambda_}),), cost, posterior)


def tcwae_mws(*, beta: Weight = 6.0, gamma: Weight = 2.0, cost: str = "l2sq") -> Method:
    """TCWAE-MWS: cost + beta TC + gamma dimension-wise KL, by minibatch weights [TCWAE]."""
    weights = {"total_correlation": beta, "dimension_wise_kl": gamma}
    return Method((Term("mws", weights),), cost)


def tcwae_gan(
    *,
    beta: Weight = 10.0,
    gamma: Weight = 1.0,
    critic_width: int = 1000,
    critic_layers: int = 6,
    cost: str = "l2sq",
) -> Method:
    """TCWAE-GAN: cost + beta TC + gamma dimension-wise KL, by two critics [TCWAE]."""
    weights = {"total_correlation": beta, "dimension_wise_kl": gamma}
    critic = {"width": critic_width, "layers": critic_layers}
    return Method((Term("density-ratio", weights, critic),), cost)
