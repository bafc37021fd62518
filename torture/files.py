"""Mutated files: each is read by its readers, in a child process with limits."""

from __future__ import annotations

import functools
import json
import shutil
import signal
import time
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from torture.children import Child
from torture.ledger import Ledger
from torture.states import tasks, write_inputs
from torture.subjects import Subject, make_data, subjects
from torture.verdicts import Watch, fault_of, fault_of_text

SIZE = 50
"""Number of files per child."""
LIMIT = 30
"""Seconds per file."""
LARGEST = 2 << 30
"""Bytes of memory that a child may add to those at its start."""
COMMANDS = 25
"""One in so many accepted files goes through a whole command."""
EXCERPT = 300
"""Bytes of a file in a message."""


class Late(BaseException):
    """A file took too long."""


class Files:
    """The campaign of files in a folder."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder, self._ledger = folder, ledger
        self._run, self._data = folder / "run", folder / "data"
        self._good = folder / "good"
        if not self._good.is_dir():
            self._train()
        self._lay()

    def run(self, count: int) -> None:
        """Read files until `count` have been read."""
        everything = subjects(self._run, self._data)
        numbers = self._ledger.numbers("file")
        for number in range(-(-count // SIZE)):
            if number not in numbers:
                self._read(number, everything[number % len(everything)])

    def _lay(self) -> None:
        """Restore a valid run and valid data."""
        for folder in (self._run, self._data):
            shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self._good, self._run)
        make_data(self._data)

    def _train(self) -> None:
        shutil.rmtree(self._run, ignore_errors=True)
        write_inputs(self._folder / "inputs")
        by_name = {task.name: task for task in tasks(self._folder / "inputs")}
        for name in ("train convolutions", "evaluate", "density"):
            words = [text.replace("{run}", str(self._run)) for text in by_name[name].arguments]
            end = Child(
                functools.partial(_command, words), self._folder, self._folder / "log"
            ).wait(600)
            if end.code:
                raise RuntimeError(f"{name}: {end.output}")
        self._run.replace(self._good)

    def _read(self, number: int, subject: Subject) -> None:
        results, current = self._folder / "faults.json", self._folder / "current"
        results.unlink(missing_ok=True)
        reader = _Reader(subject, self._ledger.seed, number, self._folder, current)
        child = Child(lambda: results.write_text(json.dumps(reader.read_all())), self._folder,
                      self._folder / "log")  # fmt: skip
        start = _memory_of(child.pid)
        end = child.wait(SIZE * LIMIT)
        self._lay()
        faults = json.loads(results.read_text()) if results.is_file() else []
        if end.code or end.late:
            faults.append(
                f"the process ended with {end.code} at {_excerpt(current)}: {end.last_line}"
            )
        elif end.memory - start > LARGEST:
            faults.append(f"it took {end.memory - start:,} bytes")
        self._ledger.add("file", number, subject.name, "; ".join(faults[:5]), size=SIZE,
                         faults=len(faults))  # fmt: skip


class _Reader:
    """Reads many mutations of one file; runs in a child."""

    def __init__(
        self, subject: Subject, number: int, chunk: int, folder: Path, current: Path
    ) -> None:
        self._subject, self._current = subject, current
        self._seed = (number << 32) + chunk
        self._folder, self._count = folder, 0
        self._faults: list[str] = []

    def read_all(self) -> list[str]:
        """Return the faults."""
        watch = Watch(self._folder)
        signal.signal(signal.SIGALRM, _late)

        @seed(self._seed)
        @settings(max_examples=SIZE, database=None, deadline=None, phases=(Phase.generate,),
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(self._subject.files)
        def each(content: bytes) -> None:
            self._current.write_bytes(content)
            self._subject.path.write_bytes(content)
            if fault := self._try(watch):
                self._keep(content, fault)

        each()
        return self._faults

    def _try(self, watch: Watch) -> str:
        start = time.monotonic()
        signal.alarm(LIMIT)
        try:
            with watch():
                self._subject.read()
                is_valid = True
        except Late:
            return f"it took more than {LIMIT} seconds"
        except Exception as error:
            is_valid = False
            if fault := fault_of(error):
                return fault
        finally:
            signal.alarm(0)
        if watch.violations:
            return f"it must not do this: {watch.violations[0]}"
        self._count += is_valid
        if is_valid and self._subject.after and self._count % COMMANDS == 1:
            return self._through_command(time.monotonic() - start)
        return ""

    def _through_command(self, seconds: float) -> str:
        words = list(self._subject.after)
        end = Child(lambda: _command(words), self._folder, self._folder / "command.log").wait(120)
        if end.late or "Traceback" in end.output or end.code not in (0, 2):
            return f"{words[0]} ended with {end.code}: {end.last_line[:300]}"
        return fault_of_text(end.last_line) if end.code else ""

    def _keep(self, content: bytes, fault: str) -> None:
        copy = self._folder / "faults" / f"{self._seed}-{len(self._faults)}"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(content)
        self._faults.append(fault)


def _command(words: list[str]) -> None:
    from unweave.commands import main

    main(words)


def _late(*_: Any) -> None:
    raise Late


def _memory_of(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def _excerpt(path: Path) -> str:
    return repr(path.read_bytes()[:EXCERPT]) if path.is_file() else "its first file"
