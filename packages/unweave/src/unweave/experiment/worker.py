"""Do one job: claim it, train or continue training, measure, and write its row."""

from __future__ import annotations

import contextlib
import math
import os
import socket
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unweave.directory import CARRIED, LOCK, RunDirectory, check_empty
from unweave.errors import ConfigError, RunError, UnweaveError
from unweave.experiment.checks import configuration
from unweave.experiment.claims import claim_job, forget_foreign_lock
from unweave.experiment.definition import Experiment, Job
from unweave.experiment.job_progress import Reporter
from unweave.experiment.measures import measure
from unweave.experiment.rows import (
    NOT_DEFINED,
    JobFiles,
    MeasuredValue,
    Row,
    failures,
    full_text,
    reached_step,
    read_row,
    write_row,
)
from unweave.files import expanded, remove_partial
from unweave.options import spec_text

if TYPE_CHECKING:
    from unweave.train_config import TrainConfig
    from unweave.trained import Trained


@dataclass(frozen=True)
class Work:
    """The input of a worker: a job of an experiment, the folder, and the device."""

    experiment: Experiment
    job: Job
    folder: str
    device: str = "auto"

    @property
    def files(self) -> JobFiles:
        """The paths of the job's files."""
        return JobFiles(Path(self.folder), self.job)


def perform_together(works: Sequence[Work]) -> list[Row]:
    """Do jobs whose runs are trained as one ensemble, and return their rows.

    Where they cannot be batched, a sentence says why and they are trained one by one.
    """
    with _one_thread():
        unfinished = _train_together(works) if len(works) > 1 else {}
    return [unfinished.get(work.job.name) or perform(work) for work in works]


def _train_together(works: Sequence[Work]) -> dict[str, Row]:
    """Train the unfinished runs that no other process has; return the rows of incomplete ones.

    A run that reached its last step is measured later.
    """
    from unweave.together import RunRequest, train_together

    with contextlib.ExitStack() as stack:
        free = [w for w in works if stack.enter_context(claim_job(w.files.claim)) is None]
        steps = {w.job.name: configuration(w.experiment, w.job).steps for w in free}
        rows = [read_row(w.job, w.files, w.experiment, steps[w.job.name]) for w in free]
        unfinished = [(work, row) for work, row in zip(free, rows, strict=True) if not row.finished]
        if len(unfinished) < 2:
            return {}
        requests = []
        for work, row in unfinished:
            reporter = Reporter(work.files.progress, work.job, row.steps, row.step)
            stack.callback(reporter.finish)
            _clear(work)
            requests.append(RunRequest(work.job.settings, work.files.run, reporter))
        start = time.monotonic()
        try:
            outcomes = train_together(requests, works[0].device)
        except (Exception, SystemExit) as error:
            print(
                f"{len(unfinished)} runs are trained one by one: {_describe_error(error)[0]}",
                file=sys.stderr,
            )
            return {}
        seconds = (time.monotonic() - start) / len(unfinished)
        rows_after = {
            work.job.name: _row_after(
                work, row, seconds, outcome if isinstance(outcome, Exception) else None
            )
            for (work, row), outcome in zip(unfinished, outcomes, strict=True)
        }
        for work, _ in unfinished:
            write_row(work.files, rows_after[work.job.name])
    return {name: row for name, row in rows_after.items() if not row.finished}


def perform(work: Work) -> Row:
    """Do a job and return its row; existing results are not computed again.

    An error of the training or of a measure is told in the row. A run that was stopped by a
    signal has the status `stopped`, one that another process is at, `elsewhere`.
    """
    files = work.files
    config = configuration(work.experiment, work.job)
    with claim_job(files.claim) as other, _one_thread():
        row = read_row(work.job, files, work.experiment, config.steps)
        if other is not None:
            return row.model_copy(update={"status": "elsewhere", "reason": f"{other} trains it"})
        reporter = Reporter(files.progress, work.job, config.steps, row.step)
        row = _train_job(work, row, config, reporter)
        if row.finished:
            row = _measure_job(work, row, reporter)
        # Before the row: once the job has a row, no process would remove a leftover of this file.
        reporter.finish()
        write_row(files, row)
    return row


def _train_job(work: Work, row: Row, config: TrainConfig, reporter: Reporter) -> Row:
    """Train to the last step, or until a stop or an error."""
    if row.finished:
        _unlock(work.files.run)
        return row
    began = time.monotonic()
    try:
        _train(work, config, reporter)
    except (Exception, SystemExit) as error:
        return _row_after(work, row, time.monotonic() - began, error)
    return _row_after(work, row, time.monotonic() - began, None)


def _row_after(work: Work, row: Row, seconds: float, error: BaseException | None) -> Row:
    """Return the row after a session of training, and after the error that ended it, if any.

    It has no measures: they would be of the step where the session began.
    """
    step = reached_step(work.files.run)
    status = "finished" if step == row.steps else "stopped"
    reason, details = ("", "") if error is None else _describe_error(error)
    return row.model_copy(
        update={
            "status": status if error is None else "failed", "reason": reason,
            "details": details, "step": step, "seconds": row.seconds + seconds, "measures": {},
            "host": socket.gethostname(), "pid": os.getpid(),
        }
    )  # fmt: skip


def _train(work: Work, config: TrainConfig, reporter: Reporter) -> None:
    from unweave.trained import Trained
    from unweave.training import resume, train

    path = work.files.run
    _clear(work)
    check_run(path, config)
    if (path / "config.toml").is_file():
        resume(Trained, path, steps=config.steps, device=work.device, progress=reporter)
        return
    train(Trained, **work.job.settings, out=path, device=work.device, progress=reporter)


