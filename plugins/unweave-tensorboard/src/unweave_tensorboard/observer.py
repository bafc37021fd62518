"""The work of the hooks: one open event file per run that this process trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from unweave import Run
from unweave_tensorboard.board import Board, has_events
from unweave_tensorboard.figures import write_figures


class _Observation:
    """A run in training, with its event file and the step of its last figures."""

    def __init__(self, run: Run) -> None:
        self.run = run
        has_files = has_events(run.path)
        self.figures_step = run.step
        # At step 0, all events of a run that was killed before its first checkpoint are void.
        purge_step = self.figures_step + 1 if self.figures_step else 0
        self.board = Board(run.path, purge_step=purge_step if has_files else None)
        if not has_files:
            self.board.write_settings()

    def draw(self) -> None:
        """Write figures of the newest checkpoint, if they are not written yet."""
        if self.run.step != self.figures_step:
            self.figures_step = self.run.step
            write_figures(self.board, self.run)


_observations: dict[Path, _Observation] = {}


def start(run: Run) -> None:
    """Open an event file; TensorBoard drops events of earlier files after the checkpoint."""
    end(run, "stopped")
    _observations[run.path.resolve()] = _Observation(run)


def log(run: Run, step: int, scalars: Mapping[str, float]) -> None:
    """Write scalars, and figures if a checkpoint was written since the last log."""
    observation = _observations.get(run.path.resolve())
    if observation is None:
        return
    observation.board.write_scalars(step, scalars)
    observation.board.flush()
    observation.draw()


def end(run: Run, outcome: str) -> None:
    """Write figures of the last checkpoint and the outcome, and close the event file."""
    observation = _observations.pop(run.path.resolve(), None)
    if observation is None:
        return
    try:
        observation.draw()
        observation.board.write_outcome(outcome)
    finally:
        observation.board.close()
