"""Progress of a sweep: one line per worker, and one for the whole sweep."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from unweave.experiment.claims import live_holder
from unweave.experiment.definition import Experiment
from unweave.experiment.job_progress import JobProgress, read_job_progress
from unweave.experiment.rows import JobFiles, Row, is_over, stored_row
from unweave.progress import LINE_SECONDS

POLL_SECONDS = 0.5
FIRST_SECONDS = 3.0
"""Seconds of the first steps before the time left is estimated."""


class Watch:
    """Shows the progress of the workers on stderr until the block ends.

    Parameters
    ----------
    files
        Of every job that is to be done.
    steps
        Which each of them has still to do.
    finished, total
        Runs of the experiment that were finished before, and all.
    experiment
        Whose measures a run has when it is over.
    more_over
        Called in a thread after a job has ended, and again until it returns True: that all that
        follows the end is done.
    """

    def __init__(
        self, files: Mapping[str, JobFiles], steps: Mapping[str, int], finished: int, total: int,
        experiment: Experiment, more_over: Callable[[], bool] = lambda: True,
    ) -> None:  # fmt: skip
        self._files, self._remaining_steps = dict(files), dict(steps)
        self._finished, self._total = finished, total
        self._failed = 0
        self._experiment, self._more_over, self._news = experiment, more_over, False
        # The row of a run that failed in an earlier sweep does not belong to this one.
        self._stamps = {name: _stamp(self._files[name].row) for name in steps}
        self._pace: dict[str, float] = {}
        # When a job at work was first seen, and what finished ones took besides training.
        self._seen: dict[str, float] = {}
        self._besides: list[float] = []
        self._by_job: dict[str, JobProgress] = {}
        self._start = time.monotonic()
        self._last_line = self._start
        self._shown_time = False
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._console = Console(stderr=True)
        self._lines: dict[str, Any] = {}
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(bar_width=20),
            TextColumn("{task.fields[summary]}"), console=self._console,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Watch:
        if self._console.is_terminal:
            self._bars.start()
            self._whole = self._bars.add_task("all runs", total=self._total, summary="")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        self._over.set()
        self._thread.join()
        self._count_rows()
        if self._console.is_terminal:
            self._show(self._read_progress())
            self._bars.stop()

    def over(self, name: str, row: Row) -> None:
        """Take note that a job is over; what its row told already is not counted again."""
        with self._lock:
            steps = self._remaining_steps.pop(name, None)
            if steps is None:
                return
            began, pace = self._seen.pop(name, None), self._pace.get(_kind(name))
            if row.finished and began is not None and pace is not None:
                self._besides.append(max(0.0, time.monotonic() - began - steps * pace))
            self._news = True
            self._finished += row.finished
            self._failed += row.status == "failed"

    def seconds_left(self) -> float | None:
        """Estimate how long the rest takes; None before the first steps are done.

        A run takes its steps, and besides, to load the data and to measure, what the mean of the
        finished ones took.
        """
        with self._lock:
            if not self._pace or not self._by_job:
                return None if self._remaining_steps else 0.0
            usual = sum(self._pace.values()) / len(self._pace)
            besides = sum(self._besides) / max(1, len(self._besides))
            now, work = time.monotonic(), 0.0
            for name, steps in self._remaining_steps.items():
                progress = self._by_job.get(name)
                rest = steps if progress is None else progress.steps - progress.step
                work += rest * self._pace.get(_kind(name), usual)
                spent = 0.0 if progress is None else now - self._seen[name] - progress.seconds
                work += max(0.0, besides - max(0.0, spent))
            return work / max(1, len(self._by_job))

    def summary(self) -> str:
        """Return the progress of the whole sweep as text."""
        seconds = self.seconds_left()
        failed = f", {self._failed} failed" if self._failed else ""
        time_left = "" if not seconds else f", about {duration(seconds)} left"
        return f"{self._finished} of {self._total} runs{failed}{time_left}"

    def _watch(self) -> None:
        while not self._over.wait(POLL_SECONDS):
            self._count_rows()
            if self._news and self._more_over():
                self._news = False
            progresses = self._read_progress()
            if self._console.is_terminal:
                self._show(progresses)
            else:
                self._say(progresses)

    def _count_rows(self) -> None:
        """Count the jobs that are over according to their rows.

        An executor returns results in the order of the jobs, so a slow first job delays all others.
        """
        with self._lock:
            names = list(self._remaining_steps)
        for name in names:
            path = self._files[name].row
            if (stamp := _stamp(path)) == self._stamps[name]:
                continue
            self._stamps[name] = stamp
            row = stored_row(path)
            if row is not None and is_over(row, self._experiment):
                self.over(name, row)

    def _read_progress(self) -> dict[str, JobProgress]:
        """Read the progress of every live worker, and update the pace of each kind of run."""
        with self._lock:
            names = list(self._remaining_steps)
        states = {name: read_job_progress(self._files[name].progress) for name in names}
        by_job = {
            name: progress
            for name, progress in states.items()
            if progress is not None and live_holder(self._files[name].claim) is not None
        }
        with self._lock:
            self._by_job = by_job
            for name in by_job:
                self._seen.setdefault(name, time.monotonic())
            for name, progress in by_job.items():
                if progress.rate > 0:
                    self._pace[_kind(name)] = 1 / progress.rate
        return by_job

    def _show(self, progresses: Mapping[str, JobProgress]) -> None:
        workers = {f"{s.host} {s.pid}": s for s in progresses.values()}
        for key in [key for key in self._lines if key not in workers]:
            self._bars.remove_task(self._lines.pop(key))
        for key, progress in workers.items():
            if key not in self._lines:
                self._lines[key] = self._bars.add_task("", total=1, summary="")
            self._bars.update(
                self._lines[key], description=progress.title, total=progress.steps,
                completed=progress.step, summary=progress_text(progress),
            )  # fmt: skip
        self._bars.update(self._whole, completed=self._finished, summary=self.summary())

    def _say(self, progresses: Mapping[str, JobProgress]) -> None:
        now = time.monotonic()
        first = not self._shown_time and now - self._start > FIRST_SECONDS
        first = first and self.seconds_left() is not None
        if not first and now - self._last_line < LINE_SECONDS:
            return
        self._last_line, self._shown_time = now, self._shown_time or first
        jobs = "; ".join(f"{s.title}: {progress_text(s)}" for s in progresses.values())
        line = f"{self.summary()}; at work: {jobs}" if jobs else self.summary()
        self._console.print(line, highlight=False, soft_wrap=True, markup=False)


def progress_text(progress: JobProgress) -> str:
    """Return the progress of a job as text."""
    if progress.phase != "training":
        return progress.phase
    rate = f", {progress.rate:.1f} steps/s" if progress.rate else ""
    return f"step {progress.step} of {progress.steps}{rate}  {progress.terms}".rstrip()


def duration(seconds: float) -> str:
    """Say a time.

    Examples
    --------
    >>> duration(4), duration(400), duration(40_000)
    ('4 s', '7 min', '11.1 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _stamp(path: Path) -> tuple[int, int] | None:
    """Return a stamp that differs between versions of a file; None if it does not exist."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns


def _kind(name: str) -> str:
    """Return the name of a job without its seed; runs that differ only in it are equally fast."""
    return name.rpartition("-seed")[0]
