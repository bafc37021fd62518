"""Ties a function that loads a data set to its line in the table, and gives it common options."""

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from unweave_data.dataset import Dataset
from unweave_data.entries import BY_NAME, Entry
from unweave_data.errors import DataError
from unweave_data.files import places
from unweave_data.selection import select

Loader = TypeVar("Loader", bound=Callable[..., Dataset])

_COMMON = ("keep", "correlate", "holdout", "part")


def loader(name: str) -> Callable[[Loader], Loader]:
    """Make a function the loader of a data set.

    It gets the options of `selection.select` besides its own, and an attribute `about`, the set's
    `Entry`, from which listings are made.

    Parameters
    ----------
    name
        a name of the table

    """
    entry = BY_NAME[name]

    def decorate(function: Loader) -> Loader:
        own = inspect.signature(function)
        common = [
            p.replace(kind=p.KEYWORD_ONLY)
            for p in inspect.signature(select).parameters.values()
            if p.name in _COMMON
        ]

        @functools.wraps(function)
        def load(**options: Any) -> Dataset:
            selection = {key: options.pop(key) for key in _COMMON if key in options}
            return select(function(**options), **selection)

        parameters = [*own.parameters.values(), *common]
        annotations = select.__annotations__
        vars(load).update(about=entry, __signature__=own.replace(parameters=parameters))
        # Annotations are a descriptor of functions: an entry of the function's dict would not show.
        load.__annotations__ = {
            **function.__annotations__,
            **{key: annotations[key] for key in _COMMON},
        }
        return load  # type: ignore[return-value]

    return decorate


def find(path: Path | None, entry: Entry) -> Path:
    """Give the path that the user gave, or the first place of a set's files that exists.

    Raises
    ------
    DataError
        If no path was given, and no place exists; the message says what to get.
    """
    if path is not None:
        return Path(path).expanduser()
    for place in _places(entry):
        if place.exists():
            return place
    elsewhere = f", or put it into {entry.looked_for}" if entry.folders else ""
    source = f"; it comes from {entry.source.url}" if entry.source.url else ""
    instead = f"; instead: {entry.instead}" if entry.instead else ""
    raise DataError(
        f"path must be given, got nothing; give path= with {entry.files}{elsewhere}"
        f"{source}{instead}"
    )


def _places(entry: Entry) -> list[Path]:
    own = [folder for folder in entry.folders if not folder.startswith("/")]
    return [*places(*own), *(Path(f) for f in entry.folders if f.startswith("/"))]
