"""DMIG: the information gap of factors that depend on each other."""

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
    "information gap of dependent factors",
    interval=Rows(covers=SAME_BINS, seconds=1.0),
    bounds=ANY,
    family="information",
    cost="O(n (d + k) k)",
    rewards="as MIG; allows for dependent factors",
    misses="factors that follow from another (left out)",
    with_rows="As for mig: the information of the next code is overestimated.",
)
def dmig(
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
    """Compute DMIG, the dependency-aware information gap.

    Factor k has code a (`assigned`), and b is the other code with most information about it. DMIG =
    mean_k [I(z_a; y_k) - I(z_b; y_k)] / H_k. If b is the code of another factor l, it may have
    information about k because the factors are dependent; then H_k = H(y_k | y_l), and otherwise
    H_k = H(y_k). Best 1; the term of k is below 0 if code b has more information. A factor that is
    a function of y_l (H_k = 0) is left out of the mean.

    Parameters
    ----------
    codes : float array, shape (n, d), d at least k and at least 2
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
        For fewer codes than factors, a wrong assignment, and as for `mig`.

    References
    ----------
    K. N. Watcharasupat, A. Lerch, "Evaluation of latent space disentanglement in the presence of
    interdependent attributes", 2021.

    Examples
    --------
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(1000, 2))
    >>> codes = np.column_stack([factors, factors[::-1, 0]]) + 0.0
    >>> float(dmig(codes, factors)) > 0.95
    True
    """
    table = dependency(
        codes, factors, assigned, factor_kinds, preset=preset, estimator=estimator, bins=bins,
        binning=binning, bin_factors=bin_factors, samples=samples, seed=seed,
    )  # fmt: skip
    check_several(len(table.information), "codes", "dmig")
    owner = {int(code): factor for factor, code in enumerate(table.assigned)}
    per_factor = np.empty(len(owner))
    for k, a in enumerate(table.assigned):
        b = next_best(table.information[:, k], a)
        other = owner.get(b)
        rest = table.entropy[k] if other is None else table.conditional(k, other)
        per_factor[k] = ratio(table.information[a, k] - table.information[b, k], rest)
    parts = {"per_factor": per_factor} | table.parts
    value = finite_mean(per_factor)
    return Score(value, name="dmig", parts=parts, settings=table.settings, notes=table.notes)
