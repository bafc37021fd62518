"""Work that several metrics of one evaluation have in common is done once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, ParamSpec, TypeVar

import numpy as np

from unweave_metrics._parallel import waiting

P = ParamSpec("P")
R = TypeVar("R")

Computation = tuple["Future[Any]", Any, Any]
_computations: ContextVar[dict[Hashable, Computation] | None] = ContextVar(
    "_computations", default=None
)


@contextmanager
def sharing() -> Iterator[None]:
    """Keep what shared functions return until the end, for later calls with the same arguments."""
    token = _computations.set({})
    try:
        yield
    finally:
        _computations.reset(token)


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that is computed once per arguments while results are shared.

    Arrays are told apart by their memory, not by their content: neither arguments nor results may
    be written to. A thread that comes second waits for the first one's result.
    """

    @functools.wraps(function)
    def once(*arguments: P.args, **options: P.kwargs) -> R:
        computations = _computations.get()
        if computations is None:
            return function(*arguments, **options)
        named = tuple((name, _key(value)) for name, value in sorted(options.items()))
        key = (function, *map(_key, arguments), named)
        # The arguments stay alive, so that their memory is nobody else's.
        own: Computation = Future(), arguments, options
        first = computations.setdefault(key, own)
        if first is own:
            try:
                own[0].set_result(function(*arguments, **options))
            except BaseException as error:
                own[0].set_exception(error)
        result: R = _awaited(first[0])
        return result

    return once


def _awaited(future: Future[Any]) -> Any:
    """Return the result of another thread, or raise what it raised."""
    if not future.done():
        with waiting():
            return future.result()
    return future.result()


def _key(value: Any) -> Hashable:
    """Return what an argument is known by: plain values as they are, others by their identity."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data, value.shape, value.strides, value.dtype.str
    if value is None or isinstance(value, bool | int | float | str):
        return type(value), value
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    return id(value)
