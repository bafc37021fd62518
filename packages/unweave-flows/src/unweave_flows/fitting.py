"""Maximum likelihood with early stopping on held-out codes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from unweave_flows.density import Density, Progress, check_count

Batch = Callable[[Tensor], Tensor]
"""Gives the codes (m, dim) of rows (m,) for one step."""

LARGEST_GRADIENT = 100.0
"""Norm to which longer gradients are shortened; in fits of mixtures the largest was 84."""
RISE = 1.0
"""Nats per dimension above the first weights' loss from which a fit that gained nothing failed."""


def split(
    rows: Tensor, validation: float, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Split rows (n,) at random into those to fit and a fraction held out."""
    if not 0 < validation < 1:
        raise ValueError(f"validation must be a fraction between 0 and 1, got {validation}")
    order = permutation(len(rows), rows, generator)
    held_out = max(1, round(validation * len(rows)))
    return rows[order[held_out:]], rows[order[:held_out]]


def permutation(n: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw a permutation of n, where the generator lives, and bring it to where `like` lives."""
    device = generator.device if generator is not None else like.device
    return torch.randperm(n, generator=generator, device=device).to(like.device)


def maximise_likelihood(
    density: Density,
    rows: Tensor,
    batch: Batch,
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

    Parameters
    ----------
    rows : int tensor, shape (n,)
        What an epoch goes through in random order.
    batch : callable
        Gives the codes (m, dim) of rows (m,).
    held_out : float tensor, shape (m, dim)

    Returns
    -------
    losses : list of two floats for each epoch
        Mean negative log-likelihood of the fitted and of the held-out codes, in nats.

    Raises
    ------
    FloatingPointError
        If loss or gradient stops being finite, or the loss rose instead of falling; the density
        is then as it was when its held-out loss was lowest.
    """
    for name, value in [("epochs", epochs), ("batch_size", batch_size), ("patience", patience)]:
        check_count(name, value)
    parameters = list(density.parameters())
    optimizer = torch.optim.Adam(parameters, lr=learning_rate, fused=True)
    first = held_out_loss(density, held_out, batch_size)
    best, losses = _Best(density, first), []
    if progress is not None:
        progress(0, epochs)
    try:
        for epoch in range(1, epochs + 1):
            parts = torch.split(rows[permutation(len(rows), rows, generator)], batch_size)
            steps = [_step(density, parameters, optimizer, batch(part)) for part in parts]
            fitted = _total(torch.stack(steps), epoch) / len(rows)
            losses.append((fitted, held_out_loss(density, held_out, batch_size)))
            best.see(losses[-1][1])
            if progress is not None:
                progress(epoch, epochs)
            if best.since == patience:
                break
    finally:
        best.restore()
    _check_fell(first, losses, density.dim)
    return losses


class _Best:
    """The state of a density when its held-out loss was lowest."""

    def __init__(self, density: Density, loss: float) -> None:
        self.density = density
        self.loss = loss if math.isfinite(loss) else math.inf
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


def _step(
    density: Density,
    parameters: list[torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    codes: Tensor,
) -> Tensor:
    """Take one step of the optimizer; return the summed loss of the batch and the gradient's norm.

    Both stay on the device, so that an epoch waits for it once.
    """
    loss = -density.log_prob(codes).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
    optimizer.step()
    return torch.stack([len(codes) * loss.detach(), norm])


def _total(steps: Tensor, epoch: int) -> float:
    """Return the sum of the losses of steps (s, 2), or say what stopped being finite."""
    for name, column in [("loss", steps[:, 0]), ("gradient", steps[:, 1])]:
        if not bool(column.isfinite().all()):
            value = float(column[~column.isfinite()][0])
            raise FloatingPointError(
                f"the {name} of the density became {value} in epoch {epoch}; lower learning_rate"
            )
    return float(steps[:, 0].sum())


def _check_fell(first: float, losses: list[tuple[float, float]], dim: int) -> None:
    """Refuse a fit none of whose epochs was better than the first weights, and the last far worse.

    Codes to which the first weights fit already may gain nothing, and then lose little.
    """
    lowest = min(loss for _, loss in losses)
    if not (math.isfinite(lowest) or math.isfinite(first)):
        raise FloatingPointError("the held-out loss of the density was not finite in any epoch")
    if not lowest < first and not losses[-1][1] < first + RISE * dim:
        raise FloatingPointError(
            f"the fit diverged: the held-out loss rose from {first:.4g} to {losses[-1][1]:.4g} "
            "nats; lower learning_rate"
        )


@torch.no_grad()
def held_out_loss(density: Density, codes: Tensor, batch_size: int) -> float:
    """Compute the mean negative log-likelihood of codes in nats, a batch at a time."""
    parts = [density.log_prob(part).sum() for part in torch.split(codes, batch_size)]
    return -float(torch.stack(parts).sum()) / len(codes)
