"""Variational autoencoders: a likelihood, and terms of the KL divergence, one row each.

Sources: [Higgins] Higgins et al. 2017, "beta-VAE"; [Burgess] Burgess et al. 2018, "Understanding
disentangling in beta-VAE"; [Chen] Chen et al. 2018, "Isolating sources of disentanglement in
VAEs"; [Kim] Kim and Mnih 2018, "Disentangling by factorising"; [Kumar] Kumar et al. 2018,
"Variational inference of disentangled latent concepts from unlabeled observations"; [Zhao] Zhao
et al. 2019, "InfoVAE"; [Esmaeili] Esmaeili et al. 2019, "Structured disentangled
representations"; [Mathieu] Mathieu et al. 2019, "Disentangling disentanglement in VAEs";
[Kingma] Kingma et al. 2016, "Improved variational inference with inverse autoregressive flow";
[Rezende] Rezende and Mohamed 2015, "Variational inference with normalizing flows".
"""

from __future__ import annotations

from typing import Literal

from unweave.method import Method, Term, Weight
from unweave.methods.critics import critic_options, critic_total_correlation
from unweave.options import parse_spec

KL = Term("analytic-kl", {"kl": 1.0})


def vae(*, cost: str = "bernoulli") -> Method:
    """Variational autoencoder: cost + KL (Kingma and Welling 2014)."""
    return Method((KL,), cost)


def beta_vae(*, beta: Weight = 6.0, cost: str = "bernoulli") -> Method:
    """beta-VAE: cost + beta KL [Higgins]."""
    return Method((Term("analytic-kl", {"kl": beta}),), cost)


def annealed_vae(
    *,
    gamma: Weight = 1000.0,
    capacity: Weight = "linear(0, 25, 100000)",
    cost: str = "bernoulli",
) -> Method:
    """Annealed VAE: cost + gamma |KL - C(t)|, with a capacity C that grows over steps [Burgess]."""
    return Method((Term("analytic-kl", {"kl": gamma}, targets={"kl": capacity}),), cost)


def beta_tcvae(
    *,
    alpha: Weight = 1.0,
    beta: Weight = 6.0,
    gamma: Weight = 1.0,
    estimator: str = "mws",
    kl: Literal["sampled", "analytic"] = "sampled",
    cost: str = "bernoulli",
) -> Method:
    """beta-TCVAE: cost + alpha index-code MI + beta TC + gamma dimension-wise KL [Chen].

    The three terms add up to the KL. So `kl=analytic` minimises the same expectation with less
    noise: alpha KL + (beta - alpha) TC + (gamma - alpha) dimension-wise KL, with the KL in closed
    form. For alpha = gamma = 1 this is KL + (beta - 1) TC.
    """
    if kl == "analytic":
        return _analytic_tcvae(alpha, beta, gamma, estimator, cost)
    weights = {"index_code_mi": alpha, "total_correlation": beta, "dimension_wise_kl": gamma}
    return Method((Term(estimator, weights),), cost)


def _analytic_tcvae(
    alpha: Weight, beta: Weight, gamma: Weight, estimator: str, cost: str
) -> Method:
    if isinstance(alpha, str) or isinstance(beta, str) or isinstance(gamma, str):
        raise ValueError("kl=analytic takes numbers for alpha, beta and gamma; use kl=sampled")
    weights = {"total_correlation": beta - alpha, "dimension_wise_kl": gamma - alpha}
    used = {name: weight for name, weight in weights.items() if weight != 0}
    return Method((Term("analytic-kl", {"kl": alpha}), Term(estimator, used)), cost)


def factor_vae(
    *,
    gamma: Weight = 10.0,
    critic_width: int = 1000,
    critic_layers: int = 6,
    critic_lr: float = 1e-4,
    critic_standardized: bool = False,
    cost: str = "bernoulli",
) -> Method:
    """FactorVAE: cost + KL + gamma TC, by the density-ratio trick [Kim]."""
    critic = critic_options(critic_width, critic_layers, critic_lr)
    total_correlation = critic_total_correlation(gamma, critic, standardized=critic_standardized)
    return Method((KL, total_correlation), cost)


def dip_vae_i(*, lambda_: Weight = 10.0, diagonal: float = 10.0, cost: str = "bernoulli") -> Method:
    """DIP-VAE-I: cost + KL + lambda (off-diagonal + diagonal part of Cov[mean] - 1) [Kumar]."""
    return Method((KL, Term("dip", {"dip": lambda_}, {"kind": "i", "diagonal": diagonal})), cost)


def dip_vae_ii(*, lambda_: Weight = 10.0, diagonal: float = 1.0, cost: str = "bernoulli") -> Method:
    """DIP-VAE-II: cost + KL + lambda (off-diagonal + diagonal part of Cov[z] - 1) [Kumar]."""
    return Method((KL, Term("dip", {"dip": lambda_}, {"kind": "ii", "diagonal": diagonal})), cost)


def info_vae(*, alpha: float = 0.0, lambda_: float = 10.0, cost: str = "bernoulli") -> Method:
    """InfoVAE: cost + (1 - alpha) KL + (alpha + lambda - 1) MMD(q(z), p(z)) [Zhao]."""
    terms = (
        Term("analytic-kl", {"kl": 1.0 - alpha}),
        Term("mmd", {"mmd": alpha + lambda_ - 1.0}),
    )
    return Method(terms, cost)


def hfvae(
    *,
    alpha: Weight = 1.0,
    beta: Weight = 6.0,
    gamma: Weight = 3.0,
    groups: tuple[int, ...] = (),
    cost: str = "bernoulli",
) -> Method:
    """HFVAE: cost + alpha MI + beta TC between groups + gamma TC within + KL [Esmaeili]."""
    weights = {
        "index_code_mi": alpha,
        "group_total_correlation": beta,
        "within_group_total_correlation": gamma,
        "dimension_wise_kl": 1.0,
    }
    return Method((Term("hierarchical", weights, {"groups": groups}),), cost)


def decomposed_vae(
    *,
    alpha: Weight = 1.0,
    beta: Weight = 1.0,
    divergence: str = "mmd:per_dimension=true",
    cost: str = "bernoulli",
) -> Method:
    """Decomposed VAE: cost + beta KL + alpha D(q(z), p(z)), D any estimator [Mathieu], eq. 7."""
    estimator, options = parse_spec(divergence)
    return Method((Term("analytic-kl", {"kl": beta}), Term(estimator, alpha, options)), cost)


def vae_iaf(*, transforms: int = 4, context: int = 32, cost: str = "bernoulli") -> Method:
    """VAE with inverse autoregressive flows: cost + log q(z|x) - log p(z) at the codes [Kingma]."""
    posterior = f"flow:kind=iaf,transforms={transforms},context={context}"
    return Method((Term("sampled-kl", {"kl": 1.0}),), cost, posterior)


def vae_nf(
    *,
    kind: Literal["planar", "radial"] = "planar",
    transforms: int = 10,
    cost: str = "bernoulli",
) -> Method:
    """VAE with planar or radial flows: cost + log q(z|x) - log p(z) at the codes [Rezende]."""
    posterior = f"flow:kind={kind},transforms={transforms}"
    return Method((Term("sampled-kl", {"kl": 1.0}),), cost, posterior)
