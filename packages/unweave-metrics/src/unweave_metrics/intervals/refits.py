"""Intervals from models that are fitted again to part of the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from unweave_metrics.intervals.draws import SHARE
from unweave_metrics.intervals.rows import Subsets
from unweave_metrics.intervals.strategy import Call
from unweave_metrics.predictors._split import train_and_test


@dataclass(frozen=True, kw_only=True)
class Refits(Subsets):
    """Fit models again to part of the train rows, and score them on part of the test rows.

    The estimated time of a refit is `seconds` per million of (rows x codes + 10,000) x classes,
    where the classes are summed over the factors. It depends only on the arrays and settings, so
    that intervals are the same on every machine.
    """

    @property
    def slowness(self) -> float:
        """Return the estimated time of a model with ten classes."""
        return 10 * self.seconds

    def expected_seconds(self, call: Call) -> float:
        """Return the estimated time of one refit."""
        settings, codes = call.score.settings, call.arrays["codes"]
        slower = slowness(settings.get("predictor", ""))
        rows = settings.get("rows", len(codes)) * SHARE
        classes = sum(
            min(len(np.unique(column)), MOST_CLASSES) for column in call.arrays["factors"].T
        )
        return float(self.seconds * slower * (rows * codes.shape[1] + 1e4) * classes / 1e6)

    def arrays_of(self, call: Call, seed: int) -> dict[str, Any]:
        """Return the train and test rows of the metric's split, or all rows if it has none."""
        settings, arrays = call.score.settings, dict(call.arrays)
        if "test_rows" not in settings or settings.get("evaluate_on") == "train":
            return super().arrays_of(call, seed)
        split = train_and_test(
            arrays["codes"], arrays["factors"], arrays.get("test_codes"),
            arrays.get("test_factors"), settings, settings["factor_kinds"],
        )  # fmt: skip
        return {"codes": split.z, "factors": split.y,
                "test_codes": split.z_test, "test_factors": split.y_test}  # fmt: skip


# How much slower other predictors are than the usual one of a metric. A predictor that is an object
# of the caller is assumed to be as slow as the slowest.
SLOWER = {"random-forest": 3, "gradient-boosting": 50, "forest-regression": 50, "tree": 300}


MOST_CLASSES = 100


def slowness(predictor: Any) -> float:
    """Return how much slower a predictor is than the usual one."""
    return SLOWER.get(predictor, 1) if isinstance(predictor, str) else max(SLOWER.values())
