"""Options: the keyword-only parameters of a registered object, checked before it is called."""

from __future__ import annotations

import functools
import inspect
import re
import typing
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.errors import (
    ConfigError,
    UnweaveError,
    blaming,
    expected_by,
    message_of,
    quote,
    shorten,
    unknown_name,
)
from unweave.files import expanded
from unweave.settings import in_plain_spelling

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from unweave.hookfile import Entry

SPEC = re.compile(r"(?P<name>[^=]*?)(?::(?P<options>[A-Za-z_]\w*=.*))?", re.DOTALL)
NEXT_OPTION = re.compile(r",(?=[A-Za-z_]\w*=)")
ARGUMENTS: Mapping[str, int] = {
    "prior": 1,
    "flow": 1,
    "posterior": 1,
    "estimator": 1,
    "architecture": 3,
    "objective": 1,
    "optimizer": 2,
}
"""Number of positional arguments that the core passes, by kind; none to other kinds."""
ARRAYS = frozenset({"codes", "factors", "std", "images", "reconstructions"})
"""Parameters that metrics get by name."""
NO_BOOLEAN = "expected a number, not true or false"
FIT_ARGUMENTS = ("generator", "progress", "draw")
"""Keyword arguments of a flow's `fit` that are the core's to give."""


@dataclass(frozen=True)
class Option:
    """One option: its name, type, and default (`inspect.Parameter.empty`: required).

    A parameter `lambda_` is the option `lambda`: the underscore is Python's, not the user's.
    """

    parameter: str
    annotation: Any
    default: Any


def options_of(target: Any, besides: Collection[str] = ()) -> dict[str, Option]:
    """List the options of a registered object: its annotated keyword-only parameters.

    Parameters
    ----------
    besides
        Names of keyword-only parameters that are not options.

    Raises
    ------
    ConfigError
        If one of them has no annotation.
    """
    parameters = inspect.signature(target).parameters.values()
    function = target.__init__ if inspect.isclass(target) else target
    hints = typing.get_type_hints(function, include_extras=True)
    keyword_only = [p for p in parameters if p.kind is p.KEYWORD_ONLY and p.name not in besides]
    for parameter in keyword_only:
        if parameter.name not in hints:
            raise ConfigError(
                f"option {parameter.name!r} of {target.__qualname__} needs a type annotation"
            )
    return {p.name.rstrip("_"): Option(p.name, hints[p.name], p.default) for p in keyword_only}


