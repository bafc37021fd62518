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
"""Functions of `os` in the counts; `write` counts files that are opened for writing."""
WRITE = "write"


@dataclass(frozen=True)
class Moment:
    """A time just before, during or after the n-th call of a function.

    call : one of CALLS, or WRITE; during a write, half of the content is in the file.
    """

    call: str
    when: str
    number: int

    def __str__(self) -> str:
        return f"{self.when} {self.call} {self.number}"


def count_calls(function: Callable[[], object], into: Path) -> Callable[[], None]:
    """Return a function that also writes the number of its calls of each kind to a file."""

    def run() -> None:
        totals: Counter[str] = Counter()
        _watch(lambda call, when, count: totals.update([call] if when == "before" else []))
        try:
            function()
        finally:
            into.write_text(json.dumps(totals))

    return run


def kill_at(function: Callable[[], object], moment: Moment, number: int) -> Callable[[], None]:
    """Return a function that gets a signal at a moment."""

    def look(call: str, when: str, count: int) -> None:
        if (call, when, count) == (moment.call, moment.when, moment.number):
            os.kill(os.getpid(), number)

    def run() -> None:
        _watch(look)
        function()

    return run


Look = Callable[[str, str, int], None]


def _watch(look: Look) -> None:
    counts: Counter[str] = Counter()
    for name in CALLS:
        setattr(os, name, _wrap(name, getattr(os, name), counts, look))
    real = io.open
    open_file = _wrap_open(real, counts, look)
    io.open = builtins.open = open_file


def _wrap(name: str, real: Callable[..., Any], counts: Counter[str], look: Look) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        counts[name] += 1
        number = counts[name]
        look(name, "before", number)
        result = real(*arguments, **options)
        look(name, "after", number)
        return result

    return call


def _wrap_open(real: Callable[..., Any], counts: Counter[str], look: Look) -> Any:
    def open_file(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        file_object = real(file, mode, *arguments, **options)
        # Streams of the process are not files of a run.
        if isinstance(file, int) or not set(mode) & set("wax"):
            return file_object
        counts[WRITE] += 1
        return _Half(file_object, counts[WRITE], look)

    return open_file


class _Half:
    """A file whose first write has two halves, with a moment between them."""

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
