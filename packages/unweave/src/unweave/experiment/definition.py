"""Definition of an experiment: kinds of run x grid x seeds, measures and pictures."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from unweave.errors import (
    ConfigError,
    UnknownNameError,
    closest_first,
    quote,
    shorten,
    unknown_name,
)
from unweave.scores.declarations import Better
from unweave.settings import in_plain_spelling, setting_name
from unweave.strict import Strict

LONGEST_NAME = 150
"""Bytes of UTF-8. File systems allow 255, and the files beside a run directory add a suffix."""
MOST_RUNS = 100_000
"""Most runs of an experiment, all of which are listed in memory; more are probably a mistake."""
MOST_LISTED = 20
"""Most labels that an error lists."""
PLACEHOLDER = re.compile(r"\{(?P<name>\w+)(?:\s*\*\s*(?P<factor>\d*\.?\d+(?:e-?\d+)?))?\}")
NOT_IN_FOLDER = re.compile(r"[^\w.,()+-]")


def plain_name(name: str) -> str:
    """Check that a text can name a file in the same folder.

    Raises
    ------
    ValueError
        If it is empty, too long, begins with a dot or holds a slash or an invisible character.
    """
    if not name.strip() or name.startswith(".") or not {"/", "\\"}.isdisjoint(name):
        raise ValueError(
            f"must be a plain name without slashes or a dot in front, got {name[:80]!r}"
        )
    if not name.isprintable():
        raise ValueError(f"must have only visible characters and spaces, got {name[:80]!a}")
    if (size := len(name.encode())) > LONGEST_NAME:
        letters = "bytes of UTF-8" if size > len(name) else "characters"
        raise ValueError(f"must have at most {LONGEST_NAME} {letters}, got {size}")
    return name


def _seed_list(seeds: object) -> object:
    if isinstance(seeds, list):
        return seeds
    if type(seeds) is not int:
        raise ValueError(f"must be a number or a list of numbers, got {quote(seeds)}")
    if seeds < 1:
        raise ValueError(f"must be at least 1, got {quote(seeds)}")
    if seeds > MOST_RUNS:
        raise ValueError(f"must be at most {MOST_RUNS:,}, got {quote(seeds)}")
    return list(range(seeds))


def _require_distinct(values: list[Any]) -> list[Any]:
    for text, count in Counter(map(short, values)).items():
        if count > 1:
            raise ValueError(f"must be distinct, got {text[:80]} twice")
    return values


def _setting_names(names: object) -> object:
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise ValueError(
            'must be a list of names of the grid, such as ["beta"]; their values are in the table '
            f"[grid]; got {quote(names)}"
        )
    return [setting_name(name) for name in names]


PlainName = Annotated[str, AfterValidator(plain_name)]
Seeds = Annotated[
    list[Annotated[int, Field(ge=0, strict=True)]],
    BeforeValidator(_seed_list), AfterValidator(_require_distinct), Field(min_length=1),
]  # fmt: skip
Values = Annotated[list[Any], AfterValidator(_require_distinct), Field(min_length=1)]
Settings = Annotated[dict[str, Any], AfterValidator(in_plain_spelling)]
Grid = Annotated[dict[str, Values], AfterValidator(in_plain_spelling)]
Names = Annotated[list[str], BeforeValidator(_setting_names), AfterValidator(_require_distinct)]


class Variant(Strict):
    """One kind of run: a label, and settings on top of the experiment's.

    Attributes
    ----------
    grid
        Names of the experiment's grid whose values the kind is trained at: all of them if None,
        and with `[]` the kind has one run per seed.
    """

    label: PlainName
    settings: Settings = {}
    grid: Names | None = None


class Picture(Strict):
    """A figure of the outcome: its kind, and what the kind needs."""

    kind: str
    name: PlainName
    caption: str = ""
    options: dict[str, Any] = {}


class Experiment(Strict):
    """Many runs, with their measures and pictures.

    Attributes
    ----------
    name, title
        Of the folder, and of the page.
    settings
        Of every run, as `unweave train` takes them.
    data
        Data sets, of which the first is used that can be opened; none if `settings` has `data`.
    runs
        The kinds of run.
    grid
        Setting -> values; every kind is trained at every combination of those that it takes, and
        with every seed. A name that a kind's settings hold in braces is not a setting there, but
        what is put in its place: with `weight = [1, 2]` a kind may say `beta = "{weight}", gamma
        = "{weight*0.5}"`.
    seeds
        A list, or how many.
    test
        Options of the data set that give images that were not trained on.
    density
        A flow that is fitted to the codes of every run, or none.
    measures
        Label -> measure, as in `{mse = "squared-error"}`.
    better
        Label of a measure -> which direction is better, where the measure does not say.
    reports
        Write the report of every run.
    """

    name: PlainName
    title: str = ""
    settings: Settings = {}
    data: list[str] = []
    runs: list[Variant] = Field(
        min_length=1,
        description='write [[runs]], label = "NAME" and settings = { method = "METHOD" } '
        "for each kind of run",
    )
    grid: Grid = {}
    seeds: Seeds = [0]
    test: str | None = None
    density: str | None = None
    measures: dict[str, str] = {}
    better: dict[str, Better] = {}
    pictures: list[Picture] = []
    reports: bool = False

    def axes(self, variant: Variant) -> dict[str, list[Any]]:
        """Return the part of the grid that a kind of run takes."""
        taken = self.grid if variant.grid is None else variant.grid
        return {name: values for name, values in self.grid.items() if name in taken}

    def places(self, variant: Variant) -> list[dict[str, Any]]:
        """List the combinations of the grid's values at which a kind of run is trained."""
        axes = self.axes(variant)
        return [
            dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())
        ]

    def jobs(self) -> list[Job]:
        """List every run; all have their first seed before one has its second."""
        return [
            Job(
                label=variant.label, place=place, seed=seed,
                settings=_settings_at(self.settings | variant.settings, place) | {"seed": seed},
            )
            for seed in self.seeds
            for variant in self.runs
            for place in self.places(variant)
        ]  # fmt: skip


