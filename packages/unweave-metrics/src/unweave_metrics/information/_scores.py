"""Compute several information scores from one pass over the rows."""

from __future__ import annotations

from collections.abc import Sequence

from unweave_metrics._arrays import check_choice
from unweave_metrics.catalogue import CATALOGUE
from unweave_metrics.information._table import InformationTable
from unweave_metrics.intervals.recounting import Information
from unweave_metrics.score import Score


def scores_of(table: InformationTable, metrics: Sequence[str] | None = None) -> dict[str, Score]:
    """Compute several information scores from one table.

    Parameters
    ----------
    table
        Result of `information_table`.
    metrics
        Names among ``"mig"``, ``"mig_sup"``, ``"jemmig"``, ``"dcimig"``, ``"modularity"``,
        ``"med"``, ``"minimality"``, ``"sufficiency"`` and ``"precision_area"``; by default all.

    Raises
    ------
    ValueError
        For a name that is not in this list.

    Examples
    --------
    >>> import numpy as np
    >>> from unweave_metrics.information._table import information_table
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> list(scores_of(information_table(factors + 0.0, factors), ["mig", "med"]))
    ['mig', 'med']
    """
    scorers = {
        entry.name: entry.interval.of_table
        for entry in CATALOGUE.values()
        if isinstance(entry.interval, Information) and "factors" in entry.needs
    }
    names = tuple(scorers) if metrics is None else tuple(metrics)
    for name in names:
        check_choice(name, "metrics", tuple(scorers))
    return {name: scorers[name](table) for name in names}
