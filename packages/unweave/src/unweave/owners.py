"""Who made an object: what strangers' code raises long after it was built is told by its name."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from unweave.errors import ConfigError, UnweaveError, describe, quote

_owners: dict[int, str] = {}
"""Identity of a living object -> the registered thing, with its distribution."""
Given = ParamSpec("Given")
Result = TypeVar("Result")


def remember(built: object, owner: str) -> None:
    """Remember what an object was built as, as long as it lives.

    Parameters
    ----------
    built
        Of a pair, as an architecture gives, each part is remembered.
    """
    for part in built if isinstance(built, tuple) else (built,):
        with contextlib.suppress(TypeError):  # numbers and the like cannot be watched
            weakref.finalize(part, _owners.pop, id(part), None).atexit = False
            _owners[id(part)] = owner


def inherit(made: object, maker: object) -> None:
    """Remember the class of what a remembered object makes, as a family makes posteriors."""
    owner = _owners.get(id(maker))
    if owner is not None and id(type(made)) not in _owners:
        remember(type(made), owner)


def owner_of(error: BaseException, more: Mapping[int, str]) -> str:
    """Name the innermost registered object among those whose methods an error passed, or none.

    Parameters
    ----------
    more
        Identities of further objects, or of their classes.
    """
    known = {**_owners, **more}
    owner, trace = "", error.__traceback__
    while trace is not None:
        this = trace.tb_frame.f_locals.get("self")
        owner = known.get(id(this)) or known.get(id(type(this))) or owner
        trace = trace.tb_next
    return owner


def name_of(built: object) -> str:
    """Name what an object was built as, or its class."""
    return _owners.get(id(built), type(built).__name__)


def declared(found: object, names: Collection[str], giver: object) -> list[Any]:
    """Take the named terms or losses out of what an estimator or objective gave.

    Raises
    ------
    ConfigError
        If one is missing.
    """
    given = found if isinstance(found, Mapping) else {}
    if missing := [name for name in names if name not in given]:
        raise ConfigError(
            f"{name_of(giver)} no longer gives {quote(missing[0])}, which it gave before "
            f"training; it gives {', '.join(map(str, given)) or 'nothing'}"
        )
    return [given[name] for name in names]


@contextlib.contextmanager
def explaining(more: Mapping[int, str], when: str = "") -> Iterator[None]:
    """Raise a sentence that names the registered object in which an error arose.

    Parameters
    ----------
    more
        As in `owner_of`.
    when
        Ends the sentence, as in "at step 7".

    Raises
    ------
    ConfigError
        In place of an error that arose in a method of a registered object.
    """
    try:
        yield
    except (UnweaveError, KeyboardInterrupt, GeneratorExit):
        raise
    except BaseException as error:
        owner = owner_of(error, more)
        if not owner:
            raise
        raise ConfigError(f"{owner} raised {describe(error)}{when and ' '}{when}") from error


def explained(function: Callable[Given, Result]) -> Callable[Given, Result]:
    """Return a function whose errors name the registered object in which they arose."""

    @functools.wraps(function)
    def call(*arguments: Given.args, **options: Given.kwargs) -> Result:
        with explaining({}):
            return function(*arguments, **options)

    return call
