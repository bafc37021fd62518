"""Odd command lines: every command with options of every kind, each in its own process."""

from __future__ import annotations

import random
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

from torture.children import TRACEBACK, Child, Outcome
from torture.ledger import Ledger
from torture.states import tasks, write_inputs
from torture.verdicts import fault_of_text

LIMIT = 60.0
CODES = {0, 2, 130}
SLOW = ("demo",)
"""Commands that take minutes, which the campaign leaves out."""
ODD = (
    "", " ", "-1", "0", "1", "2", "3.5", "1e400", "nan", "10000000000000", "true", "None",
    "x" * 3000, "vae", "unweave:vae", "nobody:vae", "tcwae-mws", "mig", "mig:bins=0", "sap,mig",
    "maf", "prior",
    "maf:epochs=1", "cpu", "cuda:99", "meta", "auto", "png", "pdf", "onnx", "torchscript", "tsne",
    "dsprites:path=/dev/zero", "npz:path=nowhere.npz", "dim=1000000000", "dim=-1", "beta=inf",
    "steps=0", "=", "a=b=c", "seed=" + "9" * 400, "method=", "$x^$", "\x1b[31m", "ß²",
    "../outside", "/proc/self/mem", "/dev/full", "/nowhere/x", "a.png", "a.npz", "a.h5", "a.exe",
    ".",
    "~nobody/x", "class", "torch", "test", "my-thing", "--", "-h",
)  # fmt: skip


class Lines:
    """The campaign of command lines in a folder."""

    def __init__(self, folder: Path, ledger: Ledger) -> None:
        self._folder, self._ledger = folder, ledger
        self._run, self._place = folder / "run", folder / "place"
        if not (self._run / "scores.json").is_file():
            self._train()
        self._config = (self._run / "config.toml").read_bytes()

    def run(self, count: int) -> None:
        """Run command lines until there are `count` results."""
        commands = _commands()
        numbers = self._ledger.numbers("line")
        for number in range(count):
            if number not in numbers:
                rng = random.Random(f"{self._ledger.seed}/line/{number}")
                name = sorted(commands)[number % len(commands)]
                self._try(number, self._line(name, commands[name], rng))

    def _train(self) -> None:
        shutil.rmtree(self._run, ignore_errors=True)
        write_inputs(self._folder / "inputs")
        by_name = {task.name: task for task in tasks(self._folder / "inputs")}
        for name in ("train convolutions", "evaluate"):
            words = [text.replace("{run}", str(self._run)) for text in by_name[name].arguments]
            if self._call(words, self._folder).code:
                raise RuntimeError(f"{name} fails; see {self._folder / 'log'}")

    def _call(self, words: list[str], folder: Path) -> Outcome:
        from unweave.commands import main

        return Child(lambda: main(words), folder, self._folder / "log").wait(LIMIT)

    def _line(self, name: str, parameters: list[Any], rng: random.Random) -> list[str]:
        """Draw a command line: mostly valid arguments, and some options."""
        words = [name]
        for parameter in parameters:
            if parameter.param_type_name == "argument":
                words += [self._argument(parameter, rng)]
            elif rng.random() < 0.3 and parameter.name != "help":
                words.append(rng.choice(parameter.opts) if rng.random() < 0.97 else "--unknown")
                if not parameter.is_flag:
                    words.append(rng.choice(ODD))
        if name == "train" and rng.random() < 0.9:
            words += ["--steps", "2", "--set", "batch_size=8", "--data", "digits"]
        return words

    def _argument(self, parameter: Any, rng: random.Random) -> str:
        good = {"run": str(self._run), "runs": str(self._run), "method": "vae", "name": "my-thing",
                "kind": "prior", "dataset": "digits"}  # fmt: skip
        return good.get(parameter.name, "x") if rng.random() < 0.75 else rng.choice(ODD)

    def _try(self, number: int, words: list[str]) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        self._place.mkdir(parents=True)
        end = self._call(words, self._place)
        self._ledger.add("line", number, f"{words[0]}: {' '.join(words)[:300]!r}",
                         self._fault(end, words))  # fmt: skip
        (self._run / "config.toml").write_bytes(self._config)

    def _fault(self, end: Outcome, words: list[str]) -> str:
        if end.late:
            return f"it took more than {LIMIT:.0f} seconds"
        # `plugins --check` exits with 1 if an installed plugin cannot be loaded.
        codes = CODES | {1} if words[0] == "plugins" and "--check" in words else CODES
        if end.code == TRACEBACK or "Traceback" in end.output or end.code not in codes:
            return f"it ended with {end.code}: {end.last_line[:300]}"
        if end.code == 2:
            # A log starts before any argument is checked, so that it holds the error.
            logs = {log for option, log in pairwise(words) if option == "--log"}
            if files := sorted({path.name for path in self._place.iterdir()} - logs):
                return f"{files[0]} remains"
            sentences = [line for line in end.output.splitlines() if line.startswith("unweave: ")]
            if len(sentences) != 1 or sentences[0] != end.last_line:
                return f"not one sentence: {end.last_line[:300]}"
            return fault_of_text(end.last_line[:1000])
        return ""


def _commands() -> dict[str, list[Any]]:
    """Return the parameters of every command."""
    import typer.main

    from unweave.commands.entry import _make_app

    group: Any = typer.main.get_command(_make_app())
    return {name: c.params for name, c in group.commands.items() if name not in SLOW}
