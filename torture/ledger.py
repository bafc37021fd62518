"""What was tried and what fell: a line of JSON each, so that a campaign goes on where it ended."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


class Ledger:
    """The file of everything that was tried with one seed."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path, self.seed = path, seed
        self.entries: list[dict[str, Any]] = []
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [json.loads(line) for line in lines if line.endswith("\n")]
            self.entries = [entry for entry in whole if entry["seed"] == seed]

    def done(self, kind: str) -> set[int]:
        """Return the numbers of a kind that were tried."""
        return {entry["number"] for entry in self.entries if entry["kind"] == kind}

    def add(self, kind: str, number: int, what: str, fell: str = "", **more: Any) -> None:
        """Add what was tried; `fell` says what was wrong, if anything was."""
        entry = {"seed": self.seed, "kind": kind, "number": number, "what": what, "fell": fell}
        self.entries.append(entry | more)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.entries[-1]) + "\n")
        if fell:
            print(f"FELL {kind} {number}: {what}: {fell}", flush=True)

    def table(self) -> list[tuple[str, str, int, int]]:
        """Count by kind and what: how many were tried, how many fell."""
        tried: Counter[tuple[str, str]] = Counter()
        fell: Counter[tuple[str, str]] = Counter()
        for entry in self.entries:
            place = entry["kind"], entry["what"].partition(":")[0]
            size = int(entry.get("size", 1))
            tried[place] += size
            fell[place] += int(entry.get("faults", bool(entry["fell"])))
        return [(*place, tried[place], fell[place]) for place in sorted(tried)]