def check_options(entry: Entry, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Check options by name and convert them to the annotated types; add the defaults.

    Raises
    ------
    UnknownNameError
        If an option is unknown; the message lists the known ones, the closest first.
    ConfigError
        If a value does not fit its type, or a required option is missing.
    """
    options = options_of_entry(entry)
    settings = in_plain_spelling(settings)
    for name in settings:
        if name not in options:
            refuse_positional(entry, name)
            raise unknown_name(f"option of {entry.kind} {entry.name}", name, options)
    checked = {name: _default(option) for name, option in options.items()}
    checked |= {
        n: convert(f"option {n} of {entry.kind} {entry.name}", options[n].annotation, v)
        for n, v in settings.items()
    }
    for name, value in checked.items():
        if value is inspect.Parameter.empty:
            raise ConfigError(f"{entry.kind} {entry.name} needs the option {name}")
    return checked


def _default(option: Option) -> Any:
    """Return a default as it would be read back: 0 as the default of a float is 0.0."""
    whole = type(option.default) is int and option.annotation is float
    return float(option.default) if whole else option.default


def options_of_entry(entry: Entry) -> dict[str, Option]:
    """List the options of a registered object.

    Raises
    ------
    ConfigError
        If it cannot be imported, cannot be called, or has a parameter that cannot be an option.
    """
    target = entry.load()
    with blaming(str(entry), "when its options were looked at"):
        try:
            return options_of(target)
        except ConfigError as error:
            raise ConfigError(f"{entry}: {error}") from error


def misplaced_options(entry: Entry) -> list[str]:
    """List parameters with a default that are not keyword-only, which no user can set."""
    parameters = inspect.signature(entry.load()).parameters.values()
    behind = [p for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    if entry.kind == "metric":  # it may be called with arrays that are not always there
        behind = [p for p in behind if p.name not in ARRAYS and "Array" not in str(p.annotation)]
    return [p.name for p in behind[ARGUMENTS.get(entry.kind, 0) :] if p.default is not p.empty]


def refuse_positional(entry: Entry, name: str) -> None:
    """Raise if a parameter that a user wants to set is not keyword-only.

    Raises
    ------
    ConfigError
        If it is not.
    """
    if name in (text.rstrip("_") for text in misplaced_options(entry)):
        raise ConfigError(
            f"option {name!r} of {entry} is not keyword-only; its author must put it behind the *"
        )


def build(entry: Entry, *arguments: Any, options: Mapping[str, Any]) -> Any:
    """Check the options of a registered object, then call it.

    Raises
    ------
    ConfigError
        If an option is unknown or has an invalid value, or the object refuses its arguments.
    """
    checked = check_options(entry, options)
    keywords = {option.parameter: checked[n] for n, option in options_of_entry(entry).items()}
    target = entry.load()
    with blaming(str(entry)):
        try:
            return target(*arguments, **keywords)
        except UnweaveError:
            raise
        except (ValueError, OSError) as error:  # what it refuses, in words of its own
            raise ConfigError(f"{entry}: {message_of(error)}") from error


def parse_spec(text: str) -> tuple[str, dict[str, str]]:
    """Split `name:key=value,key=value` (the name may be qualified) into name and options.

    Examples
    --------
    >>> parse_spec("unweave-data:dsprites:path=a:b.npz,resolution=32")
    ('unweave-data:dsprites', {'path': 'a:b.npz', 'resolution': '32'})

    Raises
    ------
    ConfigError
        If it has no such form, or has an option twice.
    """
    match = SPEC.fullmatch(text)
    if match is None or not match["name"]:
        raise ConfigError(f"expected NAME or NAME:key=value,key=value, got {quote(text)}")
    pairs = NEXT_OPTION.split(match["options"]) if match["options"] else []
    options: dict[str, str] = {}
    for pair in pairs:
        key, _, value = pair.partition("=")
        if key in options:
            raise ConfigError(f"{quote(text)} has the option {shorten(key)} twice; keep one")
        options[key] = value
    return match["name"], options


def spec_text(name: str, options: Mapping[str, Any]) -> str:
    """Write a name and options as `parse_spec` reads them.

    Examples
    --------
    >>> spec_text("dsprites", {"resolution": 16}), spec_text("dsprites", {})
    ('dsprites:resolution=16', 'dsprites')
    """
    pairs = ",".join(f"{key}={value}" for key, value in options.items())
    return f"{name}:{pairs}" if pairs else name


def short_name(qualified: str) -> str:
    """Return a name without the distribution that registers it.

    Examples
    --------
    >>> short_name("unweave-data:dsprites")
    'dsprites'
    """
    return qualified.rpartition(":")[2]


def split_names(text: str) -> tuple[str, ...]:
    """Split names with options at spaces, and at commas that do not begin an option.

    Examples
    --------
    >>> split_names("mig:bins=10,seed=3, sap factor-vae")
    ('mig:bins=10,seed=3', 'sap', 'factor-vae')
    """
    parts = re.split(r"\s+|,(?![A-Za-z_]\w*=)", text)
    return tuple(part for part in parts if part)


def convert(what: str, annotation: Any, value: Any) -> Any:
    """Convert a value, which may be text, to an annotated type.

    Parameters
    ----------
    what
        Name of the value in the error, as in "option bins of metric mig".

    Raises
    ------
    ConfigError
        If it cannot be converted.
    """
    import pydantic

    if is_misread_boolean(annotation, value):
        raise ConfigError(f"{what} does not take {quote(value)}: {NO_BOOLEAN}")
    try:
        adapter = _adapter(annotation, str(annotation))
    except TypeError:  # an annotation that cannot be hashed
        adapter = _adapter.__wrapped__(annotation, "")
    problem = ""
    for reading in _readings(annotation, value):
        try:
            value = adapter.validate_python(reading)
            return expanded(value) if isinstance(value, Path) else value
        except pydantic.ValidationError as error:
            problem = problem or expected_by(error.errors()[0])
    raise ConfigError(f"{what} does not take {quote(value)}: {problem}")


def is_misread_boolean(annotation: Any, value: Any) -> bool:
    """Whether a value is or holds true or false where numbers are wanted.

    pydantic reads them as 1 and 0.
    """
    types = tuple(_types_in(annotation))
    wants_numbers = not {int, float}.isdisjoint(types) and {bool, Any}.isdisjoint(types)
    return wants_numbers and _holds_boolean(value)


def _types_in(annotation: Any) -> Iterator[Any]:
    if typing.get_origin(annotation) is typing.Literal:
        yield from map(type, typing.get_args(annotation))
    elif parts := typing.get_args(annotation):
        for part in parts:
            yield from _types_in(part)
    elif isinstance(annotation, type) or annotation is Any:
        yield annotation


def _holds_boolean(value: Any) -> bool:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return any(map(_holds_boolean, value))
    return isinstance(value, bool)


@functools.cache
def _adapter(annotation: Any, text: str) -> TypeAdapter[Any]:
    """Build the check of a type, once: this takes longer than a thousand checks.

    `text` tells apart unions in another order, which are equal and check in that order.
    """
    import pydantic

    return pydantic.TypeAdapter(annotation)


def _readings(annotation: Any, value: Any) -> Iterator[Any]:
    """Return the possible meanings of a value: text with commas may be a sequence."""
    if value == "none" and type(None) in typing.get_args(annotation):
        yield None
    elif isinstance(value, str) and _takes_sequence(annotation):
        yield [part.strip() for part in value.split(",") if part.strip()]
        yield value
    else:
        yield value


def _takes_sequence(annotation: Any) -> bool:
    parts = (annotation, *typing.get_args(annotation))
    return any(typing.get_origin(part) in (list, tuple) for part in parts)
