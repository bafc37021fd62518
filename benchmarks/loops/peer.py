"""A step of the beta-TCVAE of pythae, with the plain networks, inside a plain loop."""

from __future__ import annotations

from collections.abc import Callable

import torch
from networks import DIM, frames, make_networks
from pythae.models import BetaTCVAE, BetaTCVAEConfig
from pythae.models.base.base_utils import ModelOutput
from pythae.models.nn import BaseDecoder, BaseEncoder
from serving import Case, serve
from torch import Tensor, nn

# pythae is in no environment but that of this benchmark, and has no types.
# mypy: disable-error-code="import-not-found, misc"

DATASET_SIZE = 737_280


class Encoder(BaseEncoder):
    """A network whose output is mean and log variance."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, x: Tensor) -> ModelOutput:
        """Return them under pythae's names."""
        mean, log_variance = self.network(x).chunk(2, dim=1)
        return ModelOutput(embedding=mean, log_covariance=log_variance)


class Decoder(BaseDecoder):
    """A network whose output is logits; pythae's cross-entropy takes probabilities."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, z: Tensor) -> ModelOutput:
        """Return the probabilities."""
        return ModelOutput(reconstruction=self.network(z).sigmoid())


def make_step(case: Case) -> Callable[[], None]:
    """Return a step of Adam as pythae's trainer does one, without its bookkeeping."""
    encoder, decoder = make_networks(case)
    config = BetaTCVAEConfig(
        input_dim=(1, case.side, case.side), latent_dim=DIM, reconstruction_loss="bce",
        alpha=1.0, beta=6.0, gamma=1.0, use_mss=False,
    )  # fmt: skip
    model = BetaTCVAE(config, Encoder(encoder), Decoder(decoder))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    inputs = {"data": frames(case.side)}

    def step() -> None:
        optimizer.zero_grad()
        model(inputs, dataset_size=DATASET_SIZE).loss.backward()
        optimizer.step()

    return step


if __name__ == "__main__":
    serve(make_step)
