"""The loop of a run: all steps, with logs and checkpoints."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from unweave.checkpoint import newest_step, save_checkpoint
from unweave.configfile import digest
from unweave.errors import NonFiniteError
from unweave.signals import stop_signals
from unweave.trainer import Trainer


class Observer(Protocol):
    """Receives the progress of training."""

    def stepped(self, step: int) -> None:
        """Take note that `step` steps are done; must not wait for the device."""
        ...

    def logged(self, step: int, scalars: dict[str, float]) -> bool:
        """Take the means of all terms since the last log; return whether to stop."""
        ...


def fit(trainer: Trainer, checkpoints: Path, observer: Observer) -> str:
    """Train to the last step, with logs and checkpoints.

    Return `finished`, or `stopped` if a signal or the observer ended training: after the step in
    progress, with a checkpoint.

    Raises
    ------
    NonFiniteError
        If a term or a weight stops being finite; the error names the newest checkpoint, if there
        is one.
    RunError
        If a checkpoint cannot be written; the earlier one stays intact.
    """
    steps, enough = trainer.config.steps, False
    with stop_signals() as stopped:
        while trainer.step < steps and not trainer.ranks.any(enough or stopped()):
            trainer.train_step()
            enough = keep(trainer, checkpoints, observer)
        if trainer.step < steps:
            save(trainer, checkpoints)
    return "finished" if trainer.step == steps else "stopped"


def keep(trainer: Trainer, checkpoints: Path, observer: Observer) -> bool:
    """Log and save what is due after a step; return whether the observer asks to stop."""
    config, enough = trainer.config, False
    observer.stepped(trainer.step)
    last = trainer.step == config.steps
    if last or trainer.step % config.log_every == 0:
        with _naming_newest(checkpoints):
            scalars = trainer.take_log()
        enough = observer.logged(trainer.step, scalars)
    if last or trainer.step % config.checkpoint_every == 0:
        save(trainer, checkpoints)
    return enough


def save(trainer: Trainer, checkpoints: Path) -> None:
    """Write a checkpoint, unless a number in it is not finite."""
    with _naming_newest(checkpoints):
        trainer.check_finite()
    if trainer.ranks.first:
        save_checkpoint(checkpoints, trainer.step, trainer.state(), digest(trainer.config))


@contextmanager
def _naming_newest(checkpoints: Path) -> Iterator[None]:
    """Let the error of a number that is not finite say which checkpoint is there."""
    try:
        yield
    except NonFiniteError as error:
        step = newest_step(checkpoints)
        newest = (
            f"the newest checkpoint is that of step {step}" if step else "no checkpoint is there"
        )
        raise NonFiniteError(f"{error}; {newest}") from error
