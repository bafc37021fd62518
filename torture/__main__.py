"""Run the campaign, or the part of it that is still missing."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from pathlib import Path

from torture.ledger import Ledger

SIZES = {"kills": 300, "files": 10_000, "lines": 300}


def main() -> None:
    """Run the campaign of the options, print its table, and exit with 1 after any fault."""
    parser = argparse.ArgumentParser(prog="nox -s torture --", description=__doc__)
    for name, size in SIZES.items():
        parser.add_argument(f"--{name}", type=int, default=size, metavar="N")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--out", type=Path, default=Path("torture-results"))
    parser.add_argument("--report", type=Path, help="page in which to write the table")
    options = parser.parse_args()
    _be_quiet()
    folder = options.out.resolve()
    ledger = Ledger(folder / "tried.jsonl", options.seed)
    _import_everything()
    if options.kills:
        from torture.kills import Kills

        Kills(folder / "kills", ledger).run(options.kills)
    if options.files:
        from torture.files import Files

        Files(folder / "files", ledger).run(options.files)
    if options.lines:
        from torture.lines import Lines

        Lines(folder / "lines", ledger).run(options.lines)
    from torture.summary import summary, write_summary

    print(summary(ledger))
    if options.report:
        write_summary(options.report, ledger)
    sys.exit(any(entry["fell"] for entry in ledger.entries))


def _be_quiet() -> None:
    os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"
    os.environ["COLUMNS"] = "100"
    warnings.simplefilter("ignore")


def _import_everything() -> None:
    """Import all modules of commands, so that a forked child starts at once."""
    import matplotlib.pyplot  # noqa: F401
    import torch
    import torch._dynamo  # optimizers import it
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from unweave.registry import registry

    torch.set_num_threads(1)
    for kind in ("method", "metric", "dataset", "flow", "prior", "estimator", "objective"):
        for entry in registry().entries(kind):
            entry.load()
    # Fonts, which matplotlib loads once per process.
    FigureCanvasAgg(Figure()).get_renderer()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()
