"""A step of the trainer against a plain loop, pythae's and the processor's limit, as ratios.

Every loop has a process and one thread of its own: what one does to its memory helps no other. They
take turns, some steps each, and count their own processor time, so that neither a machine whose
speed drifts nor other programs on it change the ratios much; each ratio is the median over turns.

With `--write` the table is added to docs/benchmarks.md. `--peer FOLDER` names a folder with pythae.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import torch

HERE = Path(__file__).resolve().parent
PAGE = HERE.parent / "docs" / "benchmarks.md"
CASES = ("conv 64", "conv 32", "conv 16", "mlp 64", "mlp 16")
COLUMNS = {
    "plain, ms": "plain", "ours": "ours", "ours bfloat16": "ours-bfloat16",
    "beyond its kernels, ms": "kernels", "limit": "limit",
    "ours, beta-TCVAE": "ours-tc", "pythae, beta-TCVAE": "pythae",
}  # fmt: skip
HEADER = f"| network, side | {' | '.join(COLUMNS)} |\n|{'---|' * (1 + len(COLUMNS))}"
TURN = 0.3
"""Processor seconds of a turn, about, so that a step of 3 ms is timed over many of them."""


class Loop:
    """A process that does steps of one loop when asked."""

    def __init__(self, script: str, case: str, precision: str, settings: Mapping[str, str]) -> None:
        self._name = f"the loop {script} {case} {precision}"
        threads = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "loops" / script), *case.split(), precision],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **threads, **settings},
        )  # fmt: skip
        self._in, self._out = _pipe(self._process.stdin), _pipe(self._process.stdout)
        self.count = 1

    def measure(self) -> float:
        """Return the processor seconds of a step, the mean of one turn."""
        self._in.write(f"{self.count}\n")
        self._in.flush()
        return float(self._answer())

    def start(self) -> None:
        """Wait until it is warm, and choose how many steps a turn has."""
        while self._answer() != "ready":
            pass
        self.count = max(1, round(TURN / self.measure()))

    def end(self) -> None:
        """End the process."""
        self._in.close()
        self._process.wait()

    def _answer(self) -> str:
        if not (line := self._out.readline()):
            raise SystemExit(f"{self._name} ended; its error stands above")
        return line.strip()


def _pipe(stream: IO[str] | None) -> IO[str]:
    assert stream is not None
    return stream


@contextlib.contextmanager
def loops(case: str, peer: str | None) -> Iterator[dict[str, Loop]]:
    """Run all loops of a case."""
    scripts: dict[str, tuple[str, str, dict[str, str]]] = {
        "plain": ("plain.py", "float32", {}),
        "ours": ("ours.py", "float32", {}),
        "kernels": ("kernels.py", "float32", {}),
        "limit": ("limit.py", "float32", {}),
    }
    if torch.ops.mkldnn._is_mkldnn_bf16_supported():
        scripts["ours-bfloat16"] = ("ours.py", "bfloat16", {})
    if peer:
        path = os.pathsep.join(filter(None, (os.environ.get("PYTHONPATH"), peer)))
        scripts["ours-tc"] = ("ours.py", "float32", {"OURS_METHOD": "beta-tcvae"})
        scripts["pythae"] = ("peer.py", "float32", {"PYTHONPATH": path})
    running: dict[str, Loop] = {}
    try:
        for name, (script, precision, settings) in scripts.items():
            running[name] = Loop(script, case, precision, settings)
            running[name].start()
        yield running
    finally:
        for loop in running.values():
            loop.end()


def row(case: str, pairs: int, peer: str | None) -> str:
    """Measure a case; return its row: milliseconds, and ratios to the plain loop."""
    with loops(case, peer) as running:
        turns = [{name: loop.measure() for name, loop in running.items()} for _ in range(pairs)]
    cells = [case]
    for name in COLUMNS.values():
        if name not in turns[0]:
            cells.append("-")
        elif name == "plain":
            cells.append(f"{1000 * min(turn[name] for turn in turns):.1f}")
        elif name == "kernels":
            beyond = statistics.median(turn["ours"] - turn[name] for turn in turns)
            cells.append(f"{1000 * beyond:.1f}")
        else:
            cells.append(f"{statistics.median(turn[name] / turn['plain'] for turn in turns):.2f}")
    return f"| {' | '.join(cells)} |"


def versions() -> str:
    """Say on what and when it was measured."""
    python, kind = platform.python_version(), torch.backends.cpu.get_cpu_capability()
    return (
        f"{_processor()} ({kind}), {os.cpu_count()} cores, {platform.system()}, "
        f"Python {python}, torch {torch.__version__}, {datetime.datetime.now(datetime.UTC).date()}."
    )


def _processor() -> str:
    listing = Path("/proc/cpuinfo")
    lines = listing.read_text(encoding="utf-8").splitlines() if listing.is_file() else []
    names = [line.partition(": ")[2] for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=15)
    parser.add_argument("--cases", nargs="+", default=CASES, choices=CASES, metavar="CASE")
    parser.add_argument("--peer", help="folder with pythae, which its loop imports")
    parser.add_argument("--write", action="store_true", help="add the table to docs/benchmarks.md")
    options = parser.parse_args()
    lines = [HEADER]
    print(HEADER, flush=True)
    for case in options.cases:
        lines.append(row(case, options.pairs, options.peer))
        print(lines[-1], flush=True)
    print(versions())
    if options.write:
        table = "\n".join([*lines, "", versions(), ""])
        text = PAGE.read_text(encoding="utf-8").rstrip("\n")
        PAGE.write_text(f"{text}\n\n### A step, measured again\n\n{table}", encoding="utf-8")


if __name__ == "__main__":
    main()
