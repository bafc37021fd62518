"""Make an experiment from a command line, and run it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from unweave.errors import ConfigError, UnknownNameError
from unweave.experiment.definition import Experiment, Variant
from unweave.experiment.own_grid import with_own_grids
from unweave.experiment.toml_reader import (
    read_definition,
    validate_fields,
    with_absolute_paths,
    with_settings,
)
from unweave.options import build, parse_spec, short_name
from unweave.protocols import Executor
from unweave.registry import registry
from unweave.settings import parse_settings, setting_name

Kind = TypeVar("Kind", bound=Experiment)
Value = TypeVar("Value")


def build_executor(text: str) -> Executor:
    """Build a registered executor from `NAME` or `NAME:key=value,...`.

    Raises
    ------
    ConfigError
        If there is none of that name, or an option is wrong.
    """
    name, options = parse_spec(text)
    return cast(Executor, build(registry().lookup("executor", name), options=options))


def typed_experiment(
    what: str,
    *,
    data: str | None = None,
    grid: Sequence[str] = (),
    seeds: str | None = None,
    steps: str | None = None,
    settings: Sequence[str] = (),
    measures: Sequence[str] = (),
) -> Experiment:
    """Make the experiment of a command line.

    Parameters
    ----------
    what
        A `.toml` file, or methods separated by commas, each with options as in
        `tcwae-mws:beta=4`.
    data
        A data set.
    grid
        `setting=value,value,...` texts; of a file, they replace its values of that setting. Of
        methods, those that lack a setting which another has are trained without it.
    seeds
        How many, or a list as in `0,3,7`, or `3,` for the seed 3 alone.
    steps
        Training steps of every run.
    settings
        `key=value` texts, on top of every run's.
    measures
        Texts as `metric mig`, or `label=metric mig`.

    Raises
    ------
    ConfigError
        If one of them cannot be read.
    """
    overrides = parse_settings(settings, {"data": data, "steps": steps})
    changes: dict[str, Any] = {}
    if grid:
        changes["grid"] = grid_axes(grid)
    if seeds is not None:
        changes["seeds"] = _seeds(seeds)
    if measures:
        changes["measures"] = _measures(measures)
    if what.endswith(".toml"):
        experiment = read_definition(Path(what), Experiment)
        changes["grid"] = {**experiment.grid, **changes.get("grid", {})}
        content = {**with_settings(experiment, overrides).model_dump(), **changes}
        content["grid"] = {k: v for k, v in content["grid"].items() if k not in overrides}
    else:
        content = {**_of_methods(what), "settings": overrides, **changes}
    experiment = with_absolute_paths(validate_fields(content, Experiment), (Path(),))
    return experiment if what.endswith(".toml") else with_own_grids(experiment)


def _of_methods(what: str) -> dict[str, Any]:
    methods = _methods(what)
    names = [parse_spec(text)[0] for text in methods]
    for name in names:
        _check_method(name)
    labels = [short_name(name) for name in names]
    unique = [text if labels.count(label) > 1 else label
              for text, label in zip(methods, labels, strict=True)]  # fmt: skip
    return {
        "name": "-".join(dict.fromkeys(labels))[:80],
        "title": " against ".join(dict.fromkeys(labels)) if len(labels) > 1 else labels[0],
        "runs": [
            Variant(label=label, settings={"method": text})
            for label, text in zip(unique, methods, strict=True)
        ],
    }


def _check_method(name: str) -> None:
    """Refuse an unknown method first, because its name may be meant as a file."""
    try:
        registry().lookup("method", name)
    except UnknownNameError as error:
        raise UnknownNameError(f"{error}; a study is a file whose name ends in .toml") from None


def _methods(what: str) -> list[str]:
    """Split methods at commas, except those between options: `a:x=1,y=2,b` has two methods."""
    parts: list[str] = []
    for part in what.split(","):
        if "=" in part and ":" not in part.partition("=")[0] and parts:
            parts[-1] += f",{part}"
        else:
            parts.append(part.strip())
    if not all(parts):
        raise ConfigError(f"expected methods separated by commas, got {what[:80]!r}")
    return parts


def grid_axes(texts: Sequence[str]) -> dict[str, list[Any]]:
    """Read `setting=value,value,...` texts, as `--grid` takes them.

    Raises
    ------
    ConfigError
        If one of them has no such form, or two have the same setting.
    """
    return _without_repeats(
        map(_grid_axis, texts),
        lambda name: f"--grid gives {name[:80]} twice; give all of its values at once",
    )


def _without_repeats(
    pairs: Iterable[tuple[str, Value]], problem: Callable[[str], str]
) -> dict[str, Value]:
    """Return pairs as a mapping; raise the problem of the first name that comes twice."""
    values: dict[str, Value] = {}
    for name, value in pairs:
        if name in values:
            raise ConfigError(problem(name))
        values[name] = value
    return values


def _grid_axis(text: str) -> tuple[str, list[Any]]:
    name, equals, values = text.partition("=")
    choices = [_value(value) for value in _split(values)]
    if not (name.strip() and equals and choices):
        raise ConfigError(f"--grid takes setting=value,value,..., got {text[:80]!r}")
    return setting_name(name), choices


def _split(text: str) -> list[str]:
    """Split at commas outside of brackets, as in `linear(0, 6, 100),6`."""
    parts, depth = [""], 0
    for letter in text:
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts if part.strip()]


def _value(text: str) -> Any:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def _seeds(text: str) -> Any:
    try:
        numbers = [int(part) for part in text.rstrip().removesuffix(",").split(",")]
    except ValueError:
        raise ConfigError(
            "--seeds takes a number such as 5, a list such as 0,3,7, or 3, for the seed 3 alone; "
            f"got {text[:80]!r}"
        ) from None
    return numbers[0] if len(numbers) == 1 and "," not in text else numbers


def with_seeds(experiment: Kind, seeds: str) -> Kind:
    """Give an experiment other seeds: how many, as `5`, or a list, as `0,3,7` or `3,`.

    Raises
    ------
    ConfigError
        If the text is neither.
    """
    return validate_fields({**experiment.model_dump(), "seeds": _seeds(seeds)}, type(experiment))


def _measures(texts: Sequence[str]) -> dict[str, str]:
    return _without_repeats(
        map(_label_and_measure, texts),
        lambda label: f"--measure gives the label {label[:80]!r} twice; change one",
    )


def _label_and_measure(text: str) -> tuple[str, str]:
    label, equals, measure = text.partition("=")
    # An option of a metric has an equals sign too: `metric mig:bins=10` has no label.
    if equals and ":" not in label:
        return label.strip(), measure.strip()
    return text.partition(" ")[2] or text, text


def default_folder(experiment: Experiment) -> Path:
    """Return the default folder of an experiment."""
    return Path("runs") / experiment.name
