"""Compile numeric kernels with numba when first called, cached on disk where that is possible."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any, cast


class Kernel:
    """A function that numba compiles at its first call.

    numba is imported at that call, not before. The compiled code is cached beside the source or in
    the user's cache directory. Where neither is writable, each process compiles it again. A kernel
    may call only kernels of its own file, because the cache is valid as long as that file is
    unchanged.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.plain = function
        self.__doc__ = function.__doc__
        self._compiled: Callable[..., Any] | None = None

    def __call__(self, *arguments: Any) -> Any:
        """Run the compiled function on numbers and writable arrays."""
        if self._compiled is not None:
            return self._compiled(*arguments)
        try:
            compiled = compile_function(self.plain, cache=True)
            result = compiled(*arguments)
        except (RuntimeError, OSError):  # no folder for a cache, or it was removed or is full
            compiled = compile_function(self.plain, cache=False)
            result = compiled(*arguments)
        self._compiled = compiled
        return result


def compile_function(function: Callable[..., Any], cache: bool) -> Callable[..., Any]:
    """Compile with or without the disk cache; the compiled code releases the interpreter lock."""
    import numba

    names = function.__code__.co_names
    called = {
        name: compile_function(other.plain, cache)
        for name, other in function.__globals__.items()
        if name in names and isinstance(other, Kernel)
    }
    if called:
        function = _with_globals(cast(FunctionType, function), called)
    return numba.njit(cache=cache, nogil=True)(function)  # type: ignore[no-any-return]


def _with_globals(function: FunctionType, others: dict[str, Any]) -> FunctionType:
    """Return a copy of a function in which some global names refer to other objects."""
    copied = FunctionType(function.__code__, {**function.__globals__, **others}, function.__name__)
    copied.__module__, copied.__qualname__ = function.__module__, function.__qualname__
    return copied