def _unlock(path: Path) -> None:
    """Remove the lock of a process that was killed after its last checkpoint."""
    if (path / LOCK).exists():
        with contextlib.suppress(RunError), RunDirectory.open(path).locked():
            pass


def _clear(work: Work) -> None:
    """Remove leftovers of a killed process from a run directory."""
    path = work.files.run
    if (path / "config.toml").is_file():
        forget_foreign_lock(path / LOCK)
    elif path.is_dir():
        remove_partial(path)  # of a process that was killed while it wrote its first file


class DamagedRunError(RunError):
    """A run directory that cannot be read; other runs of the experiment are not concerned."""


def check_run(path: Path, config: TrainConfig) -> None:
    """Raise unless a run directory is still to be made, or was made with these settings.

    It may have been made with fewer steps: a run continues to more.

    Raises
    ------
    DamagedRunError
        If it cannot be read.
    ConfigError
        Naming a setting that differs.
    """
    try:
        reached_step(path)
        if not (path / "config.toml").is_file():
            _check_absent(path)
            return
        run = RunDirectory.open(path)
        facts = run.image_facts()
    except ConfigError as error:
        raise DamagedRunError(
            f"{error}; mend it, or delete {path} and repeat the command to train this run again"
        ) from error
    theirs, ours = (_comparable(c.model_dump()) for c in (run.config, config))
    if facts is not None and facts.size < config.batch_size:
        ours["batch_size"] = facts.size  # training reduces the batch size to the number of images
    copies = str((path / CARRIED).resolve())
    for option, value in theirs["prior"]["options"].items():
        if str(value).startswith(copies):  # a copy of the user's file
            ours["prior"]["options"][option] = value
    theirs["steps"] = max(theirs["steps"], ours["steps"])
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise ConfigError(
                f"{path} was trained with other settings ({name} "
                f"{_setting_text(theirs.get(name))} instead of {_setting_text(value)}); choose "
                "another --out"
            )


def _setting_text(value: Any) -> str:
    """Write a setting as a user types it, as in `mlp:widths=64,32`."""
    if isinstance(value, dict) and value.keys() == {"name", "options"}:
        options = {key: _setting_text(option) for key, option in value["options"].items()}
        value = spec_text(value["name"], options)
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return str(value)[:80]


def _check_absent(path: Path) -> None:
    try:
        check_empty(path)
    except RunError as error:
        if not (path / "config.toml").is_file():  # another process may have made the run since
            raise RunError(f"{path} has no config.toml, but other files") from error


def _comparable(value: Any) -> Any:
    """Return settings with absolute paths as text, and lists for tuples, as TOML returns them."""
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items() if item is not None}
    if isinstance(value, list | tuple):
        return [_comparable(item) for item in value]
    return str(expanded(value).resolve()) if isinstance(value, Path) else value


def _measure_job(work: Work, row: Row, reporter: Reporter) -> Row:
    """Fit the density, compute missing measures, and write the report if the experiment has it."""
    from unweave.report import write_report
    from unweave.trained import Trained

    experiment = work.experiment
    values = {label: value for label, value in row.measures.items() if not value.failed}
    missing = [label for label in experiment.measures if label not in values]
    run = Trained.open(work.files.run)
    if missing and experiment.density is not None:
        reporter.phase("fitting the density")
        problem = _problem_of(run.fit_density, experiment.density)
        if problem:
            failed_values = {
                label: _failed_value(experiment, label, row.step, problem) for label in missing
            }
            return row.model_copy(
                update={"measures": {**values, **failed_values}, "reason": problem}
            )
    for label in missing:
        reporter.phase(f"measuring {label}")
        values[label] = _measure(run, experiment, label, row.step)
    report = ""
    if experiment.reports and (not row.measures or not (run.path / "report.html").is_file()):
        reporter.phase("drawing its report")
        report = _problem_of(write_report, run)
    measures = {label: values[label] for label in experiment.measures}
    reason = failures(measures, report)
    return row.model_copy(update={"measures": measures, "report": report, "reason": reason})


def _measure(run: Trained, experiment: Experiment, label: str, step: int) -> MeasuredValue:
    text = experiment.measures[label]
    try:
        value = measure(run, experiment, text)
    except (Exception, SystemExit) as error:
        return _failed_value(experiment, label, step, _describe_error(error)[0])
    whole = full_text(experiment, text)
    if not math.isfinite(value):
        return MeasuredValue(measure=whole, value=None, step=step, reason=NOT_DEFINED)
    return MeasuredValue(measure=whole, value=value, step=step)


def _failed_value(experiment: Experiment, label: str, step: int, reason: str) -> MeasuredValue:
    text = full_text(experiment, experiment.measures[label])
    return MeasuredValue(measure=text, value=None, step=step, reason=reason)


def _problem_of(function: Any, *arguments: Any) -> str:
    try:
        function(*arguments)
    except (Exception, SystemExit) as error:
        return _describe_error(error)[0]
    return ""


def _describe_error(error: BaseException) -> tuple[str, str]:
    """Describe an error in one line; add the traceback unless it is a user's error."""
    text = " ".join(str(error).split())[:500]
    if isinstance(error, UnweaveError):
        return text, ""
    details = "".join(traceback.format_exception(error))[-4000:]
    return f"{type(error).__name__}: {text}".rstrip(": "), details


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Limit torch to one thread, so that all executors give identical results."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
