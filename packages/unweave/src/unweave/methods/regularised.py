"""Deterministic autoencoders whose codes get a density afterwards or beside: one row each.

Sources: [Ghosh] Ghosh et al. 2020, "From variational to deterministic autoencoders"; [Xiao] Xiao,
Yan and Amit 2019, "Generative latent flow".
"""

from __future__ import annotations

from typing import Literal

from unweave.method import Method, Term, Weight

REGULARISERS = {
    "l2": ("decoder-l2", "decoder_l2"),
    "gradient-penalty": ("decoder-gradient-penalty", "gradient_penalty"),
}


def rae(
    *,
    beta: Weight = 1e-4,
    lambda_: Weight = 1e-7,
    regulariser: Literal["l2", "gradient-penalty", "none"] = "l2",
    cost: str = "l2sq",
) -> Method:
    """RAE: cost + beta |z|²/2 + lambda times a regulariser of the decoder [Ghosh]."""
    terms: tuple[Term, ...] = (Term("code-norm", {"code_norm": beta}),)
    if regulariser != "none":
        estimator, term = REGULARISERS[regulariser]
        terms += (Term(estimator, {term: lambda_}),)
    return Method(terms, cost, "deterministic")


def glf(*, beta: Weight = 1.0, flow: str = "realnvp", cost: str = "l2sq") -> Method:
    """GLF: an autoencoder, and a flow that learns the density of its codes with it [Xiao]."""
    terms = (Term("prior-nll", {"prior_nll": beta}),)
    return Method(terms, cost, "deterministic", prior=f"flow:kind={flow}")
