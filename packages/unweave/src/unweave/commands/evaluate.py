"""`unweave evaluate`."""

from __future__ import annotations

from typing import Annotated

import typer

from unweave.commands.app import Rows, RunPath, Seed
from unweave.tables import table


def evaluate(
    run: RunPath,
    metrics: Annotated[
        str | None, typer.Option(help="registered names, separated by spaces")
    ] = None,
    rows: Rows = 50_000,
    seed: Seed = 0,
) -> None:
    """Encode a sample of the data into codes.h5 and score it into scores.json."""
    from unweave.evaluate import evaluate as run_evaluation
    from unweave.progress import counting
    from unweave.run import Run

    opened = Run.open(run)
    with counting("encoding", "images") as progress:
        chosen = None if metrics is None else tuple(metrics.split())
        scores = run_evaluation(opened, chosen, rows=rows, seed=seed, progress=progress)
    print(table(("score", "value"), [(name, f"{float(v):.4g}") for name, v in scores.items()]))
    print(opened.codes_path)
