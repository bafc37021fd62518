"""Z-max variance: whether the code that varies most predicts which factor varies."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair, check_several
from unweave_metrics._binning import factor_labels
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.votes import Votes
from unweave_metrics.interventions._groups import group_rest
from unweave_metrics.interventions._votes import NO_CODE, vote_score
from unweave_metrics.interventions.z_min_var import vote_settings
from unweave_metrics.score import Score


@metric(
    "code that varies most when only one factor varies",
    interval=Votes(),
    bounds=ANY,
    family="z_min_var",
    undefined=NO_CODE,
    cost="O(votes batch d)",
    rewards="a code that moves when only one factor varies",
    misses="needs rows that share all other factors",
    with_rows=("The score is low for any codes until many rows share all other factors."),
)
def z_max_var(
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
    """Compute Z-max variance: whether the code that varies most predicts which factor varies.

    One vote: draw a random factor, fix all the others at values that at least two rows share, and
    take the code with the largest Var_batch(z_i) / Var(z_i); then as `z_min_var`. Range about 0 to
    1, best 1. If few rows share all other factors, the score is low for any codes.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    bins
        Number of bins for measurements; by default 3.
    preset, train_votes, eval_votes, batch_size, variance_samples, prune_std, bin_factors, rescale,
    factor_kinds, seed
        As for `z_min_var`.

    Returns
    -------
    Score, with the parts of `factor_vae`.

    Raises
    ------
    ValueError
        As for `z_min_var`, and for a factor such that no two rows share all the others.

    References
    ----------
    M. Kim, Y. Wang, P. Sahu, V. Pavlovic, "Relevance factor VAE", 2019, sect. 5; on given rows as
    M.-A. Carbonneau et al., 2022.

    Examples
    --------
    >>> import numpy as np
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> float(z_max_var(factors + 0.0, factors))
    1.0
    """
    arguments = {
        "train_votes": train_votes, "eval_votes": eval_votes, "batch_size": batch_size,
        "variance_samples": variance_samples, "prune_std": prune_std,
        "bins": 3 if bins is None else bins, "bin_factors": bin_factors, "rescale": rescale,
    }  # fmt: skip
    settings = vote_settings(preset, arguments, seed) | {"most": True}
    z, y = check_pair(codes, factors)
    check_several(y.shape[1], "factors", "z_max_var")
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, settings["bins"], settings["bin_factors"], "unit")
    return vote_score("z_max_var", z, group_rest(labels), settings, kinds)
