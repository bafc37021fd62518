"""Kills: a command is stopped somewhere, begun again, and must end as if nothing had happened."""

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

from torture.children import TRACEBACK, Child, Ended
from torture.facts import difference, facts, left_over, torn
from torture.ledger import Ledger
from torture.moments import WRITE, Moment, counting, killing
from torture.states import Task, tasks, write_inputs

SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LIMIT = 300.0
MOST_KILLS = 2
"""Of one command, one after another."""
SECONDS_TO_END = 20.0
"""In which workers of a killed process must have gone."""
STOPPED = {130, -signal.SIGTERM, -signal.SIGINT}


@dataclass(frozen=True)
class Whole:
    """What a command does that nobody kills.

    counts : how often each call was made.
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
        self._whole: dict[str, Whole] = {}

    def run(self, count: int) -> None:
        """Kill until `count` numbers are done."""
        done = self._ledger.done("kill")
        for number in range(count):
            if number not in done:
                rng = random.Random(f"{self._ledger.seed}/kill/{number}")
                # Every task is met before one is met twice.
                turn, place = divmod(number, len(self._tasks))
                order = random.Random(f"{self._ledger.seed}/order/{turn}").sample(
                    self._tasks, len(self._tasks)
                )
                self._kill(number, order[place], rng)

    def _kill(self, number: int, task: Task, rng: random.Random) -> None:
        whole = self._uninterrupted(task)
        run = self._begin(task, "killed")
        told, fell, arguments = [], "", task.arguments
        for _ in range(rng.randint(1, MOST_KILLS)):
            what, end = self._stop(task, arguments, run, whole, rng)
            told.append(what)
            fell = fell or self._faults_of(end, run, whole, task)
            if task.again and (run / "config.toml").is_file():
                arguments = task.again
        if not fell:
            end = self._do(arguments, run).wait(LIMIT)
            fell = _unlike(end, run, whole)
        self._ledger.add("kill", number, f"{task.name}: {', '.join(told)}", fell)
        if fell:
            kept = self._folder / "fell" / str(number)
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(run, kept, symlinks=True) if run.exists() else None
            self._log.replace(kept.with_suffix(".log"))

    @property
    def _log(self) -> Path:
        return self._folder / "said.log"

    def _uninterrupted(self, task: Task) -> Whole:
        if task.name not in self._whole:
            if task.begins:
                self._uninterrupted(self._task(f"train {task.begins}"))
            run = self._begin(task, "whole", task.name)
            before, counts = facts(run) if run.exists() else {}, self._folder / "counts.json"
            end = self._do(task.arguments, run, partial(counting, into=counts)).wait(LIMIT)
            if end.code:
                raise RuntimeError(f"{task.name} does not work without a kill: {end.said[-2000:]}")
            found = json.loads(counts.read_text())
            self._whole[task.name] = Whole(end.seconds, found, before, facts(run))
        return self._whole[task.name]

    def _task(self, name: str) -> Task:
        return next(task for task in self._tasks if task.name == name)

    def _begin(self, task: Task, *place: str) -> Path:
        """Make the folder that a command begins with."""
        # The same path for every kill, so that what names the path is the same.
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
    ) -> tuple[str, Ended]:
        number = rng.choice(SIGNALS)
        name = signal.Signals(number).name
        if rng.random() < 0.4:
            seconds = rng.uniform(0.02, 1.1) * whole.seconds
            child = self._do(arguments, run)
            while child.alive() and child.seconds() < seconds:
                time.sleep(0.002)
            child.send(number)
            told = f"{name} after {seconds:.2f} s"
        else:
            moment = _draw_moment(whole.counts, rng)
            child = self._do(arguments, run, partial(killing, moment=moment, number=number))
            told = f"{name} {moment}"
        end = child.wait(LIMIT)
        deadline = time.monotonic() + SECONDS_TO_END
        while child.others() and time.monotonic() < deadline:
            time.sleep(0.1)
        if others := child.others():
            end = replace(end, said=f"{end.said}\nTraceback: {len(others)} workers live on")
        return told, end

    def _faults_of(self, end: Ended, run: Path, whole: Whole, task: Task) -> str:
        """Say what is wrong right after a kill."""
        if end.late:
            return "it did not end"
        if "Traceback" in end.said or end.code == TRACEBACK:
            return f"a traceback: {end.last_line}"
        if end.code not in {0, -signal.SIGKILL, *STOPPED}:
            return f"it ended with {end.code}: {end.last_line}"
        if not run.exists():
            return ""
        if fault := torn(run):
            return fault
        if task.begins and not task.name.startswith("longer"):
            found = facts(run)
            for name, digest in found.items():
                if digest not in (whole.before.get(name), whole.after.get(name)):
                    return f"{name} is neither the old one nor the new"
            if missing := whole.before.keys() - found.keys():
                return f"{min(missing)} is gone"
        return ""


def _draw_moment(counts: dict[str, int], rng: random.Random) -> Moment:
    call = rng.choice([name for name, count in counts.items() if count])
    # The first calls and the last are the ones that begin and end something.
    number = rng.choice([1, counts[call], rng.randint(1, counts[call])])
    return Moment(call, rng.choice(["before", "in" if call == WRITE else "after"]), number)


def _unlike(end: Ended, run: Path, whole: Whole) -> str:
    """Say in what the end differs from that of a command that nobody killed."""
    if end.late or end.code:
        return f"begun again it ended with {end.code}: {end.last_line}"
    if fault := torn(run):
        return fault
    if found := left_over(run):
        return f"{found[0]} is left over"
    return difference(facts(run), whole.after)
