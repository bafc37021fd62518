"""Progress that is written to a file as well."""

from __future__ import annotations

import time
from pathlib import Path

from unweave.errors import ConfigError
from unweave.progress import Progress


class LogFile:
    """Passes progress on, and adds every message and log line to a file, with date and time.

    Parameters
    ----------
    path
        The file; lines are added to one that exists.
    display
        Who shows the progress.

    Raises
    ------
    ConfigError
        If the file cannot be written.
    """

    def __init__(self, path: Path, display: Progress) -> None:
        self._path, self._display = path, display
        self._steps = 0
        self._write("begun")

    def _write(self, text: str) -> None:
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} {text}\n")
        except OSError as error:
            raise ConfigError(f"log {self._path} cannot be written: {error.strerror}") from error

    def say(self, text: str) -> None:
        """Show and write one line."""
        self._display.say(text)
        self._write(text)

    def loading(self, count: int, total: int) -> None:
        """Show how far the data set is loaded."""
        self._display.loading(count, total)

    def start(self, step: int, steps: int) -> None:
        """Begin at a step."""
        self._steps = steps
        self._display.start(step, steps)
        self._write(f"training from step {step:,} to {steps:,}")

    def stepped(self, step: int) -> None:
        """Show that `step` steps are done."""
        self._display.stepped(step)

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        """Show and write the terms."""
        self._display.logged(step, scalars)
        terms = "  ".join(f"{name} {value:.6g}" for name, value in scalars.items())
        self._write(f"step {step:,} of {self._steps:,}: {terms}")

    def close(self) -> None:
        """End."""
        self._display.close()
        self._write("ended")
