"""Recipes: experiments of the papers, with what was published, as TOML."""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from unweave.errors import ConfigError, unknown_name
from unweave.experiment.checks import check_experiment, error_place
from unweave.experiment.command_line import grid_axes, with_seeds
from unweave.experiment.definition import (
    Experiment,
    Picture,
    check_place,
    short,
    unknown_label,
)
from unweave.experiment.toml_reader import parse_definition, read_definition, with_settings
from unweave.strict import Strict


class Expectation(Strict):
    """What a paper says, in numbers that a run can agree or disagree with.

    Either `run` has the published value within `tolerance`, or `run` is lower than `below` (at
    least `times` as low), both as means over seeds.

    Attributes
    ----------
    measure
        Name of a measure of the recipe.
    where
        Values of the grid at which it is looked at.
    published, tolerance
        The paper's number, and how far another may lie from it.
    claim
        The paper's sentence.
    """

    measure: str
    run: str
    claim: str
    published: float | None = Field(None, allow_inf_nan=False)
    published_below: float | None = Field(None, allow_inf_nan=False)
    tolerance: float | None = Field(None, ge=0, allow_inf_nan=False)
    below: str | None = None
    below_measure: str | None = None
    times: float = Field(1.0, gt=0, allow_inf_nan=False)
    where: dict[str, Any] = {}
    below_where: dict[str, Any] | None = None


class Recipe(Experiment):
    """An experiment, and what was published.

    Attributes
    ----------
    source, differs
        Where it was published, and what is done otherwise here.
    expect
        What was published.
    """

    source: str = Field(
        description="it says where the experiment was published; "
        "`unweave sweep` runs a study without it"
    )
    differs: str = Field(
        description='it says what differs from the paper, such as differs = "fewer steps"'
    )
    expect: list[Expectation] = []


def recipe_names() -> list[str]:
    """List the recipes that come with unweave."""
    folder = importlib.resources.files(__package__) / "recipes"
    return sorted(path.name.removesuffix(".toml") for path in folder.iterdir())


def read_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by its name, or from a `.toml` file of the same form.

    Parameters
    ----------
    changes
        Settings on top of every run's, such as a path of data or fewer steps.

    Raises
    ------
    ConfigError
        If there is no such recipe, or the file is none.
    """
    if name.endswith(".toml"):
        recipe = read_definition(Path(name), Recipe)
    elif name in recipe_names():
        file = importlib.resources.files(__package__) / "recipes" / f"{name}.toml"
        recipe = parse_definition(file.read_text(encoding="utf-8"), name, Recipe)
    else:
        raise unknown_name("recipe", name, recipe_names())
    return with_settings(recipe, changes or {})


def select_runs(
    recipe: Recipe, runs: Sequence[str], seeds: str | None, grid: Sequence[str] = ()
) -> Recipe:
    """Keep some kinds of run, and what the recipe says of them alone, or take other seeds.

    Parameters
    ----------
    runs
        Labels; all where there are none.
    seeds
        How many, as `5`, or a list, as `0,3,7`.
    grid
        `name=value,value,...` texts, instead of the recipe's values of that name. What the recipe
        says of other values is left out; pictures of one run of every kind show the first ones.

    Raises
    ------
    ConfigError
        If a label or a name of the grid is unknown, or seeds are none.
    """
    labels = [variant.label for variant in recipe.runs]
    for label in runs:
        if label not in labels:
            raise unknown_label("run", label, labels)
    axes = grid_axes(grid)
    if axes and not recipe.grid:
        raise ConfigError(f"recipe {recipe.name} has no grid; leave out --grid")
    for name in axes:
        if name not in recipe.grid:
            raise unknown_name("setting of the grid", name, recipe.grid)
    left_out = set(labels) - set(runs or labels)
    kept = [variant for variant in recipe.runs if variant.label not in left_out]
    taken = {name for variant in kept for name in recipe.axes(variant)}
    if ignored := [name for name in axes if name not in taken]:
        raise ConfigError(f"none of the runs takes {ignored[0]} of the grid; leave out --grid")
    narrow = recipe.model_copy(update={
        "runs": kept,
        "grid": {n: values for n, values in (recipe.grid | axes).items() if n in taken},
    })  # fmt: skip

    def stays(labels: set[str | None], *places: Mapping[str, Any]) -> bool:
        # An entry with a run or a value that the recipe lacks stays, and the check refuses it.
        return not left_out & labels and all(
            _has_place(narrow, place) or not _has_place(recipe, place) for place in places
        )

    pictures = [_of_places(recipe, narrow, picture) for picture in recipe.pictures]
    changes = {
        "expect": [
            one
            for one in recipe.expect
            if stays({one.run, one.below}, one.where, one.below_where or {})
        ],
        "pictures": [
            one for one in pictures if stays({one.options.get("run")}, one.options.get("where", {}))
        ],
    }
    narrow = narrow.model_copy(update=changes)
    return narrow if seeds is None else with_seeds(narrow, seeds)


def _of_places(recipe: Recipe, narrow: Recipe, picture: Picture) -> Picture:
    """Let a picture of one run of every kind show other runs if its place is left out."""
    place = picture.options.get("where", {})
    if "run" in picture.options or _has_place(narrow, place) or not _has_place(recipe, place):
        return picture
    options = {name: value for name, value in picture.options.items() if name != "where"}
    return picture.model_copy(update={"options": options})


def _has_place(recipe: Recipe, place: Mapping[str, Any]) -> bool:
    try:
        check_place(recipe, place)
    except ConfigError:
        return False
    return True


def check_recipe(recipe: Recipe) -> Recipe:
    """Return a recipe that can be run, its data settled; everything in it is looked at.

    Raises
    ------
    ConfigError
        Naming what is wrong, and where.
    """
    if not recipe.measures:
        raise ConfigError(f"recipe {recipe.name} has no measures; add a table [measures]")
    recipe = check_experiment(recipe)
    for number, expected in enumerate(recipe.expect, 1):
        with error_place(recipe, f"expect {number}"):
            _check_expectation(recipe, expected)
    return recipe


def _is_below_itself(recipe: Recipe, expected: Expectation) -> bool:
    """Say whether a claim compares runs with themselves, which can never be met."""
    below_where = expected.where if expected.below_where is None else expected.below_where
    axes = [recipe.axes(variant) for variant in recipe.runs if variant.label == expected.run]
    places = [
        {name: short(value) for name, value in place.items() if name in axes[0]}
        for place in (expected.where, below_where)
    ]
    same_measure = expected.below_measure in (None, expected.measure)
    return expected.below == expected.run and same_measure and places[0] == places[1]


def _check_expectation(recipe: Recipe, expected: Expectation) -> None:
    for measure in (expected.measure, expected.below_measure):
        if measure is not None and measure not in recipe.measures:
            raise unknown_label("measure", measure, recipe.measures)
    labels = [variant.label for variant in recipe.runs]
    for label in (expected.run, expected.below):
        if label is not None and label not in labels:
            raise unknown_label("run", label, labels)
    check_place(recipe, expected.where)
    check_place(recipe, expected.below_where or {})
    if expected.below is None and (expected.published is None or expected.tolerance is None):
        raise ConfigError('set either below = "RUN", or both published and tolerance')
    if _is_below_itself(recipe, expected):
        raise ConfigError("below names the same runs as run, at the same place; name other ones")
    if expected.below is not None and expected.tolerance is not None:
        raise ConfigError("tolerance and below exclude each other; leave out one of them")
