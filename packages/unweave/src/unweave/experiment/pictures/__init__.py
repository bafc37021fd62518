"""Pictures of experiments, as the papers draw them, each a function of the results."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, get_args

from matplotlib.figure import Figure

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.definition import Experiment, Picture, check_place, unknown_label
from unweave.experiment.pictures.of_classes import draw_embedding, draw_sharpness
from unweave.experiment.pictures.of_codes import (
    draw_aggregate,
    draw_magnitudes,
    draw_noise,
    draw_representations,
)
from unweave.experiment.pictures.of_grids import draw_curves, draw_heat_map
from unweave.experiment.pictures.of_histograms import draw_histograms
from unweave.experiment.pictures.of_images import (
    draw_moves,
    draw_neighbours,
    draw_reconstructions,
    draw_samples,
    draw_traversals,
)
from unweave.experiment.pictures.of_scores import draw_ranks, draw_trade, draw_violins
from unweave.experiment.pictures.of_steps import draw_steps
from unweave.experiment.roles import Role
from unweave.options import convert, options_of
from unweave.plots.style import figure_style

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
    "noise": draw_noise,
    "histograms": draw_histograms,
    "samples": draw_samples,
    "reconstructions": draw_reconstructions,
    "traversals": draw_traversals,
    "moves": draw_moves,
    "neighbours": draw_neighbours,
    "embedding": draw_embedding,
    "sharpness": draw_sharpness,
}


def picture_options(experiment: Experiment, picture: Picture) -> dict[str, Any]:
    """Check a picture's kind and options; return the options as its function takes them.

    Raises
    ------
    ConfigError
        If there is no such kind, or an option is unknown, missing, of another type, or names a
        measure, a setting of the grid or a kind of run that the experiment does not have.
    """
    if picture.kind not in KINDS:
        raise unknown_name("kind of picture", picture.kind, KINDS)
    options = options_of(KINDS[picture.kind])
    for name in picture.options:
        if name not in options:
            raise unknown_name(f"option of picture {picture.kind}", name, options)
    arguments = {}
    for name, option in options.items():
        if name not in picture.options:
            if option.default is inspect.Parameter.empty:
                raise ConfigError(f"kind {picture.kind} needs the option {name}; add it")
            continue
        what = f"option {name} of picture {picture.kind}"
        value = convert(what, option.annotation, picture.options[name])
        for role in _roles(option.annotation):
            _check_role(experiment, role, value)
        arguments[option.parameter] = value
    return arguments


def _roles(annotation: Any) -> Iterator[str]:
    for part in get_args(annotation):
        if isinstance(part, Role):
            yield part.what
        else:
            yield from _roles(part)


def _check_role(experiment: Experiment, role: str, value: Any) -> None:
    if role == "place":
        check_place(experiment, value)
        return
    names: Mapping[str, list[str]] = {
        "measure": list(experiment.measures),
        "setting of the grid": list(experiment.grid),
        "run": [variant.label for variant in experiment.runs],
    }
    for name in value if isinstance(value, list) else [value]:
        if name and name not in names[role]:
            if role == "setting of the grid" and not experiment.grid:
                raise ConfigError(
                    f"{name[:80]} must be a setting of the grid, which is empty; add it to the grid"
                )
            raise unknown_label(role, name, names[role])


def draw(results: Results, picture: Picture) -> Figure:
    """Draw one picture of an experiment in the style of all figures.

    Raises
    ------
    ConfigError
        If the kind or an option is wrong, or none of the runs that it shows is finished.
    """
    options = picture_options(results.experiment, picture)
    with figure_style():
        return KINDS[picture.kind](results, **options)
