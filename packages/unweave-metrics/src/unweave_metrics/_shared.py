"""Do work that several metrics of one evaluation need only once."""

from __future__ import annotations

import functools
from collections import ChainMap
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from unweave_metrics._parallel import waiting

P = ParamSpec("P")
R = TypeVar("R")

Computation = tuple["Future[Any]", Any, Any]
Part = tuple[Any, Any, NDArray[np.int64]]


class _Memory(NamedTuple):
    """Results of shared functions, and the whole of which each part was taken."""

    computations: dict[Hashable, Computation]
    parts: ChainMap[Hashable, Part]


_memory: ContextVar[_Memory | None] = ContextVar("_memory", default=None)


@contextmanager
def sharing(parts: bool = True) -> Iterator[None]:
    """Remember the results of shared functions inside this context, for later calls.

    A nested context knows the parts of the outer one, unless `parts` is False.
    """
    outer = _memory.get()
    wholes = outer.parts.new_child() if outer is not None and parts else ChainMap[Hashable, Part]()
    token = _memory.set(_Memory({}, wholes))
    try:
        yield
    finally:
        _memory.reset(token)


def shared(function: Callable[P, R]) -> Callable[P, R]:
    """Return a function that, while results are shared, is computed once per set of arguments.

    Arrays are compared by their memory, not by their content: neither arguments nor results may be
    changed. If two threads call it with the same arguments, the second waits for the result of the
    first.
    """

    @functools.wraps(function)
    def once(*arguments: P.args, **options: P.kwargs) -> R:
        memory = _memory.get()
        if memory is None:
            return function(*arguments, **options)
        keywords = tuple((name, _key(value)) for name, value in sorted(options.items()))
        key = (function, *map(_key, arguments), keywords)
        # A reference to the arguments, so that no other array takes their memory.
        own: Computation = Future(), arguments, options
        first = memory.computations.setdefault(key, own)
        if first is own:
            try:
                own[0].set_result(function(*arguments, **options))
            except BaseException as error:
                own[0].set_exception(error)
        result: R = _result_of(first[0])
        return result

    return once


def remember_part(part: Any, whole: Any, columns: NDArray[np.int64]) -> None:
    """Remember, while results are shared, that a part consists of these columns of a whole."""
    memory = _memory.get()
    if memory is not None:
        memory.parts[_key(part)] = part, whole, columns


def whole_of(part: Any) -> tuple[Any, NDArray[np.int64]] | None:
    """Return the whole of a part and its columns, or None if it is not a part."""
    memory = _memory.get()
    entry = None if memory is None else memory.parts.get(_key(part))
    return None if entry is None else entry[1:]


def part_of(whole: Any, columns: NDArray[np.int64], axis: int = 1) -> Any:
    """Return columns of an array, and remember which ones they are."""
    part = np.ascontiguousarray(np.take(whole, columns, axis=axis))
    remember_part(part, whole, columns)
    return part


First = TypeVar("First")


def columnwise(
    take: Callable[[R, NDArray[np.int64]], R],
) -> Callable[[Callable[Concatenate[First, P], R]], Callable[Concatenate[First, P], R]]:
    """Share a function that treats each column of its first argument separately.

    For a part, the function is computed for the whole, whose result other metrics need too, and
    `take` selects the columns of the part from it.
    """

    def decorate(
        function: Callable[Concatenate[First, P], R],
    ) -> Callable[Concatenate[First, P], R]:
        of_whole = shared(function)

        @shared
        def of_part(part: First, *arguments: P.args, **options: P.kwargs) -> R:
            whole = whole_of(part)
            assert whole is not None
            return take(of_whole(whole[0], *arguments, **options), whole[1])

        @functools.wraps(function)
        def of_either(first: First, *arguments: P.args, **options: P.kwargs) -> R:
            compute = of_whole if whole_of(first) is None else of_part
            return compute(first, *arguments, **options)

        return cast(Callable[Concatenate[First, P], R], of_either)

    return decorate


def _result_of(future: Future[Any]) -> Any:
    """Return the result of another thread, or raise its error."""
    if not future.done():
        with waiting():
            return future.result()
    return future.result()


def _key(value: Any) -> Hashable:
    """Return the key of an argument: plain values themselves, arrays by memory, others by `id`."""
    if isinstance(value, np.ndarray):
        return value.ctypes.data, value.shape, value.strides, value.dtype.str
    if value is None or isinstance(value, bool | int | float | str):
        return type(value), value
    if isinstance(value, tuple):
        return tuple(map(_key, value))
    return id(value)