class Job(Strict):
    """One run of an experiment."""

    label: str
    place: dict[str, Any]
    seed: int
    settings: dict[str, Any]

    @property
    def name(self) -> str:
        """Name the run's directory, which depends only on kind, grid point and seed."""
        texts = [f"{key}{short(value)}" for key, value in self.place.items()]
        text = "-".join([self.label, *texts, f"seed{self.seed}"])
        plain = text.replace(" ", "-").replace(":", "-").replace("=", "")
        name = NOT_IN_FOLDER.sub("-", plain)
        if name == plain and len(name.encode()) <= LONGEST_NAME:
            return name
        start = name.encode()[:LONGEST_NAME].decode(errors="ignore")
        return f"{start}-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def _settings_at(settings: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
    """Insert values of the grid into settings: instead of `{name}`, or as separate settings."""
    names = placeholders(settings)
    own = {name: value for name, value in place.items() if name not in names}
    return {key: _substitute(value, place) for key, value in settings.items()} | own


def placeholders(value: Any) -> list[str]:
    """List the names in braces in settings, or in the value of one."""
    if isinstance(value, Mapping | list):
        inner = value.values() if isinstance(value, Mapping) else value
        return [name for item in inner for name in placeholders(item)]
    return [m["name"] for m in PLACEHOLDER.finditer(value)] if isinstance(value, str) else []


def _substitute(value: Any, place: Mapping[str, Any]) -> Any:
    """Replace names in braces by values of the grid; a text that is only one name gets its type."""
    if isinstance(value, dict):
        return {key: _substitute(item, place) for key, item in value.items()}
    if isinstance(value, list):
        return [_substitute(item, place) for item in value]
    if not isinstance(value, str):
        return value
    whole = PLACEHOLDER.fullmatch(value)
    if whole and whole["name"] in place:
        return _grid_value(whole, place)
    return PLACEHOLDER.sub(
        lambda m: short(_grid_value(m, place)) if m["name"] in place else m[0], value
    )


def _grid_value(match: re.Match[str], place: Mapping[str, Any]) -> Any:
    value, factor = place[match["name"]], match["factor"]
    if factor is None:
        return value
    try:
        return float(value) * float(factor)
    except (TypeError, ValueError):
        raise ConfigError(
            f"{match[0]} needs numbers in the grid's {match['name']}, got {str(value)[:80]!r}"
        ) from None


def short(value: Any) -> str:
    """Write a value of the grid so that 1, 1.0 and "1" are the same text.

    Examples
    --------
    >>> short(1.0), short("1e-4"), short(True), short("normal")
    ('1', '0.0001', 'True', 'normal')
    """
    if isinstance(value, bool):
        return str(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        return str(value)
    return f"{number:g}" if float(f"{number:g}") == number else repr(number)


def place_text(label: str, place: Mapping[str, Any]) -> str:
    """Name a kind of run at a grid point, as in "vae, beta 4"."""
    return ", ".join([label, *(f"{key} {short(value)}" for key, value in place.items())])


def unknown_label(what: str, name: str, labels: Iterable[str]) -> UnknownNameError:
    """Return the error for an unknown label of an experiment; labels may contain commas."""
    ordered = closest_first(name, labels)
    if not any("," in label for label in ordered):
        return unknown_name(what, name, ordered)
    known = "; ".join(shorten(label) for label in ordered[:MOST_LISTED])
    more = f"; and {len(ordered) - MOST_LISTED:,} more" * (len(ordered) > MOST_LISTED)
    return UnknownNameError(
        f"unknown {what} {quote(name)}; did you mean {shorten(ordered[0])!r}? Known: {known}{more}"
    )


def check_place(experiment: Experiment, where: Mapping[str, Any]) -> None:
    """Raise unless every setting is of the grid and every value is one of its values."""
    for name, value in where.items():
        if not experiment.grid:
            raise ConfigError(f"{name[:80]} is not in the grid, which is empty; leave it out")
        if name not in experiment.grid:
            raise unknown_name("setting of the grid", name, experiment.grid)
        values = [short(choice) for choice in experiment.grid[name]]
        if short(value) not in values:
            raise ConfigError(
                f"the grid has no {name} {short(value)[:80]!r}; it has {', '.join(values)}"
            )
