"""Maximum likelihood with early stopping on held-out codes."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable

import torch
from torch import Tensor

from unweave_flows.density import Density, Progress, check_count

Batch = Callable[[Tensor], Tensor]
"""Returns the codes (m, dim) of rows (m,) for one step."""

LARGEST_GRADIENT = 100.0
"""Largest norm of a gradient, longer ones are clipped; in fits of mixtures the largest was 84."""
RISE = 1.0
"""Rise of the loss over that of the first weights, nats per dimension, that means divergence."""


def split(
    rows: Tensor, validation: float, generator: torch.Generator | None
) -> tuple[Tensor, Tensor]:
    """Split rows (n,) at random into those for the fit and a fraction held out."""
    if not 0 < validation < 1:
        raise ValueError(f"validation must be a fraction between 0 and 1, got {validation}")
    order = permutation(len(rows), rows, generator)
    held_out = max(1, round(validation * len(rows)))
    return rows[order[held_out:]], rows[order[:held_out]]


def permutation(n: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
    """Draw a permutation of n on the generator's device, and move it to the device of `like`."""
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
    """Fit the parameters of a density by Adam, and restore the best ones on held-out codes.

    The fit stops if the held-out loss has not fallen for `patience` epochs.

    Parameters
    ----------
    rows : int tensor, shape (n,)
        Rows that an epoch visits in random order.
    batch : callable
        Returns the codes (m, dim) of rows (m,).
    held_out : float tensor, shape (m, dim)
        Codes for early stopping.

    Returns
    -------
    losses : list of two floats per epoch
        Mean negative log-likelihood of the fitted and of the held-out codes, in nats.

    Raises
    ------
    FloatingPointError
        If loss or gradient is not finite, or the loss rises instead of falling. The density then
        has the parameters with the lowest held-out loss.
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
            loss = _total(torch.stack(steps), epoch) / len(rows)
            losses.append((loss, held_out_loss(density, held_out, batch_size)))
            best.update(losses[-1][1])
            if progress is not None:
                progress(epoch, epochs)
            if best.since == patience:
                break
    finally:
        best.restore()
    _check_fell(first, losses, density.dim)
    return losses


class _Best:
    """The state of a density with the lowest held-out loss so far."""

    def __init__(self, density: Density, loss: float) -> None:
        self.density = density
        self.loss = loss if math.isfinite(loss) else math.inf
        self.since = 0
        self.state = copy.deepcopy(density.state_dict())

    def update(self, loss: float) -> None:
        """Store the present state if the loss is the lowest so far."""
        self.since += 1
        if loss < self.loss:
            self.loss, self.since = loss, 0
            self.state = copy.deepcopy(self.density.state_dict())

    def restore(self) -> None:
        """Load the stored state into the density."""
        self.density.load_state_dict(self.state)


def _step(
    density: Density,
    parameters: list[torch.nn.Parameter],
    optimizer: torch.optim.Optimizer,
    codes: Tensor,
) -> Tensor:
    """Take one step of the optimizer; return the batch's total loss and the gradient's norm.

    Both stay on the device, so that an epoch waits for the device once.
    """
    loss = -density.log_prob(codes).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(parameters, LARGEST_GRADIENT)
    optimizer.step()
    return torch.stack([len(codes) * loss.detach(), norm])


def _total(steps: Tensor, epoch: int) -> float:
    """Return the sum of the losses of steps (s, 2), or raise if loss or gradient is not finite."""
    for name, column in [("loss", steps[:, 0]), ("gradient", steps[:, 1])]:
        if not bool(column.isfinite().all()):
            value = float(column[~column.isfinite()][0])
            raise FloatingPointError(
                f"the {name} of the density became {value} in epoch {epoch}; lower learning_rate"
            )
    return float(steps[:, 0].sum())


def _check_fell(first: float, losses: list[tuple[float, float]], dim: int) -> None:
    """Refuse a fit without any gain over the first weights and with a far worse last epoch.

    First weights that fit the codes already may leave no gain, but then the loss rises little.
    """
    lowest = min(loss for _, loss in losses)
    if not (math.isfinite(lowest) or math.isfinite(first)):
        raise FloatingPointError(
            "the held-out loss of the density was not finite in any epoch; lower learning_rate"
        )
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
