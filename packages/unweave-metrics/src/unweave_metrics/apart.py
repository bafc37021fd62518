"""Which metrics may be computed in different processes without doing work twice."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, TypeVar, cast

from unweave_metrics.catalogue import entry_for

# A name, or a function.
Metric = TypeVar("Metric")


def apart(metrics: Sequence[Metric]) -> list[list[Metric]]:
    """Part metrics into groups without work in common, each group and all in the given order.

    Scores of one group are resampled together, and share tables and draws. Whether `evaluate`
    computes the groups in one call or each in a call of its own, the numbers are the same.

    Examples
    --------
    >>> apart(["mig", "factor_vae", "jemmig", "sap"])
    [['mig', 'jemmig'], ['factor_vae'], ['sap']]
    """
    groups: dict[Hashable, list[Metric]] = {}
    for metric in metrics:
        groups.setdefault(entry_for(cast(Any, metric)).interval.group, []).append(metric)
    return list(groups.values())
