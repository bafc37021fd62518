"""Recipes: experiments of the papers as TOML."""

from __future__ import annotations

import importlib.resources
import itertools
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from unweave.errors import ConfigError, unknown_name


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Variant(_Strict):
    """One kind of run: a label, and settings on top of the recipe's."""

    label: str
    settings: dict[str, Any]


class Expectation(_Strict):
    """What a paper says, in numbers that a run can agree or disagree with.

    Either `run` has the published value within `tolerance`, or `run` is lower than `below` (at
    least `times` as low), both as means over seeds.

    measure : name of a measure of the recipe.
    where : values of the grid at which it is looked at.
    published, tolerance : the paper's number, and how far another may lie from it.
    claim : the paper's sentence.
    """

    measure: str
    run: str
    claim: str
    published: float | None = None
    published_below: float | None = None
    tolerance: float | None = None
    below: str | None = None
    below_measure: str | None = None
    times: float = 1.0
    where: dict[str, Any] = {}
    below_where: dict[str, Any] | None = None


class Picture(_Strict):
    """A figure of the outcome: its kind, and what the kind needs."""

    kind: str
    name: str
    caption: str
    options: dict[str, Any] = {}


class Recipe(_Strict):
    """An experiment.

    title, source, differs : what it is, where it was published, and what is done otherwise here.
    settings : of every run, as `unweave train` takes them.
    data : data sets, of which the first is taken that is there.
    runs : the kinds of run.
    grid : setting -> values; every kind is trained at every combination, and every seed.
    seeds : seeds of every run.
    test : options of the data set that give images that were not trained on.
    density : a flow that is fitted to the codes of every run, or none.
    measures : label -> measure, as in `{mse = "squared-error"}`.
    expect, pictures : what was published, and the figures.
    """

    name: str
    title: str
    source: str
    differs: str
    settings: dict[str, Any] = {}
    data: list[str]
    runs: list[Variant] = Field(min_length=1)
    grid: dict[str, list[Any]] = {}
    seeds: list[int] = [0]
    test: str | None = None
    density: str | None = None
    measures: dict[str, str]
    expect: list[Expectation] = []
    pictures: list[Picture] = []

    def jobs(self) -> list[Job]:
        """List every run: kind, place in the grid, seed, settings."""
        places = [
            dict(zip(self.grid, values, strict=True))
            for values in itertools.product(*self.grid.values())
        ]
        return [
            Job(
                label=variant.label, place=place, seed=seed,
                settings=self.settings | variant.settings | place | {"seed": seed},
            )
            for variant in self.runs
            for place in places
            for seed in self.seeds
        ]  # fmt: skip


class Job(_Strict):
    """One run of a recipe."""

    label: str
    place: dict[str, Any]
    seed: int
    settings: dict[str, Any]

    @property
    def folder(self) -> str:
        """Name the run's directory."""
        parts = [self.label, *(f"{k}{v}" for k, v in self.place.items()), f"seed{self.seed}"]
        return "-".join(parts).replace(" ", "-").replace(":", "-").replace("=", "")


def recipe_names() -> list[str]:
    """List the recipes that come with unweave."""
    folder = importlib.resources.files(__package__) / "recipes"
    return sorted(path.name.removesuffix(".toml") for path in folder.iterdir())


def read_recipe(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """Read a recipe by its name, or from a `.toml` file of the same form.

    changes : settings on top of the recipe's, such as a path of data or fewer steps.

    Raises
    ------
    ConfigError
        If there is no such recipe, or the file is none.
    """
    if name.endswith(".toml"):
        path = Path(name)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"recipe {path} cannot be read: {error}") from error
    elif name in recipe_names():
        file = importlib.resources.files(__package__) / "recipes" / f"{name}.toml"
        text = file.read_text(encoding="utf-8")
    else:
        raise unknown_name("recipe", name, recipe_names())
    try:
        recipe = Recipe.model_validate({"name": Path(name).stem, **tomllib.loads(text)})
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"recipe {name} is not TOML: {error}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ConfigError(f"recipe {name}: {place}: {first['msg']}") from error
    return recipe.model_copy(update={"settings": recipe.settings | dict(changes or {})})
