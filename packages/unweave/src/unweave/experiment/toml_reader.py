"""Experiments from TOML, with the paths in them made absolute."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import pydantic

from unweave.errors import ConfigError, expected_by, printable, quote
from unweave.experiment.definition import Experiment
from unweave.files import expanded
from unweave.options import options_of, parse_spec, spec_text
from unweave.registry import registry
from unweave.train_config import SPECS

LARGEST_BYTES = 1_000_000
"""Largest size of a file; an experiment has a few hundred lines."""
QUOTED = 80

Kind = TypeVar("Kind", bound=Experiment)


def read_definition(path: Path, kind: type[Kind]) -> Kind:
    """Read an experiment, or a recipe, from a TOML file.

    A relative path in the settings is taken from the file's folder, or from the current one where
    the file's has nothing there.

    Raises
    ------
    ConfigError
        If it cannot be read, is not TOML, or a field is missing, unknown or of another type.
    """
    try:
        if path.stat().st_size > LARGEST_BYTES:
            raise ConfigError(f"experiment {path} is larger than {LARGEST_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"experiment {path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"experiment {path} is not TOML: it is not UTF-8 text") from error
    return parse_definition(text, path.stem, kind, (path.parent, Path()))


def parse_definition(
    text: str, name: str, kind: type[Kind], folders: tuple[Path, ...] = (Path(),)
) -> Kind:
    """Read an experiment from the text of a TOML file.

    Parameters
    ----------
    folders
        Where relative paths may begin; the last is taken if none has them.

    Raises
    ------
    ConfigError
        If it is not TOML, or a field is missing, unknown or of another type.
    """
    try:
        content = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        problem = "it is nested too deep" if isinstance(error, RecursionError) else str(error)
        raise ConfigError(f"experiment {name} is not TOML: {problem[:200]}") from error
    return with_absolute_paths(validate_fields({"name": name, **content}, kind), folders)


def with_settings(experiment: Kind, settings: Mapping[str, Any]) -> Kind:
    """Put settings, as of the command line, on top of the experiment's and of every kind of run's.

    A setting of the grid loses its place there.
    """
    overrides = dict(settings)
    runs = [
        variant.model_copy(
            update={
                "settings": variant.settings | overrides,
                "grid": variant.grid and [name for name in variant.grid if name not in overrides],
            }
        )
        for variant in experiment.runs
    ]
    grid = {name: values for name, values in experiment.grid.items() if name not in overrides}
    return with_absolute_paths(
        experiment.model_copy(
            update={"settings": experiment.settings | overrides, "runs": runs, "grid": grid}
        ),
        (Path(),),
    )


def validate_fields(content: dict[str, Any], kind: type[Kind]) -> Kind:
    """Make an experiment of its fields.

    Raises
    ------
    ConfigError
        Naming the first field that is missing, unknown or of another type.
    """
    try:
        return kind.model_validate(content)
    except pydantic.ValidationError as error:
        problem = _problem(error.errors()[0], kind)
        raise ConfigError(f"experiment {content['name']}: {problem}") from error


def _problem(problem: Mapping[str, Any], kind: type[Experiment]) -> str:
    """Return the text of an error: which field is wrong, and what was expected."""
    place = printable(".".join(map(str, problem["loc"])))[:QUOTED]
    if problem["type"] == "missing":
        about = kind.model_fields[place].description if place in kind.model_fields else None
        return f"the field {place} is missing{f': {about}' if about else ''}"
    if problem["type"] == "extra_forbidden":
        return f"{place}: there is no such field; known: {', '.join(_fields(kind, problem['loc']))}"
    if problem["type"] == "value_error":
        return f"{place}: {expected_by(problem)}"
    return f"{place} does not take {quote(problem['input'])}: {expected_by(problem)}"


def _fields(kind: type[pydantic.BaseModel], place: Sequence[str | int]) -> Iterable[str]:
    """List the fields of the table in which a field is, as `runs.0.labell` is in that of a run."""
    for name in place[:-1]:
        if isinstance(name, str):
            kind = get_args(kind.model_fields[name].annotation)[0]
    return kind.model_fields


def with_absolute_paths(experiment: Kind, folders: tuple[Path, ...]) -> Kind:
    """Make every path in the settings absolute, so that it means the same everywhere."""

    def absolute(settings: dict[str, Any]) -> dict[str, Any]:
        return {key: _absolute(key, value, folders) for key, value in settings.items()}

    return experiment.model_copy(
        update={
            "settings": absolute(experiment.settings),
            "data": [_absolute("data", text, folders) for text in experiment.data],
            "runs": [
                variant.model_copy(update={"settings": absolute(variant.settings)})
                for variant in experiment.runs
            ],
            "grid": {
                key: [_absolute(key, value, folders) for value in values]
                for key, values in experiment.grid.items()
            },
        }
    )


def _absolute(key: str, value: Any, folders: tuple[Path, ...]) -> Any:
    """Make the path options of a registered name absolute; leave everything else as it is."""
    if key not in SPECS or not isinstance(value, str | dict):
        return value
    try:
        name, options = split_spec(value)
        parameters = options_of(registry().lookup(SPECS[key], name).load())
    except ConfigError:
        return value  # the check of the experiment raises this error
    absolute = {
        option: _first_existing(text, folders)
        if option in parameters and _is_path(parameters[option].annotation) and text != "none"
        else text
        for option, text in options.items()
    }
    if isinstance(value, dict):
        return {"name": name, **absolute}
    return spec_text(name, absolute)


def split_spec(value: str | dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Split a registered name from its options, as text or as a table of TOML."""
    if isinstance(value, str):
        name, options = parse_spec(value)
        return name, dict(options)
    return str(value.get("name", "")), {k: v for k, v in value.items() if k != "name"}


def _is_path(annotation: Any) -> bool:
    return Path in (annotation, *get_args(annotation))


def _first_existing(text: str, folders: tuple[Path, ...]) -> str:
    candidates = [(folder / expanded(text)).resolve() for folder in folders]
    return str(next((path for path in candidates if path.exists()), candidates[-1]))
