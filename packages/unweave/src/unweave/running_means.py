"""Means of the logged terms since the last log, kept on the device."""

from __future__ import annotations

import torch
from torch import Tensor

from unweave.errors import NonFiniteError


class RunningMeans:
    """Sums of scalars over steps, and the first step at which each was not finite.

    Parameters
    ----------
    names
        Names of the scalars, in the order in which they are added.
    """

    def __init__(self, names: tuple[str, ...], device: torch.device) -> None:
        self.names = names
        self.sums = torch.zeros(len(names), device=device)
        self.step = 0
        self.first_bad = torch.full((len(names),), -1, dtype=torch.int64, device=device)

    def add(self, terms: Tensor, clock: Tensor) -> None:
        """Add the terms of the step `clock`; nothing waits for the device."""
        fresh = (self.first_bad < 0) & ~terms.isfinite()
        self.first_bad.copy_(torch.where(fresh, clock, self.first_bad))
        self.sums += terms

    def take(self, step: int) -> dict[str, float]:
        """Return the means since the last call and reset them; waits for the device."""
        means = (self.sums / max(1, step - self.step)).tolist()
        self.sums.zero_()
        self.step = step
        return dict(zip(self.names, means, strict=True))

    def check(self) -> None:
        """Raise if a term was not finite.

        Raises
        ------
        NonFiniteError
            If one was not; the message names the first term and its step.
        """
        pairs = zip(self.names, self.first_bad.tolist(), strict=True)
        bad = {name: step for name, step in pairs if step >= 0}
        if bad:
            # The loss is the sum of the terms: name the term that spoilt it.
            name = min(bad, key=lambda term: (bad[term], term == "loss"))
            raise NonFiniteError(
                f"{name} is not finite at step {bad[name]}; lower learning_rate or the weights"
            )
