"""Intervals of means over images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from unweave_metrics.intervals.strategy import Call, Replicates, Strategy


@dataclass(frozen=True, kw_only=True)
class Images(Strategy):
    """Draw images with replacement, each with its own score."""

    method: str = "centred"
    over = "images"

    def replicates(
        self, calls: Sequence[Call], counts: Sequence[int], seed: int, jobs: int
    ) -> Replicates:
        """Return the mean score of the images of each resample."""
        means = []
        for call, count in zip(calls, counts, strict=True):
            each, rng = call.score.parts["per_image"], np.random.default_rng(seed)
            draws = (each[rng.integers(0, len(each), len(each))].mean() for _ in range(count))
            means.append(np.fromiter(draws, np.float64, count))
        return means
