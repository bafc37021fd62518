"""What the hooks do: one open event file for each run that this process trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unweave import Run
from unweave_tensorboard.board import Board, has_events
from unweave_tensorboard.figures import write_figures


class _Observed:
    """A run in training: its event file and the step that was drawn last."""

    def __init__(self, run: Run) -> None:
        self.run = run
        resumed = has_events(run.path)
        self.figures_step = run.step
        # At step 0 nothing counts of a run that was killed before its first checkpoint.
        purged = self.figures_step + 1 if self.figures_step else 0
        self.board = Board(run.path, purge_step=purged if resumed else None)
        if not resumed:
            self.board.write_settings()

    def draw(self) -> None:
        """Draw the newest checkpoint, unless it was drawn."""
        if self.run.step != self.figures_step:
            self.figures_step = self.run.step
            write_figures(self.board, self.run)


_observed: dict[Path, _Observed] = {}


def start(run: Run) -> None:
    """Open an event file; TensorBoard forgets what earlier ones have after the checkpoint."""
    end(run, "stopped")
    _observed[run.path.resolve()] = _Observed(run)


def log(run: Run, step: int, scalars: Mapping[str, float]) -> None:
    """Write scalars, and figures if a checkpoint was written since the last log."""
    observed = _observed.get(run.path.resolve())
    if observed is None:
        return
    observed.board.write_scalars(step, scalars)
    observed.board.flush()
    observed.draw()


def end(run: Run, outcome: str) -> None:
    """Write figures of the last checkpoint and the outcome, and close the event file."""
    observed = _observed.pop(run.path.resolve(), None)
    if observed is None:
        return
    try:
        observed.draw()
        observed.board.write_outcome(outcome)
    finally:
        observed.board.close()
