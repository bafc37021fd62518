"""Show the progress of a long computation on standard error."""

from __future__ import annotations

import sys
import threading
import time
from types import TracebackType

PATIENCE = 2.0  # seconds before anything is shown
WIDTH = 20  # characters of the bar


class Progress:
    """A context that, after two seconds, shows the number of finished steps and the current one.

    On a terminal a bar is redrawn twice a second. Elsewhere nothing is written, or, if `mode` is
    ``"lines"``, one line per finished step.
    """

    def __init__(self, total: int, mode: bool | str = True) -> None:
        self.total = total
        self.count = 0
        self.label = ""
        self._start = time.monotonic()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._live = bool(mode) and sys.stderr.isatty()
        self._lines = mode == "lines" and not self._live

    def __enter__(self) -> Progress:
        if self._live:
            self._thread = threading.Thread(target=self._tick, daemon=True)
            self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            sys.stderr.write("\r\033[K")
            sys.stderr.flush()

    def begin(self, label: str) -> None:
        """Set the name of the current step."""
        self.label = label

    def finish(self, label: str) -> None:
        """Count a step as finished."""
        self.count += 1
        if self._lines and self.seconds > PATIENCE:
            sys.stderr.write(f"{self.count}/{self.total} {label} {self.seconds:.0f} s\n")
            sys.stderr.flush()

    @property
    def seconds(self) -> float:
        """Return the time since the start."""
        return time.monotonic() - self._start

    def _tick(self) -> None:
        while not self._stop.wait(0.5):
            if self.seconds > PATIENCE:
                full = WIDTH * self.count // max(self.total, 1)
                bar = "#" * full + "-" * (WIDTH - full)
                text = f"[{bar}] {self.count}/{self.total} {self.label} {self.seconds:.0f} s"
                sys.stderr.write(f"\r\033[K{text}")
                sys.stderr.flush()
