"""The progress of a worker, in a small file that remains if the worker is killed."""

from __future__ import annotations

import contextlib
import glob
import json
import os
import socket
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from unweave.experiment.definition import Job, place_text
from unweave.progress import Silent

WRITE_SECONDS = 0.5


class JobProgress(BaseModel):
    """The progress of a job.

    Attributes
    ----------
    first_step
        The step at which this session began.
    seconds
        Since it did.
    """

    model_config = ConfigDict(frozen=True)
    title: str
    host: str
    pid: int
    phase: str
    step: int
    steps: int
    first_step: int
    seconds: float
    terms: str = ""

    @property
    def rate(self) -> float:
        """Steps per second in this session; 0 before it is known."""
        return (self.step - self.first_step) / self.seconds if self.seconds > 0 else 0.0


class Reporter(Silent):
    """A run's progress as a file that is replaced twice a second."""

    def __init__(self, path: Path, job: Job, steps: int, first_step: int) -> None:
        self._path = path
        self._remove_partial_files()
        self._start = time.monotonic()
        self._last = 0.0
        self._progress = JobProgress(
            title=f"{place_text(job.label, job.place)}, seed {job.seed}",
            host=socket.gethostname(), pid=os.getpid(), phase="starting",
            step=first_step, steps=steps, first_step=first_step, seconds=0.0,
        )  # fmt: skip
        self._write()

    def phase(self, text: str) -> None:
        """Report the current phase."""
        self._progress = self._progress.model_copy(update={"phase": text})
        self._write()

    def loading(self, count: int, total: int) -> None:
        """Report that the data are being loaded."""
        if time.monotonic() - self._last >= WRITE_SECONDS:
            self.phase(f"loading data, {count} of {total} images")

    def start(self, step: int, steps: int) -> None:
        """Begin at a step."""
        self._start = time.monotonic()
        self._progress = self._progress.model_copy(update={"first_step": step, "phase": "training"})
        self.stepped(step)

    def stepped(self, step: int) -> None:
        """Report the step."""
        now = time.monotonic()
        if now - self._last >= WRITE_SECONDS:
            changes = {"step": step, "seconds": now - self._start}
            self._progress = self._progress.model_copy(update=changes)
            self._write()

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        """Report the terms."""
        terms = "  ".join(f"{name} {value:.4g}" for name, value in list(scalars.items())[:4])
        self._progress = self._progress.model_copy(update={"terms": terms})

    def finish(self) -> None:
        """Remove the file; ignore errors, because progress is not essential."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)

    def _remove_partial_files(self) -> None:
        """Remove partial files of a killed process; this process has the job now."""
        for path in self._path.parent.glob(f"{glob.escape(self._path.stem)}.*"):
            if path.suffix.removeprefix(".").isdecimal():
                path.unlink(missing_ok=True)

    def _write(self) -> None:
        """Replace the file; ignore errors, because progress is not essential."""
        self._last = time.monotonic()
        partial = self._path.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            partial.write_text(json.dumps(self._progress.model_dump()), encoding="utf-8")
            partial.replace(self._path)


def read_job_progress(path: Path) -> JobProgress | None:
    """Read the progress of a job; None if no process does the job."""
    try:
        return JobProgress.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        return None
