"""RMIG: the information gap of whole posteriors instead of their means."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import Array, as_array, check_finite, check_pair, check_several
from unweave_metrics._binning import factor_labels
from unweave_metrics._compiled import Kernel
from unweave_metrics._counting import Floats
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics.catalogue import UPWARD, metric
from unweave_metrics.information._table import top_two
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score


@metric(
    "mutual information gap of posteriors (nats)",
    interval=Rows(seconds=5.0),
    bounds=UPWARD,
    family="rmig",
    cost="O(n d bins)",
    rewards="as MIG, with the spread of the posterior",
    misses="mass outside the range",
)
def rmig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    std: ArrayLike | None = None,
    preset: str | None = None,
    bins: int | None = None,
    low: float | None = None,
    high: float | None = None,
    normalize: bool | None = None,
    factor_kinds: Declared = None,
) -> Score:
    """Compute RMIG, the robust mutual information gap, from posteriors N(codes, std^2).

    RMIG = mean_k [I(z_a; y_k) - I(z_b; y_k)], where a and b are the codes with most information,
    and q(z_i, y_k) is the mass of the rows' posteriors in `bins` equal bins of [low, high],
    normalised over this range. In nats, range 0 to the mean of H(y_k); with `normalize` each gap is
    divided by H(y_k), range 0 to 1. Higher is better. O(n d bins) time.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least 2: posterior means
    factors : integer classes or float values, shape (n, k)
    std
        Posterior standard deviations, shape (n, d); without them each row is a point.
    bins
        Number of bins; by default 100.
    low, high
        Range of the bins; by default -4 to 4, almost all of a standard normal prior.
    normalize
        Divide by the entropy of the factor.
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    preset
        Name of a preset.

    Returns
    -------
    Score, with parts `per_factor` (k,), `mutual_information` (d, k) and `factor_entropy` (k,) in
    nats.

    Raises
    ------
    ValueError
        For fewer than two codes, `std` of another shape or not positive, a constant factor.

    References
    ----------
    K. Do, T. Tran, "Theory and evaluation metrics for learning disentangled representations", 2020,
    sect. 4.1.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 2, size=(1000, 2))
    >>> std = np.full((1000, 2), 0.1)
    >>> round(float(rmig(factors * 2.0 - 1, factors, std=std, normalize=True)), 2)
    1.0
    """
    arguments = {"bins": bins, "low": low, "high": high, "normalize": normalize}
    settings = settings_for("rmig", preset, arguments)
    z, y = check_pair(codes, factors)
    check_several(z.shape[1], "codes", "rmig")
    _check_range(settings["low"], settings["high"], settings["bins"])
    deviations = _check_std(std, z)
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, settings["factor_bins"])
    information, entropy = _information(z, deviations, labels, settings)
    first, second = top_two(information)
    gaps = (first - second) / (entropy if settings["normalize"] else 1.0)
    parts = {"per_factor": gaps, "mutual_information": information, "factor_entropy": entropy}
    settings |= {"posterior": "gaussian" if std is not None else "points", "rows": len(z)}
    settings |= {"factor_kinds": kinds.words}
    return Score(gaps.mean(), name="rmig", parts=parts, settings=settings, notes=kinds.notes)


def _check_range(low: float, high: float, bins: int) -> None:
    """Refuse a range that is too narrow for its number of bins."""
    if not high > low:
        raise ValueError(f"high must be above low, got {high} and {low}")
    if not (np.diff(np.linspace(low, high, bins + 1)) > 0).all():
        raise ValueError(
            f"high - low must be large enough for {bins} different bins, got {high} and {low}"
        )


def _check_std(std: ArrayLike | None, z: Array) -> Floats:
    """Return standard deviations as (n, d) floats, zeros for points."""
    if std is None:
        return np.zeros(z.shape)
    deviations = as_array(std, "std")
    if deviations.shape != z.shape:
        raise ValueError(f"std must have the shape of codes, {z.shape}, got {deviations.shape}")
    check_finite(deviations, "std")
    if not (deviations > 0).all():
        raise ValueError(f"std must be positive, got {deviations.min()} as its smallest value")
    return deviations.astype(np.float64)


def _information(
    z: Array, deviations: Floats, labels: Array, settings: dict[str, Any]
) -> tuple[Floats, Floats]:
    """Return I(z_i; y_k) (d, k) and H(y_k) (k,) in nats, from the posterior mass per bin."""
    classes = int(labels.max()) + 1
    edges = np.linspace(settings["low"], settings["high"], settings["bins"] + 1)
    counts = np.zeros((z.shape[1], len(labels), settings["bins"], classes))
    _add_mass(
        np.array(z, dtype=np.float64, order="C"),
        np.ascontiguousarray(deviations),
        labels,
        edges,
        counts,
    )
    mass = counts / len(z)
    joint = _entropy(mass.reshape(*mass.shape[:2], -1))
    code, factor = _entropy(mass.sum(axis=3)), _entropy(mass.sum(axis=2))
    return np.maximum(code + factor - joint, 0.0), factor[0]


def _entropy(mass: Floats) -> Floats:
    """Return the entropy of probabilities along the last axis, in nats."""
    logs = np.log(np.where(mass > 0, mass, 1.0))
    return np.asarray(-(mass * logs).sum(axis=-1))


@Kernel
def _add_mass(z, deviations, labels, edges, counts):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
    """Add the mass of each row to counts (d, k, bins, classes); a point has its nearest bin."""
    bins = edges.size - 1
    mass = np.zeros(bins)
    for j in range(z.shape[0]):
        for i in range(z.shape[1]):
            width = deviations[j, i] * np.sqrt(2.0)
            total = 0.0
            if width > 0:
                below = math.erf((edges[0] - z[j, i]) / width)
                for b in range(bins):
                    above = math.erf((edges[b + 1] - z[j, i]) / width)
                    mass[b] = above - below
                    total += mass[b]
                    below = above
            if total <= 0:  # a point, or a posterior outside the range
                near = min(max(z[j, i], edges[0]), edges[bins])
                place = min(int((near - edges[0]) / (edges[1] - edges[0])), bins - 1)
                for k in range(labels.shape[0]):
                    counts[i, k, place, labels[k, j]] += 1.0
                continue
            for k in range(labels.shape[0]):
                y = labels[k, j]
                for b in range(bins):
                    counts[i, k, b, y] += mass[b] / total
