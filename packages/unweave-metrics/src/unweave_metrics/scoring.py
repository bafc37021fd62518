"""Scorers for scikit-learn: score transformers that return codes, in cross-validation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from unweave_metrics._foreign import has
from unweave_metrics.catalogue import Entry, entry_for, listed
from unweave_metrics.evaluate import evaluate
from unweave_metrics.score import Score
from unweave_metrics.scoretable import ScoreTable

Metric = str | Callable[..., Any]


def score_codes(
    estimator: Any,
    X: Any,
    factors: Any = None,
    *,
    metrics: Metric | Sequence[Metric] | None = None,
    bootstrap: int = 0,
    **options: Any,
) -> ScoreTable:
    """Compute scores of the codes that a fitted transformer returns.

    ``evaluate(estimator.transform(X), factors)``, for anything with ``transform``: a scikit-learn
    transformer, a pipeline of them, a wrapped encoder. Codes may be sparse or a frame.

    Parameters
    ----------
    estimator
        Fitted estimator with ``transform(X)``, which returns codes (n, d).
    X
        Its input, n rows.
    factors : classes or values, shape (n, k)
        Without them, only scores that need none are computed.
    metrics
        One or several, as for `evaluate`; by default the usual ones.
    bootstrap
        Largest number of resamples for intervals; by default none.
    options
        Passed to `evaluate`.

    Raises
    ------
    TypeError
        For an estimator without ``transform``.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(500, 2))
    >>> X = factors * [1.0, 3.0]
    >>> float(score_codes(PCA().fit(X), X, factors, metrics="mig")["mig"]) > 0.9
    True
    """
    return evaluate(
        codes_of(estimator, X), factors, metrics=metrics, bootstrap=bootstrap,
        **{"progress": False, **options},
    )  # fmt: skip


def codes_of(estimator: Any, X: Any) -> Any:
    """Return the codes that a transformer gives, dense."""
    if not has(estimator, "transform") or not callable(estimator.transform):
        raise TypeError(
            f"estimator must have transform(X) that gives codes, {type(estimator).__name__} has "
            "none; wrap an encoder in sklearn.preprocessing.FunctionTransformer"
        )
    codes = estimator.transform(X)
    return codes.toarray() if has(codes, "toarray") else codes


class Scorer:
    """A scorer of transformers: ``scorer(estimator, X, factors)`` returns one float or several.

    Larger is better, as in scikit-learn: scores of which lower is better get the opposite sign.
    `scorer` makes it; it can be pickled and cloned.
    """

    def __init__(self, metrics: Metric | Sequence[Metric], **options: Any) -> None:
        """Look the metrics up."""
        self.single = isinstance(metrics, str) or callable(metrics)
        self.metrics: tuple[Metric, ...] = tuple(listed(metrics))
        self.options = options
        for entry in map(entry_for, self.metrics):
            if entry.best == "-":
                raise ValueError(
                    f"metrics must have a best value to be maximised, {entry.name} has none"
                )

    def __call__(self, estimator: Any, X: Any, y: Any = None) -> Any:
        """Return the score of an estimator's codes, or scores by name."""
        table = score_codes(estimator, X, y, metrics=self.metrics, **self.options)
        missing = [entry.name for entry in map(entry_for, self.metrics) if entry.name not in table]
        if missing:
            raise ValueError(f"{'; '.join(table.notes)}"[:200])
        signed = {
            entry.name: _signed(entry, table[entry.name]) for entry in map(entry_for, self.metrics)
        }
        return next(iter(signed.values())) if self.single else signed

    def __repr__(self) -> str:
        names = ", ".join(entry_for(metric).name for metric in self.metrics)
        return f"scorer({names})"


def _signed(entry: Entry, score: Score) -> float:
    """Return a score as a float of which larger is better."""
    return -float(score) if entry.best == "low" else float(score)


def scorer(metrics: Metric | Sequence[Metric], **options: Any) -> Scorer:
    """Make a scorer for `cross_validate`, `GridSearchCV` and similar functions.

    The estimator is a transformer whose ``transform`` returns codes; pass the factors as y. Do not
    use ``make_scorer``: it calls a metric with the factors first.

    Parameters
    ----------
    metrics
        One name or function: the scorer returns a float. Several: it returns floats by name, and
        computes the codes once for all of them.
    options
        Settings, as for `evaluate`: ``preset=``, ``bins=``, ``seed=`` ...

    Raises
    ------
    ValueError
        For an unknown metric, or one without a better end.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn.model_selection import cross_validate
    >>> factors = np.random.default_rng(0).integers(0, 4, size=(600, 2))
    >>> found = cross_validate(PCA(), factors * [1.0, 3.0], factors, scoring=scorer("mig"), cv=3)
    >>> bool((found["test_score"] > 0.5).all())
    True
    """
    return Scorer(metrics, **options)
