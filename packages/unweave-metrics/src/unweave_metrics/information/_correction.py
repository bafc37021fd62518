"""Correct the bias of plug-in information, which is too high on few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unweave_metrics._counting import Counts, Labels, PairInformation, pair_information
from unweave_metrics._shared import shared, whole_of

CORRECTIONS = ("none", "miller-madow", "shuffle", "extrapolate")

# Number of shuffles whose mean is the baseline: its standard error is then a fifth of the standard
# deviation of one table.
SHUFFLES = 20

# Weights of the information of n, n / 2 and n / 4 rows in their parabola at 1/n = 0.
WHOLE, HALVES, QUARTERS = 8 / 3, -2.0, 1 / 3


def corrected_information(
    a: Labels, b: Labels, correction: str, seed: int, weights: Counts | None = None
) -> PairInformation:
    """Return the plug-in information of every pair of columns, with a correction of its bias.

    ``"none"``: plug-in. ``"miller-madow"``: each entropy of m occupied cells is raised by (m - 1) /
    (2 n). ``"shuffle"``: minus the mean information of 20 tables in which the rows of b are
    shuffled; correct where there is little information, too strong where there is much.
    ``"extrapolate"``: the parabola in 1/n through n, n/2 and n/4 rows, at 1/n = 0. Information may
    be below 0 after a correction.

    Parameters
    ----------
    a, b
        Class numbers, shapes (d, n) and (k, n).
    correction
        One of the four words.
    seed
        Seed of the shuffles and the splits.
    weights
        Weight of each row, shape (n,); by default 1.

    References
    ----------
    G. A. Miller, "Note on the bias of information estimates", 1955; S. P. Strong et al., "Entropy
    and information in neural spike trains", 1998.
    """
    origin = whole_of(a)
    if origin is None:
        return _corrected(a, b, correction, seed, weights)
    whole, columns = origin
    others = columns if b is a else np.arange(len(b))
    return _corrected(whole, whole if b is a else b, correction, seed, weights).part(
        columns, others
    )


@shared
def _corrected(
    a: Labels, b: Labels, correction: str, seed: int, weights: Counts | None
) -> PairInformation:
    """Correct all columns of whole tables, which subsets of the columns share."""
    plain = pair_information(a, b, weights)
    if correction == "none":
        return plain
    if correction == "miller-madow":
        return _miller_madow(plain)
    if weights is not None:
        rows = np.repeat(np.arange(a.shape[1]), weights)
        a, b = a[:, rows], b[:, rows]
    rng = np.random.default_rng(seed)
    if correction == "shuffle":
        baselines = [
            pair_information(a, b[:, rng.permutation(b.shape[1])]).mutual_information
            for _ in range(SHUFFLES)
        ]
        return replace(plain, mutual_information=plain.mutual_information - np.mean(baselines, 0))
    return _extrapolated(plain, a, b, rng.permutation(a.shape[1]))


def _miller_madow(plain: PairInformation) -> PairInformation:
    """Raise every entropy by (m - 1) / (2 n), where m is its number of occupied cells."""
    joint = plain.entropy_a[:, None] + plain.entropy_b - plain.mutual_information
    joint, first, second = (
        entropy + (cells - 1) / (2 * plain.rows)
        for entropy, cells in (
            (joint, plain.cells),
            (plain.entropy_a, plain.cells_a),
            (plain.entropy_b, plain.cells_b),
        )
    )
    information = first[:, None] + second - joint
    return replace(plain, mutual_information=information, entropy_a=first, entropy_b=second)


def _extrapolated(plain: PairInformation, a: Labels, b: Labels, order: Counts) -> PairInformation:
    """Extrapolate information and entropies to 1/n = 0."""
    parts = {
        count: [pair_information(a[:, rows], b[:, rows]) for rows in np.array_split(order, count)]
        for count in (2, 4)
    }
    values = {}
    for name in ("mutual_information", "entropy_a", "entropy_b"):
        halves, quarters = (
            np.mean([getattr(part, name) for part in parts[count]], axis=0) for count in (2, 4)
        )
        values[name] = WHOLE * getattr(plain, name) + HALVES * halves + QUARTERS * quarters
    return replace(plain, **values)
