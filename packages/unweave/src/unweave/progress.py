"""Progress of long tasks: a bar on a terminal, and regular lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

LINE_SECONDS = 15.0
"""Seconds between two lines where there is no terminal."""
REFRESH_SECONDS = 0.1
BAR_WIDTH = 16


class Progress(Protocol):
    """Shows the progress of training."""

    def say(self, text: str) -> None:
        """Show one line."""
        ...

    def loading(self, count: int, total: int) -> None:
        """Show how far the data set is loaded."""
        ...

    def start(self, step: int, steps: int) -> None:
        """Begin at a step."""
        ...

    def stepped(self, step: int) -> None:
        """Show that `step` steps are done."""
        ...

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        """Show the terms."""
        ...

    def close(self) -> None:
        """End."""
        ...


class Silent:
    """Shows nothing."""

    def say(self, text: str) -> None:
        """Show nothing."""

    def loading(self, count: int, total: int) -> None:
        """Show nothing."""

    def start(self, step: int, steps: int) -> None:
        """Show nothing."""

    def stepped(self, step: int) -> None:
        """Show nothing."""

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        """Show nothing."""

    def close(self) -> None:
        """Show nothing."""


class TaskBar:
    """A bar for one task on stderr: count, time left and rate, then as many terms as fit."""

    def __init__(self, what: str, unit: str) -> None:
        self._what, self._unit = what, unit
        self._console = Console(stderr=True)
        self._bar: Bar | None = None
        self._task: Any = None
        self._total = 0
        self._start_count, self._start, self._last = 0, 0.0, 0.0
        self._terms: Sequence[str] = ()

    def start(self, count: int, total: int) -> None:
        """Begin; `count` of `total` are done already."""
        self._total, self._start_count = total, count
        self._start = time.monotonic()
        self._last = self._start
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description}"), BarColumn(BAR_WIDTH), MofNCompleteColumn(),
                TimeRemainingColumn(), TextColumn("left"), TextColumn("{task.fields[rest]}"),
            )  # fmt: skip
            self._bar = Bar(*columns, console=self._console)
            self._bar.start()
            self._task = self._bar.add_task(self._what, total=total, completed=count, rest="")

    def update(self, count: int, terms: Sequence[str] | None = None) -> None:
        """Show that `count` are done, and the terms, new ones if given."""
        now = time.monotonic()
        self._terms = self._terms if terms is None else terms
        if self._bar is not None:
            if terms is not None or now - self._last >= REFRESH_SECONDS or count >= self._total:
                self._last = now
                rest = fitting([self._rate(count, now), *self._terms], self._room())
                self._bar.update(self._task, completed=count, rest=rest)
        elif now - self._last >= LINE_SECONDS:
            self._last = now
            seconds = (
                (self._total - count) * (now - self._start) / max(1, count - self._start_count)
            )
            self._console.print(
                f"{self._what}: {count} of {self._total}, {self._rate(count, now)}, "
                f"{seconds:.0f} s left  {'  '.join(self._terms)}".rstrip(),
                highlight=False, soft_wrap=True,
            )  # fmt: skip

    def close(self) -> None:
        """Leave the bar as it is."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _room(self) -> int:
        """Return the number of columns that bar, count and time left leave free."""
        count = 2 * len(str(self._total)) + 1
        used = len(self._what) + BAR_WIDTH + count + len("-:--:--") + len("left")
        return self._console.width - used - 5  # a space between each two of the six

    def _rate(self, count: int, now: float) -> str:
        rate = (count - self._start_count) / max(1e-9, now - self._start)
        return (
            f"{rate:.1f} {self._unit}/s" if rate >= 0.1 or rate == 0 else f"{1 / rate:.0f} s each"
        )


class TrainingProgress:
    """The progress of training as the command line shows it."""

    def __init__(self) -> None:
        self._loading: TaskBar | None = None
        self._steps = TaskBar("training", "steps")
        self._said: set[str] = set()
        self._began = 0.0
        self._loss = ""

    def say(self, text: str) -> None:
        """Print a line on stderr, unless it was printed before."""
        if text not in self._said:
            self._said.add(text)
            print(text, file=sys.stderr)

    def loading(self, count: int, total: int) -> None:
        """Show how far the data set is loaded."""
        if self._loading is None:
            self._loading = TaskBar("loading data", "images")
            self._loading.start(0, total)
        self._loading.update(count)

    def start(self, step: int, steps: int) -> None:
        """Begin the bar of steps."""
        if self._loading is not None:
            self._loading.close()
        self._began = time.monotonic()
        self._steps.start(step, steps)

    def stepped(self, step: int) -> None:
        """Move the bar."""
        self._steps.update(step)

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        """Show the terms beside the bar."""
        terms = [f"{name} {value:.4g}" for name, value in scalars.items()]
        if "loss" in scalars:
            self._loss = f"loss {scalars['loss']:.4g} at step {step:,}"
        self._steps.update(step, terms)

    def close(self) -> None:
        """Leave the bar as it is, and print the last loss and the training time."""
        if self._loading is not None:
            self._loading.close()
        self._steps.close()
        if self._loss:
            self.say(f"{self._loss}, after {duration(time.monotonic() - self._began)}")
            self._loss = ""


def fitting(parts: Sequence[str], room: int) -> str:
    """Join as many of the texts, separated by two spaces, as fit into `room` columns.

    Examples
    --------
    >>> fitting(["44.3 steps/s", "loss 1.52", "reconstruction 3.21"], 25)
    '44.3 steps/s  loss 1.52'
    """
    line = ""
    for part in parts:
        longer = f"{line}  {part}" if line else part
        if len(longer) > room:
            break
        line = longer
    return line


def duration(seconds: float) -> str:
    """Write a time in its two largest units.

    Examples
    --------
    >>> duration(3700)
    '1 h 1 min'
    >>> duration(61)
    '1 min 1 s'
    """
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


@contextmanager
def counting(what: str, unit: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function (done, total) that shows a bar from its first call on."""
    bar = TaskBar(what, unit)
    started = False

    def show(count: int, total: int) -> None:
        nonlocal started
        if not started:
            bar.start(0, total)
            started = True
        bar.update(count)

    try:
        yield show
    finally:
        bar.close()
