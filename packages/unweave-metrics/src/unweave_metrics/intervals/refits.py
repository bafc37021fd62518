"""Intervals from models fitted anew to part of the rows."""

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
    """Models fitted anew to part of the train rows, and scored on part of the test rows.

    A refit is reckoned to take `seconds` per million of (rows x codes + 10,000) x classes, the
    classes summed over factors. That depends on the arrays alone: intervals are the same anywhere.
    """

    @property
    def slowness(self) -> float:
        """Return the seconds of a model of ten classes."""
        return 10 * self.seconds

    def reckoned(self, call: Call) -> float:
        """Return the seconds that one refit is reckoned to take."""
        settings, codes = call.score.settings, call.arrays["codes"]
        slower = slowness(settings.get("predictor", ""))
        rows = settings.get("rows", len(codes)) * SHARE
        classes = sum(
            min(len(np.unique(column)), MOST_CLASSES) for column in call.arrays["factors"].T
        )
        return float(self.seconds * slower * (rows * codes.shape[1] + 1e4) * classes / 1e6)

    def prepared(self, call: Call, seed: int) -> dict[str, Any]:
        """Return train and test rows as the metric splits them, where it does."""
        settings, arrays = call.score.settings, dict(call.arrays)
        if "test_rows" not in settings or settings.get("evaluate_on") == "train":
            return super().prepared(call, seed)
        split = train_and_test(
            arrays["codes"], arrays["factors"], arrays.get("test_codes"),
            arrays.get("test_factors"), settings, settings["factor_kinds"],
        )  # fmt: skip
        return {"codes": split.z, "factors": split.y,
                "test_codes": split.z_test, "test_factors": split.y_test}  # fmt: skip


# How much slower than a metric's usual predictor others are; a caller's own is taken to be as slow
# as the slowest.
SLOWER = {"random-forest": 3, "gradient-boosting": 50, "forest-regression": 50, "tree": 300}


MOST_CLASSES = 100


def slowness(predictor: Any) -> float:
    """Return how much slower a predictor is than the usual one."""
    return SLOWER.get(predictor, 1) if isinstance(predictor, str) else max(SLOWER.values())
