"""Groups of rows that share the value of a factor, or the values of all other factors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from unweave_metrics._arrays import Array
from unweave_metrics._compiled import Kernel
from unweave_metrics._shared import shared

Rows = NDArray[np.int64]
Numbers = NDArray[np.int32]

MOST_NUMBER = int(np.iinfo(np.int64).max)


@dataclass(frozen=True)
class Groups:
    """Rows in groups, once for each factor.

    `labels` (k, n) is the group of each row, `order` (k, n) are the rows sorted by group, `starts`
    (k, groups + 1) is the index in `order` at which each group begins (padded with n), `choices`
    (k, groups) are the groups of at least two rows, and `choosable` (k,) is their number.
    """

    labels: Numbers
    order: Numbers
    starts: Rows
    choices: Rows
    choosable: Rows


@shared
def make_groups(labels: Array) -> Groups:
    """Group rows by the class (k, n) of each factor."""
    k, n = labels.shape
    most = int(labels.max()) + 1
    order = np.empty((k, n), dtype=np.int32)
    starts = np.full((k, most + 1), n, dtype=np.int64)
    choices = np.zeros((k, most), dtype=np.int64)
    choosable = np.zeros(k, dtype=np.int64)
    for i in range(k):
        order[i] = np.argsort(labels[i], kind="stable")
        counts = np.bincount(labels[i])
        starts[i, : len(counts) + 1] = np.concatenate([[0], np.cumsum(counts)])
        several = np.flatnonzero(counts > 1)
        choices[i, : len(several)], choosable[i] = several, len(several)
    return Groups(labels.astype(np.int32), order, starts, choices, choosable)


def group_rest(labels: Array) -> Groups:
    """Group rows, for each factor, by the classes (k, n) of all other factors together."""
    groups = np.empty(labels.shape, dtype=np.int64)
    for k in range(len(labels)):
        mixed = mixed_numbers(np.delete(labels, k, axis=0), labels.shape[1])
        groups[k] = np.unique(mixed, return_inverse=True)[1].reshape(-1)
    return make_groups(groups)


def mixed_numbers(labels: Array, n: int) -> Rows:
    """Return one number (n,) per row for its classes (k, n), ordered by the first factor first.

    With v classes of the last factor, it is v times the number of the other factors plus the class.
    """
    mixed, most = np.zeros(n, dtype=np.int64), 1
    for label in labels:
        size = int(label.max()) + 1
        if most * size > MOST_NUMBER:  # renumber from 0 without gaps, so that it cannot overflow
            mixed = np.unique(mixed, return_inverse=True)[1].reshape(-1)
            most = int(mixed.max()) + 1
        mixed, most = mixed * size + label, most * size
    return mixed


def check_choosable(groups: Groups) -> None:
    """Refuse factors without any group of two rows."""
    if (groups.choosable == 0).any():
        raise ValueError(
            "factors must have two rows with the same value for every column, but there are none "
            f"for column {int(groups.choosable.argmin())}; use more rows or fewer bins"
        )


def draw_batches(
    groups: Groups, batches: int, size: int, rng: Generator, *, by_value: bool = False
) -> tuple[Rows, Rows]:
    """Draw batches of rows that are in one group of a random factor.

    The factor is uniform. The group is that of a random row, and its rows are drawn with
    replacement: on a full grid all other factors are then uniform. With `by_value` the group is
    uniform among those of at least two rows, and a row is drawn again only after all rows of its
    group.

    Returns
    -------
    Factor numbers, shape (batches,), and row numbers, shape (batches, size).

    Raises
    ------
    ValueError
        With `by_value`, for a factor without a group of two rows.
    """
    if by_value:
        check_choosable(groups)
    factor = np.empty(batches, dtype=np.int64)
    rows = np.empty((batches, size), dtype=np.int64)
    _fill_batches(
        groups.labels, groups.order, groups.starts, groups.choices, groups.choosable,
        rng.random((batches, size + 2)), by_value, factor, rows,
    )  # fmt: skip
    return factor, rows


@Kernel
def _fill_batches(labels, order, starts, choices, choosable, uniform, by_value, factor, rows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Turn uniform numbers (batches, size + 2) into a factor, a group and rows."""
    k, n = labels.shape
    deck = np.empty(n, dtype=np.int64)
    for j in range(rows.shape[0]):
        f = int(uniform[j, 0] * k)
        if by_value:
            group = choices[f, int(uniform[j, 1] * choosable[f])]
        else:
            group = labels[f, int(uniform[j, 1] * n)]
        first = starts[f, group]
        count = starts[f, group + 1] - first
        factor[j] = f
        for i in range(count if by_value else 0):
            deck[i] = order[f, first + i]
        for i in range(rows.shape[1]):
            if by_value:  # a partial shuffle of the group, again and again
                place = i % count
                other = place + int(uniform[j, i + 2] * (count - place))
                deck[place], deck[other] = deck[other], deck[place]
                rows[j, i] = deck[place]
            else:
                rows[j, i] = order[f, first + int(uniform[j, i + 2] * count)]


def draw_pairs(
    groups: Groups, batches: int, size: int, rng: Generator, *, by_value: bool = False
) -> tuple[Rows, Rows]:
    """Draw batches of pairs of rows; both rows of a pair are in one group of the batch's factor.

    The first row of a pair is any row, and the second is any row of its group, also the first one.
    With `by_value` the group is uniform among those of at least two rows, and the two rows differ.

    Returns
    -------
    Factor numbers, shape (batches,), and row numbers, shape (batches, size, 2).
    """
    factor = rng.integers(0, len(groups.labels), size=batches)
    if by_value:
        check_choosable(groups)
    rows = np.empty((batches, size, 2), dtype=np.int64)
    _fill_pairs(
        groups.labels, groups.order, groups.starts, groups.choices, groups.choosable,
        factor, rng.random((batches, size, 3)), by_value, rows,
    )  # fmt: skip
    return factor, rows


@Kernel
def _fill_pairs(labels, order, starts, choices, choosable, factor, uniform, by_value, rows):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Turn uniform numbers (batches, size, 3) into pairs of rows."""
    n = labels.shape[1]
    for j in range(rows.shape[0]):
        f = factor[j]
        for i in range(rows.shape[1]):
            if by_value:
                group = choices[f, int(uniform[j, i, 0] * choosable[f])]
            else:
                row = int(uniform[j, i, 1] * n)
                group = labels[f, row]
            first = starts[f, group]
            count = starts[f, group + 1] - first
            if by_value:
                one = int(uniform[j, i, 1] * count)
                # A cyclic step of 1 to count - 1 never returns to the first row.
                two = (one + 1 + int(uniform[j, i, 2] * (count - 1))) % count
                row = order[f, first + one]
            else:
                two = int(uniform[j, i, 2] * count)
            rows[j, i, 0] = row
            rows[j, i, 1] = order[f, first + two]
