"""Connect functions that load data sets with the table of sets, and add the common options."""

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
    """Return a decorator that makes a function the loader of a data set.

    The function gets the options of `selection.select` in addition to its own, and an attribute
    `about`, the `Entry` of the set.

    Parameters
    ----------
    name
        name of the set in the table

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
        # Set as an attribute: `__annotations__` is a descriptor and ignores the function's `vars`.
        load.__annotations__ = {
            **function.__annotations__,
            **{key: annotations[key] for key in _COMMON},
        }
        return load  # type: ignore[return-value]

    return decorate


def find(path: Path | None, entry: Entry) -> Path:
    """Return the path of the user, or the first folder of the set that exists.

    Raises
    ------
    DataError
        If there is neither; the message says which files to get, and where from.
    """
    if path is not None:
        return Path(path).expanduser()
    for place in _places(entry):
        if place.exists():
            return place
    elsewhere = f", or put it into {entry.looked_for}" if entry.folders else ""
    source = f"; get it from {entry.source.url}" if entry.source.url else ""
    instead = f"; instead: {entry.instead}" if entry.instead else ""
    raise DataError(f"path is missing; set path= to {entry.files}{elsewhere}{source}{instead}")


def _places(entry: Entry) -> list[Path]:
    own = [folder for folder in entry.folders if not folder.startswith("/")]
    return [*places(*own), *(Path(f) for f in entry.folders if f.startswith("/"))]
