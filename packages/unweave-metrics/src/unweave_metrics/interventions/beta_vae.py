"""The beta-VAE score: whether a linear classifier predicts which factor two rows share."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair
from unweave_metrics._binning import factor_labels
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.votes import Votes
from unweave_metrics.interventions._groups import make_groups
from unweave_metrics.interventions._points import pair_score
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score


@metric(
    "beta-VAE score",
    interval=Votes(),
    usual=True,
    family="beta_vae",
    cost="O(points batch d)",
    rewards="differences that predict the shared factor linearly",
    misses="it saturates first; the scale of codes matters",
)
def beta_vae(
    codes: ArrayLike,
    factors: ArrayLike,
    *,
    preset: str | None = None,
    train_points: int | None = None,
    eval_points: int | None = None,
    batch_size: int | None = None,
    bins: int | None = None,
    rescale: bool | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the beta-VAE score: accuracy of predicting which factor pairs of rows share.

    One point: draw a random factor k and `batch_size` pairs of rows, each pair with the same value
    of y_k; the features are mean |z - z'| of each code. A logistic regression predicts k from them;
    the score is its accuracy on new points. Range about 1/K to 1 for K factors, best 1. Codes are
    not standardised, so their scale matters. O(points * batch_size * d) time.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k), k at least 2
        Measurements are cut into `bins` bins.
    preset
        Name of a preset; by default ``"locatello2019"``.
    train_points, eval_points
        Numbers of points for the training and for the evaluation of the classifier.
    batch_size
        Number of pairs per point.
    bins
        Number of bins for measurements.
    rescale
        Return (accuracy - 1/k) / (1 - 1/k).
    factor_kinds
        ``"class"`` or ``"measurement"``, as for `mig`.
    seed
        Seed of every draw.

    Returns
    -------
    Score, with parts `train_accuracy` and `correct`, the numbers of correct and of all evaluation
    points.

    Raises
    ------
    ValueError
        For a single factor, a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    I. Higgins et al., "beta-VAE: learning basic visual concepts with a constrained variational
    framework", 2017, sect. 3; sizes and classifier as F. Locatello et al., 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(500, 2))
    >>> float(beta_vae(factors + 0.0, factors, train_points=200, eval_points=50))
    1.0
    """
    arguments = {
        "train_points": train_points, "eval_points": eval_points, "batch_size": batch_size,
        "bins": bins, "rescale": rescale,
    }  # fmt: skip
    settings = settings_for("beta_vae", preset, arguments) | {"seed": seed}
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    groups = make_groups(factor_labels(y, kinds.measured, settings["bins"]))
    return pair_score("beta_vae", z, groups, settings, kinds, max_iter=100)
