"""Cases and faults of a campaign, one line of JSON per case, so that a campaign can continue."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


class Ledger:
    """The file of all cases with one seed."""

    def __init__(self, path: Path, seed: int) -> None:
        self._path, self.seed = path, seed
        self.entries: list[dict[str, Any]] = []
        if path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            whole = [json.loads(line) for line in lines if line.endswith("\n")]
            self.entries = [entry for entry in whole if entry["seed"] == seed]

    def numbers(self, kind: str) -> set[int]:
        """Return the numbers of the cases of a kind."""
        return {entry["number"] for entry in self.entries if entry["kind"] == kind}

    def add(self, kind: str, number: int, what: str, fault: str = "", **more: Any) -> None:
        """Add a case; `fault` says what was wrong, and is empty if nothing was."""
        entry = {"seed": self.seed, "kind": kind, "number": number, "what": what, "fell": fault}
        self.entries.append(entry | more)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.entries[-1]) + "\n")
        if fault:
            print(f"FAULT {kind} {number}: {what}: {fault}", flush=True)

    def table(self) -> list[tuple[str, str, int, int]]:
        """Count cases and faults by kind and subject."""
        cases: Counter[tuple[str, str]] = Counter()
        faults: Counter[tuple[str, str]] = Counter()
        for entry in self.entries:
            place = entry["kind"], entry["what"].partition(":")[0]
            size = int(entry.get("size", 1))
            cases[place] += size
            faults[place] += int(entry.get("faults", bool(entry["fell"])))
        return [(*place, cases[place], faults[place]) for place in sorted(cases)]
