"""Kills: a command is killed, repeated, and must end with the same files as without a kill."""

from __future__ import annotations

import json
import random
import shutil
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from torture.children import TRACEBACK, Child, Outcome
from torture.facts import difference, facts, find_torn, partial_files
from torture.ledger import Ledger
from torture.moments import WRITE, Moment, count_calls, kill_at
from torture.states import Task, tasks, write_inputs

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LIMIT = 300.0
MAX_KILLS = 2
"""Largest number of kills of one command, one after another."""
SECONDS_TO_END = 20.0
"""Seconds within which workers of a killed process must end."""
STOP_CODES = {130, -signal.SIGTERM, -signal.SIGINT}


@dataclass(frozen=True)
class Whole:
    """Record of a command without a kill.

    counts : number of calls of each function.
    before, after : facts of the folder.
    """

    seconds: float
    counts: dict[str, int]
    before: dict[str, str]
    after: dict[str, str]


class Kills:
    """The campaign of kills in a folder."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder, self._ledger = folder, ledger
        inputs = folder / "inputs"
        write_inputs(inputs)
        self._tasks = tasks(inputs)
        self._records: dict[str, Whole] = {}

    def run(self, count: int) -> None:
        """Kill commands until there are `count` results."""
        numbers = self._ledger.numbers("kill")
        for number in range(count):
            if number not in numbers:
                rng = random.Random(f"{self._ledger.seed}/kill/{number}")
                # Every task comes once before one comes twice.
                turn, place = divmod(number, len(self._tasks))
                order = random.Random(f"{self._ledger.seed}/order/{turn}").sample(
                    self._tasks, len(self._tasks)
                )
                self._kill(number, order[place], rng)

    def _kill(self, number: int, task: Task, rng: random.Random) -> None:
        whole = self._uninterrupted(task)
        run = self._begin(task, "killed")
        stops, fault, arguments = [], "", task.arguments
        for _ in range(rng.randint(1, MAX_KILLS)):
            what, end = self._stop(task, arguments, run, whole, rng)
            stops.append(what)
            fault = fault or self._faults_of(end, run, whole, task)
            if task.again and (run / "config.toml").is_file():
                arguments = task.again
        if not fault:
            end = self._do(arguments, run).wait(LIMIT)
            fault = _unlike(end, run, whole)
        self._ledger.add("kill", number, f"{task.name}: {', '.join(stops)}", fault)
        if fault:
            copy = self._folder / "faults" / str(number)
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(run, copy, symlinks=True) if run.exists() else None
            self._log.replace(copy.with_suffix(".log"))

    @property
    def _log(self) -> Path:
        return self._folder / "output.log"

    def _uninterrupted(self, task: Task) -> Whole:
        if task.name not in self._records:
            if task.begins:
                self._uninterrupted(self._task(f"train {task.begins}"))
            run = self._begin(task, "whole", task.name)
            before, counts = facts(run) if run.exists() else {}, self._folder / "counts.json"
            end = self._do(task.arguments, run, partial(count_calls, into=counts)).wait(LIMIT)
            if end.code:
                raise RuntimeError(f"{task.name} fails without a kill: {end.output[-2000:]}")
            calls = json.loads(counts.read_text())
            self._records[task.name] = Whole(end.seconds, calls, before, facts(run))
        return self._records[task.name]

    def _task(self, name: str) -> Task:
        return next(task for task in self._tasks if task.name == name)

    def _begin(self, task: Task, *place: str) -> Path:
        """Make the folder with which a command starts."""
        # The same path for every kill, because files of a run contain their path.
        run = self._folder.joinpath(*place).with_suffix("") / "run"
        shutil.rmtree(run.parent, ignore_errors=True)
        run.parent.mkdir(parents=True)
        if task.begins:
            shutil.copytree(self._folder / "whole" / f"train {task.begins}" / "run", run)
        return run

    def _do(
        self,
        arguments: tuple[str, ...],
        run: Path,
        around: Callable[[Callable[[], object]], Callable[[], None]] | None = None,
    ) -> Child:
        from unweave.commands import main

        words = [text.replace("{run}", str(run)) for text in arguments]

        def function() -> None:
            main(words)

        return Child(around(function) if around else function, run.parent, self._log)

    def _stop(
        self, task: Task, arguments: tuple[str, ...], run: Path, whole: Whole, rng: random.Random
    ) -> tuple[str, Outcome]:
        number = rng.choice(SIGNALS)
        name = signal.Signals(number).name
        if rng.random() < 0.4:
            seconds = rng.uniform(0.02, 1.1) * whole.seconds
            child = self._do(arguments, run)
            while child.alive() and child.seconds() < seconds:
                time.sleep(0.002)
            child.send(number)
            stop = f"{name} after {seconds:.2f} s"
        else:
            moment = _draw_moment(whole.counts, rng)
            child = self._do(arguments, run, partial(kill_at, moment=moment, number=number))
            stop = f"{name} {moment}"
        end = child.wait(LIMIT)
        deadline = time.monotonic() + SECONDS_TO_END
        while child.others() and time.monotonic() < deadline:
            time.sleep(0.1)
        if others := child.others():
            end = replace(end, output=f"{end.output}\nTraceback: {len(others)} workers still run")
        return stop, end

    def _faults_of(self, end: Outcome, run: Path, whole: Whole, task: Task) -> str:
        """Return a fault right after a kill, or "" without one."""
        if end.late:
            return "it did not end"
        if "Traceback" in end.output or end.code == TRACEBACK:
            return f"a traceback: {end.last_line}"
        if end.code not in {0, -signal.SIGKILL, *STOP_CODES}:
            return f"it ended with {end.code}: {end.last_line}"
        if not run.exists():
            return ""
        if fault := find_torn(run):
            return fault
        if task.begins and not task.name.startswith("longer"):
            content = facts(run)
            for name, digest in content.items():
                if digest not in (whole.before.get(name), whole.after.get(name)):
                    return f"{name} is neither the old file nor the new one"
            if missing := whole.before.keys() - content.keys():
                return f"{min(missing)} is missing"
        return ""


def _draw_moment(counts: dict[str, int], rng: random.Random) -> Moment:
    call = rng.choice([name for name, count in counts.items() if count])
    # The first call and the last are drawn more often: they start and end a task.
    number = rng.choice([1, counts[call], rng.randint(1, counts[call])])
    return Moment(call, rng.choice(["before", "in" if call == WRITE else "after"]), number)


def _unlike(end: Outcome, run: Path, whole: Whole) -> str:
    """Return a difference of the end from that without a kill, or "" if there is none."""
    if end.late or end.code:
        return f"repeated, the command ended with {end.code}: {end.last_line}"
    if fault := find_torn(run):
        return fault
    if names := partial_files(run):
        return f"{names[0]} remains"
    return difference(facts(run), whole.after)
