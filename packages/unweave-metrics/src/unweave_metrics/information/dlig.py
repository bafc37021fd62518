"""DLIG: the information gap of a code between dependent factors."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_several
from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.information._dependency import (
    Assigned,
    dependency,
    finite_mean,
    next_best,
    ratio,
)
from unweave_metrics.intervals.interval import SAME_BINS
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score


@metric(
    "information gap between dependent factors, per code",
    interval=Rows(covers=SAME_BINS, seconds=1.0),
    bounds=ANY,
    family="information",
    cost="O(n (d + k) k)",
    rewards="as MIG-sup; allows for dependent factors",
    misses="codes without a factor",
    with_rows="As for mig_sup: few rows lower the score.",
)
def dlig(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    assigned: Assigned = "match",
    preset: str | None = None,
    estimator: str | None = None,
    bins: int | None = None,
    binning: str | None = None,
    bin_factors: bool | None = None,
    samples: int | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute DLIG, the dependency-aware latent information gap.

    Factor k has code a (`assigned`), and l is the other factor about which this code has most
    information. DLIG = mean_k [I(z_a; y_k) - I(z_a; y_l)] / H(y_k | y_l). Best 1; the term of k is
    below 0 if code a has more information about factor l. A factor that is a function of y_l is
    left out of the mean.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least k
    factors : integer classes or float values, shape (n, k), k at least 2
    assigned
        The code of each factor. ``"match"``: one to one, with the largest total information;
        ``"order"``: code k for factor k, as in supervised models; or a list of k columns of codes.
    preset, estimator, bins, binning, bin_factors, samples, factor_kinds, seed
        As for `mig`.

    Returns
    -------
    Score, with parts `per_factor` (k,), `assigned_code` (k,), `mutual_information` (d, k) and
    `factor_information` (k, k) in nats, `factor_entropy` (k,).

    Raises
    ------
    ValueError
        For a single factor, fewer codes than factors, a wrong assignment, and as for `mig`.

    References
    ----------
    K. N. Watcharasupat, "Controllable music: supervised learning of disentangled representations
    for music generation", 2021.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> codes = np.column_stack([factors, factors[::-1, 0]]) + 0.0
    >>> float(dlig(codes, factors)) > 0.95
    True
    """
    table = dependency(
        codes, factors, assigned, factor_kinds, preset=preset, estimator=estimator, bins=bins,
        binning=binning, bin_factors=bin_factors, samples=samples, seed=seed,
    )  # fmt: skip
    check_several(len(table.entropy), "factors", "dlig")
    per_factor = np.empty(len(table.assigned))
    for k, a in enumerate(table.assigned):
        other = next_best(table.information[a], k)
        gap = table.information[a, k] - table.information[a, other]
        per_factor[k] = ratio(gap, table.conditional(k, other))
    parts = {"per_factor": per_factor} | table.parts
    value = finite_mean(per_factor)
    return Score(value, name="dlig", parts=parts, settings=table.settings, notes=table.notes)
