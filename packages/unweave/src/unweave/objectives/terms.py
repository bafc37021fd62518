"""Weighted terms of estimators, which most objectives add to something."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, cast

import torch
from torch import Tensor, nn

from unweave.latent import Latent
from unweave.method import Schedule
from unweave.owners import declared
from unweave.players import Parts, Weighing
from unweave.protocols import member


class WeightSchedule(nn.Module):
    """A weight as a tensor function of the step, so that no step waits for the device."""

    start: Tensor
    end: Tensor
    change: Tensor
    times: Tensor
    factors: Tensor

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.steps, self.shape = schedule.steps, schedule.shape
        numbers = {
            "start": schedule.start,
            "end": schedule.end,
            "change": schedule.end - schedule.start,
            "factors": [1.0, *(factor for _, factor in schedule.drops)],
        }
        for name, value in numbers.items():
            self.register_buffer(name, torch.tensor(value), persistent=False)
        times = torch.tensor([at for at, _ in schedule.drops], dtype=torch.int64)
        self.register_buffer("times", times, persistent=False)

    def forward(self, clock: Tensor) -> Tensor:
        """Return w(t) for the step t, a scalar tensor."""
        if self.shape == "steps":
            # Gathered, because an index that is a tensor waits for the device.
            return self.start * self.factors.gather(0, (clock >= self.times).sum()[None])[0]
        passed = (clock / self.steps).clamp(max=1)
        if self.shape == "cosine":
            return self.end - self.change * (1 + (math.pi * passed).cos()) / 2
        if self.shape == "exponential":
            return self.start * (self.end / self.start) ** passed
        return self.start + self.change * passed


class _Weighed(nn.Module):
    """A weighing whose weight and target are tensors."""

    def __init__(self, weighing: Weighing) -> None:
        super().__init__()
        self.weight = WeightSchedule(weighing.weight)
        self.target = None if weighing.target is None else WeightSchedule(weighing.target)

    def forward(self, term: Tensor, clock: Tensor) -> Tensor:
        """Return what the term adds to the loss at the step t."""
        if self.target is not None:
            term = (term - self.target(clock)).abs()
        return cast(Tensor, self.weight(clock) * term)


class WeightedTerms(nn.Module):
    """The estimators of a method and the sum of weight x term.

    Parameters
    ----------
    parts
        Parts of the run.
    """

    def __init__(self, parts: Parts) -> None:
        super().__init__()
        self.cost = parts.cost
        self.estimators = nn.ModuleDict(parts.estimators)
        # A stranger's estimator may declare others later.
        self._names = {n: tuple(cast(Any, e).terms) for n, e in parts.estimators.items()}
        self._sources = {
            (name, term): source
            for name, estimator in parts.estimators.items()
            for term, source in member(estimator, "gradient_of").items()
        }
        self._labels = term_labels(
            [(name, term) for name, ts in self._names.items() for term in ts]
        )
        self._keys = {key: f"weighing-{n}" for n, key in enumerate(parts.weighings)}
        self.weighed = nn.ModuleDict(
            {self._keys[key]: _Weighed(weighing) for key, weighing in parts.weighings.items()}
        )

    def add_terms(
        self, loss: Tensor | float, latent: Latent, clock: Tensor
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Add weight x term of every estimator to a loss; return it and the terms by name.

        If the gradient of a term is that of another value, as estimators say in `gradient_of`, the
        terms end with `objective`, the loss with these values: the number that training descends.

        Parameters
        ----------
        clock
            The step, an integer scalar tensor.
        """
        terms: dict[str, Tensor] = {}
        differences: list[Tensor] = []
        for name, estimator in self.estimators.items():
            names, values = self._names[name], estimator(latent)
            for term, value in zip(names, declared(values, names, estimator), strict=True):
                terms[self._labels[name, term]] = value
                if (key := self._keys.get((name, term))) is None:
                    continue
                weighed = self.weighed[key](value, clock)
                loss = loss + weighed
                if (name, term) in self._sources and self.weighed[key].target is None:
                    (source,) = declared(values, (self._sources[name, term],), estimator)
                    differences.append((self.weighed[key](source, clock) - weighed).detach())
        loss = torch.as_tensor(loss, device=latent.z.device)
        if differences:
            terms["objective"] = loss.detach() + torch.stack(differences).sum()
        return loss, terms


def term_labels(names: list[tuple[str, str]]) -> Mapping[tuple[str, str], str]:
    """Name each (estimator, term) for the log, qualified if two estimators have the same term."""
    short = [term for _, term in names]
    return {(e, t): t if short.count(t) == 1 else f"{e}/{t}" for e, t in names}
