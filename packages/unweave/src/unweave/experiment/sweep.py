"""Run an experiment: do all unfinished jobs with an executor, also after crashes."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import tomli_w

from unweave.errors import ConfigError, UnweaveError, shorten
from unweave.executors import WorkerDiedError
from unweave.experiment.checks import check_experiment, configuration
from unweave.experiment.claims import live_holder
from unweave.experiment.definition import Experiment, Job
from unweave.experiment.results import Results
from unweave.experiment.rows import JobFiles, Row, needs_work, read_row, write_row
from unweave.experiment.sweep_display import Watch
from unweave.experiment.table import write_table
from unweave.experiment.toml_reader import read_definition
from unweave.experiment.worker import (
    DamagedRunError,
    Work,
    check_run,
    perform,
    perform_together,
)
from unweave.files import write_text
from unweave.protocols import Executor

if TYPE_CHECKING:
    from unweave.train_config import TrainConfig

DEFINITION = "experiment.toml"
TABLE_SECONDS = 10.0
"""Seconds between two writes of the table while runs end."""
WAIT_SECONDS = 1.0
CRASHES = 3
"""Number of times that the executor may fail on one job before the job counts as failed."""


class StoppedError(UnweaveError):
    """A sweep was stopped by a signal; its results so far are kept."""


@contextlib.contextmanager
def results_kept() -> Iterator[None]:
    """Say of Ctrl-C in the block, which only writes tables or pages, that no result is lost."""
    try:
        yield
    except KeyboardInterrupt:
        raise StoppedError(
            "stopped; all results so far are kept, and the same command goes on"
        ) from None


def sweep(
    experiment: Experiment,
    folder: Path,
    executor: Executor,
    *,
    device: str = "auto",
    together: int = 1,
) -> Results:
    """Train and measure every unfinished run of an experiment; return the results.

    Repeat the call to go on after a stop, a kill or a failure, or with more seeds, values,
    measures or steps: a run that is finished is not trained again. Several processes, on one
    machine or on many that share the folder, may do so at once.

    Parameters
    ----------
    together
        How many runs at most are trained at once in one process. Those of one architecture and
        method are, whose seeds, weights and rates alone differ; others are trained one by one.

    Raises
    ------
    ConfigError
        If something in the experiment is wrong, or the folder holds runs of other settings;
        nothing is trained.
    StoppedError
        If a signal stopped it.
    """
    from unweave.device import check_device  # imports torch

    check_device(device)
    if together < 1:
        raise ConfigError(f"together must be at least 1, got {together}")
    experiment = check_experiment(experiment)
    sweeping = _Sweep(experiment, folder, device, together)
    _begin_folder(experiment, folder)
    with results_kept():  # a second Ctrl-C comes where the first is handled
        try:
            with _interruptible():
                sweeping.run(executor)
        except KeyboardInterrupt:
            finished_runs, total = sweeping.count()
            raise StoppedError(
                f"stopped; {finished_runs} of {_runs(total)} are finished; "
                "the same command continues the sweep"
            ) from None
        finally:
            write_table(sweeping.results())
        return sweeping.results()


class _Sweep:
    """The jobs of a sweep, and the number of crashes of each."""

    def __init__(self, experiment: Experiment, folder: Path, device: str, together: int) -> None:
        self.experiment, self.folder, self._device = experiment, folder, device
        self._together, self._kin = together, dict[str, str]()
        self.jobs = {job.name: job for job in experiment.jobs()}
        self._files = {name: JobFiles(folder, job) for name, job in self.jobs.items()}
        self._steps: dict[str, int] = {}
        self._crashes: dict[str, int] = {}
        self._reached: dict[str, int] = {}
        self._failed: dict[str, Row] = {}
        self._written = time.monotonic()
        for name, job in self.jobs.items():
            config = configuration(experiment, job)
            self._steps[name] = config.steps
            if together > 1:
                self._kin[name] = _kin(config)
            try:
                check_run(self._files[name].run, config)
            except DamagedRunError as error:
                self._failed[name] = self._failed_row(name, str(error))

    def row(self, name: str) -> Row:
        """Read the row of a job."""
        job = self.jobs[name]
        return self._failed.get(name) or read_row(
            job, self._files[name], self.experiment, self._steps[name]
        )

    def results(self) -> Results:
        """Collect the rows."""
        return Results(self.experiment, self.folder, [self.row(name) for name in self.jobs])

    def count(self) -> tuple[int, int]:
        """Count the finished runs, and all."""
        return sum(self.row(name).finished for name in self.jobs), len(self.jobs)

    def run(self, executor: Executor) -> None:
        """Do the jobs, in rounds, until each has finished or failed."""
        rows = {name: self.row(name) for name in self.jobs if name not in self._failed}
        open_jobs = [name for name, row in rows.items() if needs_work(row, self.experiment)]
        steps = {name: self._steps[name] - rows[name].step for name in open_jobs}
        total = len(self.jobs)
        for row in self._failed.values():
            print(f"{Path(row.folder).name} is left out: {row.reason}", file=sys.stderr)
        finished = len(rows) - len(open_jobs)
        print(_plan(total, finished, steps), file=sys.stderr)
        with Watch(self._files, steps, finished, total, self.experiment, self._keep_table) as watch:
            while open_jobs:
                free = [name for name in open_jobs if live_holder(self._files[name].claim) is None]
                if free:
                    over = set(self._round(executor, free, watch))
                    if not over:
                        time.sleep(WAIT_SECONDS)  # another process has just taken the jobs
                else:
                    time.sleep(WAIT_SECONDS)  # other processes do the remaining jobs
                    over = {n for n in open_jobs if not needs_work(self.row(n), self.experiment)}
                    for name in over:
                        watch.over(name, self.row(name))
                open_jobs = [name for name in open_jobs if name not in over]

    def _round(self, executor: Executor, names: list[str], watch: Watch) -> Iterator[str]:
        """Map the jobs over the executor; yield those that are over."""
        work = [Work(self.experiment, self.jobs[n], str(self.folder), self._device) for n in names]
        waiting = dict.fromkeys(names)
        try:
            for row in self._map(executor, work):
                name = _name_of(row, waiting)
                del waiting[name]
                if row.status == "elsewhere":
                    continue
                if row.status == "stopped" and self._again(name, row):
                    continue
                watch.over(name, row)
                yield name
        except ConfigError:
            raise
        except Exception as error:
            name = next(iter(waiting), names[-1])
            if self._give_up(name, f"{type(error).__name__}: {error}", error):
                watch.over(name, self.row(name))
                yield name
        else:
            if waiting:
                raise ConfigError(
                    f"`map` of the executor must yield one result per run, got "
                    f"{len(names) - len(waiting)} for {len(names)} runs; correct the executor"
                )

    def _map(self, executor: Executor, work: list[Work]) -> Iterator[Row]:
        """Map the jobs over the executor, one by one or in groups that are trained together."""
        if self._together == 1:
            return executor.map(perform, work)
        kin: dict[str, list[Work]] = {}
        for one in work:
            kin.setdefault(self._kin[one.job.name], []).append(one)
        size = self._together
        groups = [
            ones[start : start + size]
            for ones in kin.values()
            for start in range(0, len(ones), size)
        ]
        return itertools.chain.from_iterable(executor.map(perform_together, groups))

    def _again(self, name: str, row: Row) -> bool:
        """Return whether a stopped run continues in the next round.

        A run in this process was stopped by a signal to the sweep. A run in a worker was stopped
        from outside, and continues as long as it makes progress.
        """
        if (row.host, row.pid) == (socket.gethostname(), os.getpid()):
            raise KeyboardInterrupt
        further = row.step > self._reached.get(name, 0)
        self._reached[name] = row.step
        return further or not self._give_up(name, "the run was stopped several times")

    def _give_up(self, name: str, reason: str, error: Exception | None = None) -> bool:
        """Count a crash of a job outside of its run; return whether the job has failed by now."""
        self._crashes[name] = self._crashes.get(name, 0) + 1
        if self._crashes[name] < CRASHES and not isinstance(error, WorkerDiedError):
            return False
        row = self._failed[name] = self._failed_row(name, reason)
        with contextlib.suppress(UnweaveError):
            write_row(self._files[name], row)
        return True

    def _failed_row(self, name: str, reason: str) -> Row:
        return self.row(name).model_copy(update={"status": "failed", "reason": reason})

    def _keep_table(self) -> bool:
        """Write the table unless it was written recently, and return whether it was written now.

        An error here is ignored, because the same error appears at the end.
        """
        if time.monotonic() - self._written < TABLE_SECONDS:
            return False
        with contextlib.suppress(UnweaveError, OSError):
            write_table(self.results())
        self._written = time.monotonic()
        return True


def _kin(config: TrainConfig) -> str:
    from unweave.registry import registry
    from unweave.together import kinship  # imports torch

    return kinship(registry(), config)


def _name_of(row: Any, waiting: Mapping[str, Any]) -> str:
    """Return the name of the job of a row; the executor may return rows in any order."""
    if isinstance(row, Row):
        name = Job(label=row.run, place=row.place, seed=row.seed, settings={}).name
        if name in waiting:
            return name
    raise ConfigError(
        f"`map` of the executor must yield results of its runs, got {shorten(repr(row))}; correct "
        "the executor"
    )


def _begin_folder(experiment: Experiment, folder: Path) -> None:
    """Create the folder and write the experiment into it, so that `compare` can read it."""
    _check_owner(experiment, folder)
    try:
        (folder / "jobs").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder} cannot be created: {error.strerror}") from error
    write_text(folder / DEFINITION, definition_text(experiment))


def _check_owner(experiment: Experiment, folder: Path) -> None:
    """Refuse the folder of an experiment that has another name and no kind of run in common."""
    try:
        other = read_definition(folder / DEFINITION, Experiment)
    except ConfigError:
        return  # there is none, or it is damaged and written again
    labels = {variant.label for variant in experiment.runs}
    if other.name != experiment.name and labels.isdisjoint(v.label for v in other.runs):
        raise ConfigError(
            f"{folder} contains another experiment, {shorten(other.name)}; choose another folder "
            "with --out"
        )


def definition_text(experiment: Experiment) -> str:
    """Write an experiment as TOML that is read back as the same."""
    content = experiment.model_dump(include=set(Experiment.model_fields), exclude_none=True)
    return tomli_w.dumps(content)


def _plan(total: int, finished_runs: int, steps: Mapping[str, int]) -> str:
    if finished_runs == total:
        return f"{_runs(total)}, all finished"
    counts = f"{_runs(total)}: {finished_runs} finished, {len(steps)} to do"
    if not steps:
        return counts
    return f"{counts}, {sum(steps.values()):,} steps; the time left is shown after the first steps"


def _runs(count: int) -> str:
    return f"{count} run{'s' * (count != 1)}"


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM stop a sweep in the same way as Ctrl-C."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
