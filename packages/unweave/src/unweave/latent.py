"""What an estimator sees of a batch of codes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn

from unweave.protocols import Posterior, Prior, member


@dataclass(frozen=True)
class Latent:
    """What an estimator sees of a batch.

    Attributes
    ----------
    z
        Codes, float tensor, shape (b, D).
    posterior, prior
        q(z|x) of the batch, and p(z).
    decoder
        Codes -> outputs.
    dataset_size
        N, number of training images.
    generator
        Source of all randomness of the estimators.
    """

    z: Tensor
    posterior: Posterior
    prior: Prior
    decoder: nn.Module
    dataset_size: int
    generator: torch.Generator

    def prior_sample(self) -> Tensor:
        """Draw new codes from the prior, shape (b, D).

        Gradients reach the prior's parameters if it has `rsample`.
        """
        return sample_prior(self.prior, len(self.z), self.generator)


def sample_prior(prior: Prior, n: int, generator: torch.Generator) -> Tensor:
    """Draw n codes from a prior, shape (n, D), with all randomness from the generator.

    Gradients reach the prior's parameters if it has `rsample` and gradients are enabled. torch
    Distributions take no generator: a prior without `sample` is drawn from under a forked global
    generator, seeded from ours.
    """
    draw = member(prior, "rsample") if torch.is_grad_enabled() else None
    draw = draw or member(prior, "sample")
    if draw is not None:
        return cast(Tensor, draw(n, generator=generator))
    device = generator.device
    seed = torch.randint(2**62, (), generator=generator, device=device)
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        torch.manual_seed(int(seed))
        return prior().sample((n,))
