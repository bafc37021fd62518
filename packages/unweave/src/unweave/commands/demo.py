"""`unweave demo`: from nothing to a report in minutes on two cores."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unweave.commands.exit_codes import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from unweave.api import Run

SETTINGS: dict[str, Any] = {
    "data": "dsprites:resolution=16",
    "dim": 6,
    "steps": 6000,
    "learning_rate": 1e-3,
    "beta": 4.0,
}
"""The best of several methods, weights and learning rates in these steps: docs/results.md."""
METHOD = "beta-tcvae"


def demo(
    out: Annotated[Path, typer.Option(help="the run directory, new or empty")] = Path("runs/demo"),
    steps: Annotated[int | None, typer.Option(min=1, help="number of training steps")] = None,
) -> None:
    """Train a small model, score it, and write its report.

    It is beta-TCVAE on rendered dSprites.
    """
    from unweave.api import train
    from unweave.progress import TrainingProgress

    settings = SETTINGS | ({} if steps is None else {"steps": steps})
    run = train(METHOD, out=out, progress=TrainingProgress(), **settings)
    if run.outcome != "finished":
        path = shlex.quote(str(run.path))
        print(f"stopped; continue with: unweave train --resume {path}", file=sys.stderr)
        raise typer.Exit(EXIT_INTERRUPTED)
    print(_score(run))
    print(f"report: {run.report().resolve()}")


def _score(run: Run) -> str:
    """Score a run beside its untrained self."""
    from unweave.evaluate import evaluate, untrained_score
    from unweave.progress import counting
    from unweave.tables import table

    with counting("encoding", "images") as progress:
        scores = evaluate(run, bootstrap=0, progress=progress)
    before = untrained_score(run, "mig")
    rows = [
        ("MIG of the untrained encoder", f"{before:.3f}"),
        ("MIG after training", f"{float(scores['mig']):.3f}"),
        ("FactorVAE score", f"{float(scores['factor-vae']):.3f}"),
        ("SAP", f"{float(scores['sap']):.3f}"),
        ("squared error of an image", f"{scores['reconstruction_error']:.1f}"),
    ]
    return table(("", "score"), rows)
