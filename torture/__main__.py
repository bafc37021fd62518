"""Run the campaign, or the part of it that was not run yet."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

from torture.ledger import Ledger

SIZES = {"kills": 300, "files": 10_000, "lines": 300}


def main() -> None:
    """Run what is asked for, print what was tried and what fell, and exit with 1 if anything."""
    parser = argparse.ArgumentParser(prog="nox -s torture --", description=__doc__)
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("torture-results"))
    parser.add_argument("--report", type=Path, help="the page whose table is written")
    asked = parser.parse_args()
    _be_quiet()
    folder = asked.out.resolve()
    ledger = Ledger(folder / "tried.jsonl", asked.seed)
    _import_everything()
    if asked.kills:
        from torture.kills import Kills

        Kills(folder / "kills", ledger).run(asked.kills)
    if asked.files:
        from torture.files import Files

        Files(folder / "files", ledger).run(asked.files)
    if asked.lines:
        from torture.lines import Lines

        Lines(folder / "lines", ledger).run(asked.lines)
    from torture.summary import summary, write_summary

    print(summary(ledger))
    if asked.report:
        write_summary(asked.report, ledger)
    sys.exit(any(entry["fell"] for entry in ledger.entries))


def _be_quiet() -> None:
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    os.environ["COLUMNS"] = "100"
    warnings.simplefilter("ignore")


def _import_everything() -> None:
    """Import what commands import, so that a forked child begins at once."""
    import matplotlib.pyplot
    import torch
    import torch._dynamo  # which an optimizer imports

    from unweave.registry import registry

    torch.set_num_threads(1)
    for kind in ("method", "metric", "dataset", "flow", "prior", "estimator", "objective"):
        for entry in registry().entries(kind):
            entry.load()
    # Tables of fonts and compiled functions, which a process keeps.
    matplotlib.pyplot.figure().canvas.get_renderer()


if __name__ == "__main__":
    main()
