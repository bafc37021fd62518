"""The FactorVAE score: whether the code that varies least predicts which factor is fixed."""

from __future__ import annotations

from numpy.typing import ArrayLike

from unweave_metrics._arrays import check_pair, check_positive
from unweave_metrics._binning import factor_labels
from unweave_metrics._kinds import Declared, kinds_of
from unweave_metrics.catalogue import metric
from unweave_metrics.intervals.votes import Votes
from unweave_metrics.interventions._groups import make_groups
from unweave_metrics.interventions._votes import NO_CODE, vote_score
from unweave_metrics.presets import settings_for
from unweave_metrics.score import Score


@metric(
    "FactorVAE score",
    interval=Votes(),
    usual=True,
    family="factor_vae",
    undefined=NO_CODE,
    cost="O(votes batch d)",
    rewards="a code that is constant when one factor is",
    misses="how well the code separates the values; it saturates at 1",
)
def factor_vae(
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
    rescale: bool | None = None,
    factor_kinds: Declared = None,
    seed: int = 0,
) -> Score:
    """Compute the FactorVAE score: accuracy of a majority vote from the least-varying code.

    One vote: fix a random factor k at a random value, draw `batch_size` rows with this value, and
    take d = argmin_i Var_batch(z_i) / Var(z_i) over the active codes. The classifier maps each d to
    the most frequent factor of its votes; the score is its accuracy on new votes. Range about 1/K
    to 1 for K factors, best 1. Without active codes the score is NaN, or 0 if all codes are
    constant. O(votes * batch_size * d) time.

    Parameters
    ----------
    codes : float array, shape (n, d)
    factors : integer classes or float values, shape (n, k); measurements are cut into `bins` bins
    preset
        Name of a preset; by default ``"locatello2019"``.
    train_votes, eval_votes
        Numbers of votes for the training and for the evaluation of the classifier.
    batch_size
        Number of rows per vote.
    variance_samples
        Largest number of rows for Var(z_i).
    prune_std
        Codes with a smaller standard deviation are inactive.
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
    Score, with parts `train_accuracy`, `votes` and `eval_votes` (d, k), `active` (d,), `variances`
    (d,).

    Raises
    ------
    ValueError
        For a constant factor, NaN or infinite values, inconsistent shapes.

    References
    ----------
    H. Kim, A. Mnih, "Disentangling by factorising", 2018, sect. 4; pruning and sizes as F.
    Locatello et al., 2019.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> factors = rng.integers(0, 4, size=(500, 2))
    >>> float(factor_vae(factors + 0.0, factors, train_votes=100, eval_votes=50))
    1.0
    """
    arguments = {
        "train_votes": train_votes, "eval_votes": eval_votes, "batch_size": batch_size,
        "variance_samples": variance_samples, "prune_std": prune_std, "bins": bins,
        "rescale": rescale,
    }  # fmt: skip
    settings = settings_for("factor_vae", preset, arguments) | {"seed": seed}
    check_positive(settings["batch_size"], "batch_size", 2)
    z, y = check_pair(codes, factors)
    kinds = kinds_of(y, factor_kinds)
    groups = make_groups(factor_labels(y, kinds.measured, settings["bins"]))
    return vote_score("factor_vae", z, groups, settings, kinds)
