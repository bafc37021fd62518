"""Maximum likelihood with early stopping on held-out codes."""

from __future__ import annotations

import copy
import math

import torch
from torch import Tensor

from unweave_flows.density import Density, Progress, check_count


def split(
    codes: Tensor, validation: float, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Split codes (n, dim) at random into those to fit and a fraction held out."""
    if not 0 < validation < 1:
        raise ValueError(f"validation must be a fraction between 0 and 1, got {validation}")
    order = permutation(len(codes), codes, generator)
    held_out = max(1, round(validation * len(codes)))
    return codes[order[held_out:]], codes[order[:held_out]]


def permutation(n: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw a permutation of n, where the generator lives, and bring it to where `like` lives."""
    device = generator.device if generator is not None else like.device
    return torch.randperm(n, generator=generator, device=device).to(like.device)


def maximise_likelihood(
    density: Density,
    codes: Tensor,
    held_out: Tensor,
    *,
    epochs: int,
    batch_size: int,
    learning_rate: float,
    patience: int,
    generator: torch.Generator | None,
    progress: Progress | None,
) -> list[tuple[float, float]]:
    """Fit the parameters of a density by Adam and keep those that were best on held-out codes.

    Stops when the held-out loss has not fallen for `patience` epochs.

    Returns
    -------
    losses : list of two floats for each epoch
        Mean negative log-likelihood of the fitted and of the held-out codes, in nats.

    Raises
    ------
    FloatingPointError
        If loss or gradient stops being finite; the best parameters so far are kept.
    """
    for name, value in [("epochs", epochs), ("batch_size", batch_size), ("patience", patience)]:
        check_count(name, value)
    optimizer = torch.optim.Adam(density.parameters(), lr=learning_rate)
    best, losses = _Best(density), []
    try:
        for epoch in range(1, epochs + 1):
            batches = torch.split(permutation(len(codes), codes, generator), batch_size)
            steps = [_step(density, optimizer, codes[rows], epoch) for rows in batches]
            losses.append((sum(steps) / len(codes), held_out_loss(density, held_out, batch_size)))
            best.see(losses[-1][1])
            if progress is not None:
                progress(epoch, epochs)
            if best.since == patience:
                break
    finally:
        best.restore()
    return losses


class _Best:
    """The state of a density when its held-out loss was lowest."""

    def __init__(self, density: Density) -> None:
        self.density = density
        self.loss = math.inf
        self.since = 0
        self.state = copy.deepcopy(density.state_dict())

    def see(self, loss: float) -> None:
        """Keep the present state if the loss is the lowest so far."""
        self.since += 1
        if loss < self.loss:
            self.loss, self.since = loss, 0
            self.state = copy.deepcopy(self.density.state_dict())

    def restore(self) -> None:
        """Put the kept state back."""
        self.density.load_state_dict(self.state)


def _step(density: Density, optimizer: torch.optim.Optimizer, batch: Tensor, epoch: int) -> float:
    """Take one step of the optimizer and return the summed loss of the batch."""
    loss = -density.log_prob(batch).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.get_total_norm(
        [parameter.grad for parameter in density.parameters() if parameter.grad is not None]
    )
    for name, value in [("loss", loss.item()), ("gradient", norm.item())]:
        if not math.isfinite(value):
            raise FloatingPointError(
                f"the {name} of the density became {value} in epoch {epoch}; the best "
                "parameters so far are kept, lower learning_rate"
            )
    optimizer.step()
    return len(batch) * loss.item()


@torch.no_grad()
def held_out_loss(density: Density, codes: Tensor, batch_size: int) -> float:
    """Compute the mean negative log-likelihood of codes in nats, a batch at a time."""
    parts = [density.log_prob(part).sum() for part in torch.split(codes, batch_size)]
    return -float(torch.stack(parts).sum()) / len(codes)
