"""The command `unweave tensorboard`: scores, and event files for runs without any."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unweave import Run

SUFFIX = ".scores"
"""End of the name of the event file of scores, which each call replaces."""


def tensorboard(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN...", help="run directories")],
) -> None:
    """Write scores of runs for TensorBoard, and logs of runs that have none there."""
    from unweave import Run

    for run in [Run.open(path) for path in runs]:
        print(write_run(run))


def write_run(run: Run) -> Path:
    """Write event files for a run directory and return their folder.

    For a run without event files, write its log, its settings and the figures of its newest
    checkpoint. If the run has scores, they replace earlier ones.
    """
    from unweave_tensorboard.board import FOLDER, Board, has_events
    from unweave_tensorboard.figures import write_figures

    folder = run.path / FOLDER
    for old in folder.glob(f"events.out.tfevents.*{SUFFIX}"):
        old.unlink()
    if not has_events(run.path):
        board = Board(run.path)
        board.write_settings()
        for line in run.scalars():
            scalars = {name: value for name, value in line.items() if name != "step"}
            board.write_scalars(int(line["step"]), scalars)
        if run.step:
            write_figures(board, run)
        board.close()
    if run.scores_path.is_file():
        board = Board(run.path, suffix=SUFFIX)
        board.write_scores(run.step, run.scores)
        board.close()
    return folder
