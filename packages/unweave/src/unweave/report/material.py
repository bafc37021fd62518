"""The data of a report, which its parts share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unweave.report.dimensions import Codes, Dimensions, describe_dimensions, read_codes
from unweave.report.embedding import TITLES, embed
from unweave.report.facts import read_log
from unweave.report.scores import ReadScores, scores_of
from unweave.scores.file import read_scores
from unweave.trained import Trained

POINTS = 2000
"""Number of codes in a scatter plot."""
POINT_NUMBERS = 60_000
"""Most numbers in the codes of a scatter plot on a page: long codes have fewer points."""
PRIOR_POINTS = 10_000


@dataclass(frozen=True)
class Material:
    """A run and what was computed from it.

    Attributes
    ----------
    rows
        Rows of the code table that scatters show, shape (p,).
    prior
        Draws from the prior, shape (m, D).
    steps, terms
        The log.
    embedding
        Name of the method, and the points (q, 2) of the mean codes of `page_rows`, if asked for.
    """

    run: Trained
    seed: int
    codes: Codes
    dimensions: Dimensions
    scores: ReadScores
    rows: NDArray[np.int64]
    prior: NDArray[np.float32]
    steps: list[float]
    terms: dict[str, list[float]]
    embedding: tuple[str, NDArray[np.float32]] | None = None

    @property
    def page_rows(self) -> NDArray[np.int64]:
        """Return the first of `rows`, shape (q,): as many codes as the page carries."""
        return self.rows[: max(200, POINT_NUMBERS // self.run.config.dim)]

    @property
    def factor_classes(self) -> NDArray[Any] | None:
        """Return the factors' classes of `rows`, shape (p, K), where they are known."""
        factors = self.run.dataset.factors
        if factors is None:
            return None
        return np.asarray(factors[self.codes.index[self.rows]])

    @property
    def matrices(self) -> dict[str, NDArray[np.float64]]:
        """Return every score's matrix of factors and dimensions, (K, D), by a name to show."""
        size = len(self.run.dataset.factor_names)
        return {
            f"{part.replace('_', ' ')} ({score.name})": matrix
            for score in self.scores.scores
            for part, matrix in score.matrices(self.run.config.dim, size).items()
        }

    @property
    def visible(self) -> NDArray[np.int64]:
        """Return the dimensions that figures show, the most informative first."""
        return self.dimensions.order[:MOST_DIMENSIONS]

    @property
    def collapsed(self) -> str:
        """Return a warning if few or no dimensions are active; empty otherwise."""
        active = int(self.dimensions.active.sum())
        if active > min(1, self.run.config.dim - 1):
            return ""
        subject = "Only one code dimension is" if active else "No code dimension is"
        the_rest = "the means of the others" if active else "their means"
        return (
            f"{subject} active: {the_rest} hardly move, so the model is collapsed. "
            "Mutual information with a factor can still be high, because it does not depend on how "
            "far a mean moves; do not read it as disentanglement."
        )


MOST_DIMENSIONS = 32
"""Most dimensions in traversals and histograms, the most informative ones."""


def gather(run: Trained, seed: int, embedding: str | None = None) -> Material:
    """Compute what a report of a run shows, with an embedding `tsne` or `umap` if asked for."""
    codes = read_codes(run, seed)
    rng = np.random.default_rng(seed)
    count = min(POINTS, len(codes.mean))
    steps, terms = read_log(run)
    material = Material(
        run=run,
        seed=seed,
        codes=codes,
        dimensions=describe_dimensions(run, codes, seed),
        scores=scores_of(read_scores(run)),
        rows=np.sort(rng.choice(len(codes.mean), count, replace=False)),
        prior=run.prior_codes(PRIOR_POINTS, seed),
        steps=steps,
        terms=terms,
    )
    if embedding is None:
        return material
    points = embed(embedding, codes.mean[material.page_rows], seed)
    return replace(material, embedding=(TITLES.get(embedding, embedding), points))
