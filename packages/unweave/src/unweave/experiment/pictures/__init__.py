"""Pictures of experiments, as the papers draw them: a function of the results each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from unweave.experiment.checking import picture_options
from unweave.experiment.definition import Picture
from unweave.experiment.pictures.of_codes import (
    draw_aggregate,
    draw_magnitudes,
    draw_representations,
)
from unweave.experiment.pictures.of_grids import draw_curves, draw_heat_map
from unweave.experiment.pictures.of_images import (
    draw_reconstructions,
    draw_samples,
    draw_traversals,
)
from unweave.experiment.pictures.of_scores import draw_ranks, draw_trade, draw_violins
from unweave.experiment.pictures.of_steps import draw_steps

if TYPE_CHECKING:
    from unweave.experiment.results import Results

KINDS: Mapping[str, Callable[..., Figure]] = {
    "representations": draw_representations,
    "aggregate": draw_aggregate,
    "curves": draw_curves,
    "heat-map": draw_heat_map,
    "trade": draw_trade,
    "violins": draw_violins,
    "ranks": draw_ranks,
    "steps": draw_steps,
    "magnitudes": draw_magnitudes,
    "samples": draw_samples,
    "reconstructions": draw_reconstructions,
    "traversals": draw_traversals,
}


def draw(results: Results, picture: Picture) -> Figure:
    """Draw one picture of an experiment.

    Raises
    ------
    ConfigError
        If the kind or an option is wrong, or none of the runs that it shows is finished.
    """
    options = picture_options(results.experiment, picture)
    return KINDS[picture.kind](results, **options)
