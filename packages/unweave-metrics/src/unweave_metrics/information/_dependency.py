"""Information for the gaps of dependent factors, each of which has one code assigned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair
from unweave_metrics._counting import Counts, Floats, pair_information
from unweave_metrics._kinds import Declared
from unweave_metrics._sampling import subsample
from unweave_metrics.information._table import information_table, neighbor_information

Assigned = str | Sequence[int]


@dataclass(frozen=True)
class Dependency:
    """Information of codes about factors (d, k) and between factors (k, k), in nats.

    `entropy` (k,) is that of the factors, and `assigned` (k,) is the code of each factor.
    """

    information: Floats
    between: Floats
    entropy: Floats
    assigned: Counts
    settings: dict[str, Any]
    notes: tuple[str, ...]

    def conditional(self, of: int, condition: int) -> float:
        """Return H(y_of | y_condition), in nats."""
        return float(self.entropy[of] - self.between[of, condition])

    @property
    def parts(self) -> dict[str, Any]:
        """Return the parts that all these scores have."""
        return {
            "assigned_code": self.assigned,
            "mutual_information": self.information,
            "factor_information": self.between,
            "factor_entropy": self.entropy,
        }


def dependency(
    codes: ArrayLike,
    factors: ArrayLike,
    assigned: Assigned,
    factor_kinds: Declared,
    **settings: Any,
) -> Dependency:
    """Estimate the information between codes and factors, and between factors."""
    table = information_table(codes, factors, factor_kinds=factor_kinds, **settings)
    between = pair_information(table.factors, table.factors)
    if table.settings["estimator"] == "neighbors":
        z, y = check_pair(codes, factors)
        _, y = subsample(z, y, table.settings["samples"], settings["seed"])
        measured = [word == "measurement" for word in table.settings["factor_kinds"]]
        between = neighbor_information(y, y, measured, between)
    information = table.pairs.mutual_information
    own = assigned_codes(assigned, information)
    record = table.settings | {"assigned": own.tolist()}
    return Dependency(
        information, between.mutual_information, table.pairs.entropy_b, own, record, table.notes
    )


def assigned_codes(assigned: Assigned, information: Floats) -> Counts:
    """Return the code of each factor (k,): a list, their order, or the best one-to-one matching."""
    d, k = information.shape
    if d < k:
        raise ValueError(f"codes must have at least one column per factor ({k}), got {d}")
    if isinstance(assigned, str):
        if assigned == "order":
            return np.arange(k)
        if assigned == "match":
            return _match(information)
        raise ValueError(
            f"assigned must be 'match', 'order' or a list of {k} columns, got {assigned!r:.80}"
        )
    own = np.asarray(assigned)
    if own.shape != (k,) or own.dtype.kind not in "iu" or len(set(own.tolist())) < k:
        raise ValueError(
            f"assigned must hold {k} different column numbers of codes, got {assigned!r:.80}"
        )
    if own.min() < 0 or own.max() >= d:
        raise ValueError(
            f"assigned must hold column numbers from 0 to {d - 1}, got {own.tolist()!r:.80}"
        )
    return own.astype(np.int64)


def _match(information: Floats) -> Counts:
    """Return the code of each factor in the one-to-one matching with most information in total."""
    from scipy.optimize import linear_sum_assignment

    codes, factors = linear_sum_assignment(-information)
    own = np.zeros(information.shape[1], np.int64)
    own[factors] = codes
    return own


def next_best(values: Floats, own: int) -> int:
    """Return the index of the largest value except that at `own`."""
    others = np.array(values, dtype=np.float64)
    others[own] = -np.inf
    return int(others.argmax())


def ratio(gap: float, entropy: float) -> float:
    """Return a gap over an entropy, or NaN if the entropy is 0."""
    # An entropy below this is a rounding error, as in `_counting`.
    return gap / entropy if entropy > 1e-12 else float("nan")


def finite_mean(values: Floats) -> float:
    """Return the mean of the finite values; refuse factors that all follow from other factors."""
    finite = values[np.isfinite(values)]
    if len(finite) == 0:
        raise ValueError(
            "at least one factor must not be a function of another factor, but all are; drop the "
            "columns that repeat another"
        )
    return float(finite.mean())
