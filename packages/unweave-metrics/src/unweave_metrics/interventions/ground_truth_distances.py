"""Ground-truth distances: whether distances of codes agree with distances of factors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, check_choice
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared
from unweave_metrics._scaling import shifted
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.strategy import Whole
from unweave_metrics.interventions._distance_ranks import correlations
from unweave_metrics.interventions._groups import Rows
from unweave_metrics.interventions._traversals import (
    MEANS,
    NORMS,
    Table,
    mean_of_factors,
    pair_distances,
    table_of,
)
from unweave_metrics.score import Score

RELATIONS = ("rank", "linear", "order")
PAIRS = ("traversals", "rows")

# The published program draws triplets from this many rows at a time, so one in this many pairs is a
# row with itself.
SUBSET = 32

# Most pairs and most triplets of values of all traversals of a factor: 1 GB, and about ten seconds.
MOST_PAIRS, MOST_TRIPLES = 2**26, 2**33


@metric(
    "agreement of distances between codes with distances between factors",
    interval=Whole(),
    bounds=(-1.0, 1.0),
    cost="O(n k v (d + v + log n))",
    rewards="distances of codes that grow with the number of steps between their factors",
    misses=(
        "rotations, and whether factors share a code; values of factors without an order, such as "
        "shapes, or with cyclic values, such as angles, count as points on a line; a value is also "
        "paired with itself, so noise scores far above 0, unless self_pairs=False"
    ),
    with_rows="Rows outside of whole traversals change nothing, except with pairs='rows'.",
)
def ground_truth_distances(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    relation: str = "rank",
    norm: str = "l2",
    pairs: str = "traversals",
    self_pairs: bool = True,
    mean: str = "geometric",
    tolerance: float = 1e-6,
    triplets: int = 100_000,
    bins: int = 10,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute how distances between codes agree with distances between factors.

    The distance between two values of a factor is the number of steps between them; distances of
    several factors are added. Over pairs of rows, the score is the rank correlation (Spearman) or
    the linear correlation of the two distances. Over triplets a, p, n of rows, it is how often the
    distances from a to p and from a to n have the same order, ties included. Each is computed for
    all pairs of values in a factor's whole traversals (v rows that share all other factors)
    together, then averaged over factors. If all distances are equal, a correlation is 0. Range -1
    to 1, order 0 to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), with whole traversals of each factor
    relation
        ``"rank"``, ``"linear"`` or ``"order"``: which of the three is the score.
    norm
        ``"l1"`` or ``"l2"``, of differences of codes.
    pairs
        ``"traversals"``, or ``"rows"`` for any rows of the table, drawn by `seed`, which need no
        whole traversals.
    self_pairs
        Pair values with themselves too, as in draws with replacement; with ``"rows"``, one in
        32. False leaves such pairs out.
    mean
        ``"geometric"`` or ``"arithmetic"``, over factors.
    tolerance
        Distances of codes that differ by at most this share of the largest are ties; with 0,
        rounding breaks ties.
    triplets
        Number of triplets drawn with ``pairs="rows"``, of two pairs each.
    bins
        Number of bins for measurements.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of every draw.

    Returns
    -------
    Score, with parts `rank`, `linear` and `order`; of traversals also `per_factor` (k,) of the
    score, `matrix` (k, 3) of the three for each factor, and `traversals` (k,), how many of each
    factor were taken.

    Raises
    ------
    ValueError
        For a constant factor or one without a whole traversal; without self-pairs, a factor of two
        values, or two rows; NaN or infinite values, inconsistent shapes.

    Notes
    -----
    The published program draws triplets from random traversals. Here every pair and triplet of
    values of every whole traversal counts once, which is the limit of its draws. So nothing is
    random, and a grid has no interval. Only for a factor with more than 2^26 pairs or 2^33
    triplets, more than any common data set has, traversals are drawn, and a note says how many.

    References
    ----------
    N. Michlo, R. Klein, S. James, "Overlooked implications of the reconstruction loss for VAE
    disentanglement", 2023; as in the library disent 0.8, `metric_distances`.

    Examples
    --------
    >>> grid = np.stack(np.meshgrid(np.arange(5), np.arange(5)), axis=-1).reshape(-1, 2)
    >>> round(ground_truth_distances(grid + 0.0, grid), 6)
    1.0
    """
    check_choice(relation, "relation", RELATIONS)
    check_choice(norm, "norm", NORMS)
    check_choice(pairs, "pairs", PAIRS)
    check_choice(mean, "mean", MEANS)
    table = table_of(codes, factors, bins, factor_kinds)
    settings = {
        "relation": relation, "norm": norm, "pairs": pairs, "self_pairs": self_pairs, "mean": mean,
        "tolerance": tolerance, "triplets": triplets, "bins": bins, "seed": seed,
        "factor_kinds": table.kinds.words, "rows": len(table.z),
    }  # fmt: skip
    of_pairs = _of_traversals if pairs == "traversals" else _of_rows
    parts, notes = of_pairs(table, settings)
    return Score(
        parts[relation],
        name="ground_truth_distances",
        parts=parts,
        settings=settings,
        notes=(*table.kinds.notes, *notes),
    )


