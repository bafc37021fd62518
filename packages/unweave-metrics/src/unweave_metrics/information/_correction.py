"""Information without the bias of counting: plug-in information is too high on few rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unweave_metrics._counting import Counts, Labels, PairInformation, pair_information
from unweave_metrics._shared import shared, whole_of

CORRECTIONS = ("none", "miller-madow", "shuffle", "extrapolate")

# Shuffles whose mean is the baseline: its error is then a fifth of one table's own.
SHUFFLES = 20

# The parabola through the information of n, n / 2 and n / 4 rows, at 1/n = 0.
WHOLE, HALVES, QUARTERS = 8 / 3, -2.0, 1 / 3


def corrected_information(
    a: Labels, b: Labels, correction: str, seed: int, weights: Counts | None = None
) -> PairInformation:
    """Count every pair of columns, less the bias of counting.

    ``"none"``: plug-in. ``"miller-madow"``: each entropy of m occupied cells is raised by (m - 1) /
    (2 n). ``"shuffle"``: the mean information of 20 tables whose rows were shuffled against each
    other is taken away; right where there is little information, too much where there is a lot.
    ``"extrapolate"``: the parabola in 1/n through n, n/2 and n/4 rows, at 1/n = 0. Corrected
    information may come out below 0.

    Parameters
    ----------
    a, b
        Class numbers, shapes (d, n) and (k, n).
    correction
        One of the four.
    seed
        Seed of the shuffles and the splits.
    weights
        How often each row counts, shape (n,).

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
    """Count all columns, whichever of them are asked for."""
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
        shuffled = [
            pair_information(a, b[:, rng.permutation(b.shape[1])]).mutual_information
            for _ in range(SHUFFLES)
        ]
        return replace(plain, mutual_information=plain.mutual_information - np.mean(shuffled, 0))
    return _extrapolated(plain, a, b, rng.permutation(a.shape[1]))


def _miller_madow(plain: PairInformation) -> PairInformation:
    """Raise every entropy by half its occupied cells less one, over the rows."""
    joint = plain.entropy_a[:, None] + plain.entropy_b - plain.mutual_information
    joint, first, second = (
        entropy + (cells - 1) / (2 * plain.rows)
        for entropy, cells in (
            (joint, plain.occupied),
            (plain.entropy_a, plain.occupied_a),
            (plain.entropy_b, plain.occupied_b),
        )
    )
    information = first[:, None] + second - joint
    return replace(plain, mutual_information=information, entropy_a=first, entropy_b=second)


def _extrapolated(plain: PairInformation, a: Labels, b: Labels, order: Counts) -> PairInformation:
    """Return information and entropies at 1/n = 0."""
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
