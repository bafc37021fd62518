"""Parts that methods with a critic share."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from unweave.method import Term, Weight


def critic_options(width: int, layers: int, lr: float) -> dict[str, Any]:
    """Return options of an estimator's critic: its size, and the learning rate of its Adam.

    Raises
    ------
    ValueError
        If the learning rate is not positive.
    """
    if not (lr > 0 and math.isfinite(lr)):
        raise ValueError(f"critic_lr must be a positive number, got {lr}")
    return {"width": width, "layers": layers, "lr": lr}


def critic_total_correlation(
    weight: Weight, critic: Mapping[str, Any], *, standardized: bool
) -> Term:
    """Return the total correlation by the density-ratio trick, with one critic (Kim, Mnih 2018)."""
    options = {**critic, "dimension_wise": False, "standardized": standardized}
    return Term("density-ratio", {"total_correlation": weight}, options)
