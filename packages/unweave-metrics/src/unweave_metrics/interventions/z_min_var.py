"""Z-min variance: the FactorVAE score with fixed values drawn uniformly, rescaled."""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair, check_positive, check_several
from unweave_metrics._binning import factor_labels
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.votes import Votes
from unweave_metrics.interventions._groups import make_groups
from unweave_metrics.interventions._votes import NO_CODE, vote_score
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score


@metric(
    "FactorVAE score with uniform fixed values",
    interval=Votes(),
    bounds=ANY,
    family="z_min_var",
    undefined=NO_CODE,
    cost="O(votes batch d)",
    rewards="as FactorVAE",
    misses="it saturates",
)
def z_min_var(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    train_votes: int | None = None,
    eval_votes: int | None = None,
    batch_size: int | None = None,
    variance_samples: int | None = None,
    prune_std: float | None = None,
    bins: int | None = None,
    bin_factors: bool | None = None,
    rescale: bool | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute Z-min variance: the FactorVAE score, rescaled, with fixed values drawn uniformly.

    As `factor_vae`, but the fixed value is uniform among values with at least two rows, no row is
    drawn twice before all rows with its value are drawn, and chance is mapped to 0. Range about 0
    to 1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    bin_factors
        Bin every factor into `bins` bins, also classes; measurements are always binned.
    preset, train_votes, eval_votes, batch_size, variance_samples, prune_std, bins, rescale,
    factor_kinds, seed
        As for `factor_vae`.

    Returns
    -------
    Score, with the parts of `factor_vae`.

    Raises
    ------
    ValueError
        As for `factor_vae`, and for a factor of which no two rows share a value, even if no code is
        active.

    References
    ----------
    M.-A. Carbonneau et al., "Measuring disentanglement: a review of metrics", 2022, sect. 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> float(z_min_var(factors + 0.0, factors))
    1.0
    """
    arguments = {
        "train_votes": train_votes, "eval_votes": eval_votes, "batch_size": batch_size,
        "variance_samples": variance_samples, "prune_std": prune_std, "bins": bins,
        "bin_factors": bin_factors, "rescale": rescale,
    }  # fmt: skip
    settings = vote_settings(preset, arguments, seed)
    z, y = check_pair(codes, factors)
    check_several(y.shape[1], "factors", "z_min_var")
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, settings["bins"], settings["bin_factors"], "unit")
    return vote_score("z_min_var", z, make_groups(labels), settings, kinds)


def vote_settings(preset: str | None, arguments: dict[str, Any], seed: int) -> dict[str, Any]:
    """Return the settings of `z_min_var` and `z_max_var` after checks."""
    settings = settings_for("z_min_var", preset, arguments) | {"seed": seed, "by_value": True}
    check_positive(settings["batch_size"], "batch_size", 2)
    return settings