def _of_traversals(table: Table, settings: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the parts and notes for pairs of values in traversals."""
    rng, relations, counts, notes = np.random.default_rng(settings["seed"]), [], [], []
    for k, rows in enumerate(table.traversals()):
        v = rows.shape[1]
        if v == 2 and not settings["self_pairs"]:
            raise ValueError(
                "factors must have at least three values per column with self_pairs=False, got two "
                f"in column {k}; drop that column"
            )
        most = max(1, min(MOST_PAIRS // v**2, MOST_TRIPLES // v**3))
        if len(rows) > most:
            notes.append(
                f"ground_truth_distances: uses {most:,} of {len(rows):,} traversals of column {k}"
            )
            rows = rows[rng.permutation(len(rows))[:most]]
        relations.append(_relations(table.z, rows, settings))
        counts.append(len(rows))
    matrix = np.array(relations)
    means = [mean_of_factors(each, settings["mean"], "ground_truth_distances") for each in matrix.T]
    place = RELATIONS.index(settings["relation"])
    parts: dict[str, Any] = dict(zip(RELATIONS, (value for value, _ in means), strict=True))
    parts |= {"per_factor": matrix[:, place], "matrix": matrix, "traversals": np.array(counts)}
    return parts, [*notes, *means[place][1]]


def _relations(z: Floats, rows: Rows, settings: dict[str, Any]) -> list[float]:
    """Return rank correlation, linear correlation and agreement of order for traversals (t, v)."""
    t, v = rows.shape
    distances, powers = pair_distances(z, rows, settings["norm"])
    if (powers != powers[0]).any():
        distances = shifted(distances, (powers - powers.max())[:, None])
    near = settings["tolerance"] * float(distances.max())
    first, second = np.triu_indices(v, 1)
    same = t * v if settings["self_pairs"] else 0
    count = _count_agreements(distances, v, near, settings["self_pairs"])
    # Twice the count for both orders of p and n; p = n, which is not counted, always agrees.
    order = (2 * count / t + v**2) / v**3 if same else 2 * count / t / (v * (v - 1) * (v - 2))
    both = correlations(second - first, distances.reshape(-1), 2, same, near)
    return [*both, float(order)]


@Kernel
def _count_agreements(distances, v, near, self_pairs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Count the triplets a, p < n whose distances a to p and a to n have the order of the steps."""
    count = 0
    square = np.zeros((v, v))
    for s in range(distances.shape[0]):
        place = 0
        for i in range(v):
            for j in range(i + 1, v):
                square[i, j] = square[j, i] = distances[s, place]
                place += 1
        for a in range(v):
            for n in range(v):
                if n == a and not self_pairs:
                    continue
                for p in range(n):
                    if p == a and not self_pairs:
                        continue
                    step = abs(a - p) - abs(a - n)
                    gap = square[a, p] - square[a, n]
                    if abs(gap) <= near:
                        count += step == 0
                    elif gap < 0:
                        count += step < 0
                    else:
                        count += step > 0
    return count


def _of_rows(table: Table, settings: dict[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the parts for triplets of any rows, and no notes."""
    n, rng = len(table.z), np.random.default_rng(settings["seed"])
    if n < 3 and not settings["self_pairs"]:
        raise ValueError("codes must have at least three rows with self_pairs=False, got two")
    a, p, q = _draw_triplets(n, settings["triplets"], settings["self_pairs"], rng)
    ends = np.concatenate([np.stack([a, p], axis=1), np.stack([a, q], axis=1)])
    distances, powers = pair_distances(table.z, ends, settings["norm"])
    d = shifted(distances[:, 0], powers - powers.max())
    steps = sum(np.abs(np.subtract(*label[ends.T], dtype=np.int64)) for label in table.labels)
    near = settings["tolerance"] * float(d.max())
    (d_p, d_q), (steps_p, steps_q) = d.reshape(2, -1), np.asarray(steps).reshape(2, -1)
    gap = np.where(np.abs(d_p - d_q) <= near, 0.0, d_p - d_q)
    order = (np.sign(gap) == np.sign(steps_p - steps_q)).mean()
    both = correlations(np.asarray(steps), d, 1, 0, near)
    return dict(zip(RELATIONS, [*both, float(order)], strict=True)), []


def _draw_triplets(n: int, count: int, self_pairs: bool, rng: Generator) -> Array:
    """Return rows a, p, q (3, count): as from 32 random rows with replacement, or all different."""
    if self_pairs:
        place, rows = rng.integers(SUBSET, size=(3, count)), rng.integers(n, size=(3, count))
        rows[1] = np.where(place[1] == place[0], rows[0], rows[1])
        rows[2] = np.where(place[2] == place[1], rows[1], rows[2])
        rows[2] = np.where(place[2] == place[0], rows[0], rows[2])
        return rows
    a, p, q = (rng.integers(n - i, size=count) for i in range(3))
    # Cyclic steps from a: 1 to n - 1 for p, and another one for q.
    p, q = p + 1, q + 1
    q += q >= p
    return np.stack([a, (a + p) % n, (a + q) % n])
