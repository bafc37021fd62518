"""Pictures of the distribution of each code dimension, against that of the prior."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from numpy.typing import NDArray

from unweave.experiment.pictures.chosen import chosen_runs
from unweave.experiment.pictures.looks import Looks
from unweave.experiment.pictures.of_codes import to_noise, with_density
from unweave.experiment.quantities import ROWS
from unweave.experiment.results import FirstRun, Results
from unweave.experiment.roles import Place
from unweave.plots.charts import draw_histogram
from unweave.plots.panels import filled_rows, row_sizes
from unweave.plots.style import INK, QUIET, new_figure
from unweave.report.dimensions import name

COLUMNS = 5
DRAWS = 50_000


def draw_histograms(
    results: Results, *, flow: bool = False, dimensions: int = 10, where: Place | None = None
) -> Figure:
    """Draw the density of each dimension of codes z ~ q(z|x) against that of the prior.

    Parameters
    ----------
    flow
        Draw what the fitted flow maps the codes to, against the standard normal distribution,
        instead.
    dimensions
        The most dimensions that are drawn of a run, from the first.
    where
        Values of the grid; the first run of every kind unless given.
    """
    runs, looks = chosen_runs(results, where), Looks(results.experiment)
    if flow:
        runs = with_density(runs)
    pairs = [_draws(one, flow, dimensions) for one in runs]
    heights = [len(row_sizes(codes.shape[1], COLUMNS)) for codes, _ in pairs]
    figure = new_figure((10, sum(heights) * 1.7 + 0.3 * len(runs) + 0.4), layout="constrained")
    parts = figure.subfigures(len(runs), 1, squeeze=False, height_ratios=heights)
    for part, one, (codes, prior) in zip(parts.ravel(), runs, pairs, strict=True):
        part.suptitle(one.title)
        count = codes.shape[1]
        for d, panel in enumerate(filled_rows(part, count, COLUMNS)):
            draw_histogram(panel, codes[:, d], prior[:, d], looks.colour(one.label), INK)
            panel.set_title(name(d))
    what = "codes through the flow" if flow else "codes z ~ q(z|x)"
    handles = [
        Patch(color=QUIET, alpha=0.55, label=what),
        Line2D([], [], color=INK, label="standard normal" if flow else "prior"),
    ]
    figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return figure


def _draws(one: FirstRun, flow: bool, dimensions: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return codes or their noise, and draws from the distribution that they should have."""
    codes: NDArray[Any] = one.run.posterior_codes(ROWS)
    if flow:
        codes = to_noise(one.run, codes)
        prior: NDArray[Any] = np.random.default_rng(0).standard_normal((DRAWS, codes.shape[1]))
    else:
        prior = one.run.prior_codes(DRAWS, source="prior")
    return codes[:, :dimensions], prior[:, :dimensions]
