"""The terms of the KL divergence between codes and prior, with the exact aggregate posterior."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from numpy.typing import NDArray

from unweave.batches import derive_seed
from unweave.encoding import encode_as_one
from unweave.errors import unknown_name
from unweave.latent import Latent
from unweave.networks import build_module
from unweave.protocols import Prior

if TYPE_CHECKING:
    from unweave.model import Autoencoder
    from unweave.registry import Registry

TERMS = ("total_correlation", "index_code_mi", "dimension_wise_kl", "marginal_kl")


@torch.no_grad()
def decomposition_term(
    names: Registry, model: Autoencoder, images: NDArray[Any], term: str
) -> float:
    """Compute a term with q(z) = (1/n) sum_j q(z|x_j) over n images, in nats.

    The mean over one code z_i ~ q(z|x_i) of each image of

        index_code_mi :     log q(z_i|x_i) - log q(z_i)
        total_correlation : log q(z_i) - sum_d log q_d(z_id)
        dimension_wise_kl : sum_d log q_d(z_id) - log p_d(z_id)
        marginal_kl :       log q(z_i) - log p(z_i)

    No posterior is left out of q(z), and no critic replaces it. O(n^2 D) time.

    Parameters
    ----------
    images
        Shape (n, h, w, c).

    Raises
    ------
    UnknownNameError
        If there is no such term.
    ValueError
        If the posterior has no density or does not factorise, or the prior does not factorise
        although the term needs it.

    References
    ----------
    Chen, Li, Grosse, Duvenaud, "Isolating sources of disentanglement in variational autoencoders",
    2018, equation 2.
    """
    if term not in TERMS:
        raise unknown_name("term of the decomposition", term, TERMS)
    device = next(model.parameters()).device
    generator = torch.Generator(device).manual_seed(derive_seed(0, "posterior"))
    posterior = encode_as_one(model, images, device)
    z = posterior.rsample(generator)
    # With all n posteriors in the batch, every one has the weight 1/n in this estimator.
    estimator = build_module(
        names, "estimator", "loo", z.shape[1], home="unweave-estimators",
        options={"dimension_wise": term == "dimension_wise_kl"},
    )  # fmt: skip
    latent = Latent(z, posterior, cast(Prior, model.prior), model.decoder, len(z), generator)
    return float(estimator(latent)[term])
