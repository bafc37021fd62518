"""The moments at which a kill hurts most: around every call that changes a file system."""

from __future__ import annotations

import builtins
import io
import json
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

CALLS = ("fsync", "replace", "rename", "unlink", "link", "mkdir")
"""Functions of `os` that are counted; `write` is a file opened for writing."""
WRITE = "write"


@dataclass(frozen=True)
class Moment:
    """Just before, in the middle of, or after the n-th call of a function.

    call : one of CALLS, or WRITE, whose middle is a file half written.
    """

    call: str
    when: str
    number: int

    def __str__(self) -> str:
        return f"{self.when} {self.call} {self.number}"


def counting(function: Callable[[], object], into: Path) -> Callable[[], None]:
    """Return a function that also writes how many moments of each kind it had."""

    def counted() -> None:
        found: Counter[str] = Counter()
        _watch(lambda call, when, count: found.update([call] if when == "before" else []))
        try:
            function()
        finally:
            into.write_text(json.dumps(found))

    return counted


def killing(function: Callable[[], object], moment: Moment, number: int) -> Callable[[], None]:
    """Return a function during which a signal comes at a moment."""

    def look(call: str, when: str, count: int) -> None:
        if (call, when, count) == (moment.call, moment.when, moment.number):
            os.kill(os.getpid(), number)

    def killed() -> None:
        _watch(look)
        function()

    return killed


Look = Callable[[str, str, int], None]


def _watch(look: Look) -> None:
    counts: Counter[str] = Counter()
    for name in CALLS:
        setattr(os, name, _watched(name, getattr(os, name), counts, look))
    real = io.open
    opened = _opening(real, counts, look)
    io.open = builtins.open = opened  # type: ignore[assignment]


def _watched(name: str, real: Callable[..., Any], counts: Counter[str], look: Look) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        counts[name] += 1
        number = counts[name]
        look(name, "before", number)
        result = real(*arguments, **options)
        look(name, "after", number)
        return result

    return call


def _opening(real: Callable[..., Any], counts: Counter[str], look: Look) -> Any:
    def opened(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        made = real(file, mode, *arguments, **options)
        # Streams of the process itself are no files of a run.
        if isinstance(file, int) or not set(mode) & set("wax"):
            return made
        counts[WRITE] += 1
        return _Half(made, counts[WRITE], look)

    return opened


class _Half:
    """A file whose first write has a middle."""

    def __init__(self, file: Any, number: int, look: Look) -> None:
        self._file, self._number, self._look, self._first = file, number, look, True

    def write(self, content: Any) -> int:
        if not self._first or not isinstance(content, str | bytes):
            return int(self._file.write(content))
        self._first = False
        half = len(content) // 2
        self._look(WRITE, "before", self._number)
        self._file.write(content[:half])
        self._file.flush()
        self._look(WRITE, "in", self._number)
        self._file.write(content[half:])
        return len(content)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Half:
        return self

    def __exit__(self, *error: Any) -> None:
        self._file.close()

    def __iter__(self) -> Any:
        return iter(self._file)
