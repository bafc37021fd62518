"""XMIG: the information gap to codes without a factor."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from unweave_metrics._kinds import Declared
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.information._dependency import Assigned, dependency, finite_mean, ratio
from unweave_metrics.intervals.interval import SAME_BINS
from unweave_metrics.intervals.rows import Rows
from unweave_metrics.score import Score


@metric(
    "information gap to codes without a factor",
    interval=Rows(covers=SAME_BINS, seconds=1.0),
    bounds=ANY,
    family="information",
    cost="O(n (d + k) k)",
    rewards="spare codes without information",
    misses="information in the codes of other factors",
    with_rows="As for mig: the information of spare codes is overestimated.",
)
def xmig(
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
    """Compute XMIG, the dependency-blind information gap.

    Factor k has code a (`assigned`), and b is the code with most information about it among those
    without a factor. XMIG = mean_k [I(z_a; y_k) - I(z_b; y_k)] / H(y_k). Best 1; the term of k is
    below 0 if code b has more information.

    Parameters
    ----------
    codes : float array, shape (n, d), d above k
    factors : integer classes or float values, shape (n, k)
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
        For fewer than k + 1 codes, a wrong assignment, and as for `mig`.

    References
    ----------
    K. N. Watcharasupat, "Controllable music: supervised learning of disentangled representations
    for music generation", 2021.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> codes = np.column_stack([factors, factors[::-1, 0]]) + 0.0
    >>> float(xmig(codes, factors)) > 0.95
    True
    """
    table = dependency(
        codes, factors, assigned, factor_kinds, preset=preset, estimator=estimator, bins=bins,
        binning=binning, bin_factors=bin_factors, samples=samples, seed=seed,
    )  # fmt: skip
    spare = np.setdiff1d(np.arange(len(table.information)), table.assigned)
    if len(spare) == 0:
        raise ValueError(
            f"xmig needs more codes than factors, got {len(table.information)} codes for "
            f"{len(table.assigned)} factors"
        )
    own = table.information[table.assigned, np.arange(len(table.assigned))]
    gaps = own - table.information[spare].max(axis=0)
    per_factor = np.array([ratio(gap, h) for gap, h in zip(gaps, table.entropy, strict=True)])
    parts = {"per_factor": per_factor} | table.parts
    value = finite_mean(per_factor)
    return Score(value, name="xmig", parts=parts, settings=table.settings, notes=table.notes)
