"""The registered name behind every object, so that errors of plugins name it."""

from __future__ import annotations

import contextlib
import functools
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, ParamSpec, TypeVar

from unweave.errors import ConfigError, UnweaveError, describe, quote

_owners: dict[int, str] = {}
"""Id of a living object -> its registered name, with the distribution."""
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def remember(built: object, owner: str) -> None:
    """Remember the registered name of an object, as long as the object lives.

    Parameters
    ----------
    built
        The object; of a pair, as an architecture returns, both parts are remembered.
    """
    for part in built if isinstance(built, tuple) else (built,):
        with contextlib.suppress(TypeError):  # numbers and the like cannot be watched
            if id(part) not in _owners:
                weakref.finalize(part, _owners.pop, id(part), None).atexit = False
            _owners[id(part)] = owner


def remember_class(product: object, maker: object) -> None:
    """Remember the class of an object's products, such as the posteriors of a family.

    Classes of torch and of the core are left out, because many objects make instances of them. A
    class that two registered objects share belongs to the one that made the last instance.
    """
    owner = owner_of(maker)
    if owner and type(product).__module__.partition(".")[0] not in ("torch", "unweave"):
        remember(type(product), owner)


def owner_of(built: object) -> str:
    """Return the registered name of an object, or ""."""
    return _owners.get(id(built), "")


def name_of(built: object) -> str:
    """Return the registered name of an object, or its class."""
    return owner_of(built) or type(built).__name__


def _owner_of_error(error: BaseException) -> str:
    """Name the innermost registered object in whose methods an error arose; "" if there is none."""
    owner, trace = "", error.__traceback__
    while trace is not None:
        this = trace.tb_frame.f_locals.get("self")
        owner = owner_of(this) or owner_of(type(this)) or owner
        trace = trace.tb_next
    return owner


def declared(output: object, names: Collection[str], giver: object) -> list[Any]:
    """Return the declared terms or losses among those that an estimator or objective gave.

    Raises
    ------
    ConfigError
        If one is missing.
    """
    values = output if isinstance(output, Mapping) else {}
    if missing := [name for name in names if name not in values]:
        raise ConfigError(
            f"{name_of(giver)} no longer gives {quote(missing[0])}, which it gave before "
            f"training; it gives {', '.join(map(str, values)) or 'nothing'}"
        )
    return [values[name] for name in names]


@contextlib.contextmanager
def explaining(when: str = "") -> Iterator[None]:
    """Raise a sentence that names the registered object in which an error arose.

    Parameters
    ----------
    when
        Put in brackets at the end, as in "at step 7".

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
        owner = _owner_of_error(error)
        if not owner:
            raise
        raise ConfigError(f"{owner} raised {describe(error)}{when and f' ({when})'}") from error


def explained(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
    """Return a function whose errors name the registered object in which they arose."""

    @functools.wraps(function)
    def call(*arguments: Arguments.args, **options: Arguments.kwargs) -> Result:
        with explaining():
            return function(*arguments, **options)

    return call
