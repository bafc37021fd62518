"""Rows: the state of every job, one JSON file each, beside the run directories."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict

from unweave.errors import RunError
from unweave.experiment.definition import Experiment, Job
from unweave.files import write_text

Status = Literal["finished", "failed", "stopped", "elsewhere", "waiting"]
LARGEST_BYTES = 4_000_000
NOT_DEFINED = "not defined"
"""The reason of a score that is NaN or infinite."""


class MeasuredValue(BaseModel):
    """The value of a measure: its step, and the reason if it is missing.

    Attributes
    ----------
    measure
        The measure's text with what else decides it, the test data and the density.
    """

    model_config = ConfigDict(frozen=True)  # another version may write more
    measure: str
    value: float | None
    step: int
    reason: str = ""

    @property
    def failed(self) -> bool:
        """Whether it could not be computed; an undefined value is not a failure."""
        return self.value is None and self.reason != NOT_DEFINED


class Row(BaseModel):
    """The state of one job.

    Attributes
    ----------
    step, steps
        What was reached, of what; a run is finished where they are equal.
    seconds
        Of training, over all sessions.
    folder
        The run directory.
    host, pid
        Of the process that did it.
    report
        Why the report of the run could not be written.
    details
        The traceback of an error that is not a user's.
    """

    model_config = ConfigDict(frozen=True)  # another version may write more
    run: str
    place: dict[str, Any]
    seed: int
    status: Status = "waiting"
    reason: str = ""
    step: int = 0
    steps: int = 0
    seconds: float = 0.0
    folder: str = ""
    host: str = ""
    pid: int = 0
    measures: dict[str, MeasuredValue] = {}
    report: str = ""
    details: str = ""

    @property
    def finished(self) -> bool:
        """Whether it was trained to its last step."""
        return self.status == "finished"

    def value(self, measure: str) -> float:
        """Return a measure; NaN if it is missing or the run is not finished."""
        entry = self.measures.get(measure)
        if not self.finished or entry is None or entry.value is None or entry.step != self.steps:
            return math.nan
        return entry.value


class JobFiles:
    """The paths of a job's files in the folder of an experiment."""

    def __init__(self, folder: Path, job: Job) -> None:
        jobs = folder / "jobs"
        self.run = folder / "runs" / job.name
        self.row = jobs / f"{job.name}.json"
        self.claim = jobs / f"{job.name}.claim"
        self.progress = jobs / f"{job.name}.progress"


def read_row(job: Job, files: JobFiles, experiment: Experiment, steps: int) -> Row:
    """Read the row of a job, as far as its checkpoint bears it out.

    The newest checkpoint says whether the run is finished; a measure of another step, or that was
    computed otherwise, is not taken. A run whose checkpoints cannot be read has failed.
    """
    row = stored_row(files.row) or Row(run=job.label, place=job.place, seed=job.seed)
    try:
        step = reached_step(files.run)
    except RunError as error:
        step, row = 0, row.model_copy(update={"status": "failed", "reason": str(error)})
    measures = {
        label: row.measures[label]
        for label, text in experiment.measures.items()
        if label in row.measures
        and row.measures[label].measure == full_text(experiment, text)
        and row.measures[label].step == step
    }
    status: Status = "stopped" if step else "waiting"
    if step == steps:
        status = "finished"
    elif row.status == "failed":
        status = "failed"
    return row.model_copy(
        update={
            "run": job.label, "place": job.place, "seed": job.seed, "folder": str(files.run),
            "step": step, "steps": steps, "status": status, "measures": measures,
            "reason": row.reason if status == "failed" else failures(measures, row.report),
        }
    )  # fmt: skip


def needs_work(row: Row, experiment: Experiment) -> bool:
    """Return whether training, a measure or a report is missing; failures are tried again."""
    if not row.finished or row.measures.keys() != experiment.measures.keys():
        return True
    if experiment.reports and not (Path(row.folder) / "report.html").is_file():
        return True
    return bool(row.report) or any(entry.failed for entry in row.measures.values())


def is_over(row: Row, experiment: Experiment) -> bool:
    """Return whether the row of a job is complete: the job failed, or has all measures.

    The rows of runs that are trained together are written before the first of them is measured.
    """
    has_measures = row.finished and row.measures.keys() == experiment.measures.keys()
    return has_measures or row.status == "failed"


def failures(measures: Mapping[str, MeasuredValue], report: str) -> str:
    """Return what a trained run lacks, and why: measures without a value, and its report."""
    problems = _measure_reasons(measures), report and f"report: {report}"
    return "; ".join(filter(None, problems))


def _measure_reasons(measures: Mapping[str, MeasuredValue]) -> str:
    """Return which measures have no value and why; those with the same reason share a sentence."""
    labels: dict[str, list[str]] = {}
    for label, entry in measures.items():
        if entry.value is None:
            labels.setdefault(entry.reason, []).append(label)
    return "; ".join(f"{_measures_text(names)}: {reason}" for reason, names in labels.items())


def _measures_text(labels: Sequence[str]) -> str:
    """Return labels in quotes, because they may contain commas, as in `measures 'A' and 'B'`."""
    *others, last = map(repr, labels)
    return f"measures {', '.join(others)} and {last}" if others else f"measure {last}"


def not_measured(row: Row, experiment: Experiment) -> str:
    """Return which measures a finished run still lacks, as of a sweep that was stopped."""
    missing = [label for label in experiment.measures if label not in row.measures]
    return f"{_measures_text(missing)}: not computed yet" if row.finished and missing else ""


def write_row(files: JobFiles, row: Row) -> None:
    """Write the row of a job."""
    files.row.parent.mkdir(parents=True, exist_ok=True)
    write_text(files.row, json.dumps(row.model_dump(), indent=2) + "\n")


def full_text(experiment: Experiment, measure: str) -> str:
    """Return the text of a measure with the test data and the density, if it depends on them."""
    parts = [measure]
    if measure.startswith(("test-", "noisy-test-", "linear-probe test")):
        parts.append(f"on {experiment.test}")
    if measure.startswith(("mmd", "frechet")):
        parts.append(f"on {experiment.test}, density {experiment.density}")
    return "; ".join(parts)


def reached_step(run: Path) -> int:
    """Return the step of a run's newest checkpoint, or 0 if there is none.

    The log does not show it, because its last line is written before the last checkpoint.
    """
    from unweave.checkpoint import newest_step  # imports torch

    return newest_step(run / "checkpoints")


def stored_row(path: Path) -> Row | None:
    """Read the file of a row without checks; None if it does not exist or is not a row."""
    try:
        if path.stat().st_size > LARGEST_BYTES:
            return None
        return Row.model_validate_json(path.read_bytes())
    except (OSError, pydantic.ValidationError):
        return None
