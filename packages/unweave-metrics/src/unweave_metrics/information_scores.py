"""All information scores from one histogram pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unweave_metrics.arrays import check_choice
from unweave_metrics.dcimig import dcimig_of
from unweave_metrics.information import InformationTable
from unweave_metrics.jemmig import jemmig_of
from unweave_metrics.mig import mig_of
from unweave_metrics.mig_sup import mig_sup_of
from unweave_metrics.modularity import modularity_of
from unweave_metrics.score import Score

FROM_TABLE: dict[str, Callable[..., Score]] = {
    "mig": mig_of,
    "mig_sup": mig_sup_of,
    "jemmig": jemmig_of,
    "dcimig": dcimig_of,
    "modularity": modularity_of,
}


def scores_of(table: InformationTable, metrics: Sequence[str] | None = None) -> dict[str, Score]:
    """Compute several information scores from one table.

    Parameters
    ----------
    table : what `information_table` gave
    metrics : of ``"mig"``, ``"mig_sup"``, ``"jemmig"``, ``"dcimig"``, ``"modularity"``; all unless
        given

    Raises
    ------
    ValueError: a name that is none of these.

    Examples
    --------
    >>> import numpy as np
    >>> from unweave_metrics.information import information_table
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> sorted(scores_of(information_table(factors + 0.0, factors)))
    ['dcimig', 'jemmig', 'mig', 'mig_sup', 'modularity']
    """
    wanted = tuple(FROM_TABLE) if metrics is None else tuple(metrics)
    for name in wanted:
        check_choice(name, "metrics", tuple(FROM_TABLE))
    return {name: FROM_TABLE[name](table) for name in wanted}
