"""Z-diff: the beta-VAE score with uniform shared values, convergence and rescaling."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair
from unweave_metrics._binning import factor_labels
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics.catalogue import ANY, metric
from unweave_metrics.intervals.votes import Votes
from unweave_metrics.interventions._groups import make_groups
from unweave_metrics.interventions._points import pair_score
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score


@metric(
    "beta-VAE score with uniform shared values",
    interval=Votes(),
    bounds=ANY,
    family="z_diff",
    cost="O(points batch d)",
    rewards="as beta-VAE",
    misses="it saturates",
)
def z_diff(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    train_points: int | None = None,
    eval_points: int | None = None,
    batch_size: int | None = None,
    bins: int | None = None,
    bin_factors: bool | None = None,
    rescale: bool | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute Z-diff: the beta-VAE score, rescaled, with shared values drawn uniformly.

    As `beta_vae`, but the shared value is uniform among values with at least two rows, the two rows
    of a pair differ, the logistic regression converges, and chance is mapped to 0. Range about 0 to
    1, best 1.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
    bin_factors
        Bin every factor into `bins` bins, also classes.
    preset, train_points, eval_points, batch_size, bins, rescale, factor_kinds, seed
        As for `beta_vae`.

    Returns
    -------
    Score, with the parts of `beta_vae`.

    Raises
    ------
    ValueError
        As for `beta_vae`, and for a factor of which no two rows share a value.

    References
    ----------
    M.-A. Carbonneau et al., "Measuring disentanglement: a review of metrics", 2022, sect. 3.1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(500, 2))
    >>> float(z_diff(factors + 0.0, factors, train_points=200, eval_points=50))
    1.0
    """
    arguments = {
        "train_points": train_points, "eval_points": eval_points, "batch_size": batch_size,
        "bins": bins, "bin_factors": bin_factors, "rescale": rescale,
    }  # fmt: skip
    settings = settings_for("z_diff", preset, arguments) | {"seed": seed, "by_value": True}
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    labels = factor_labels(y, kinds.measured, settings["bins"], settings["bin_factors"], "unit")
    return pair_score("z_diff", z, make_groups(labels), settings, kinds, max_iter=10_000)
