"""The loop of many runs that take their steps together, with the logs and checkpoints of each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from unweave.errors import UnweaveError
from unweave.loop import Observer, keep, save
from unweave.signals import stop_signals
from unweave.trainer import Trainer


class Together(Protocol):
    """Trainers that take their steps together."""

    members: tuple[Trainer, ...]

    def train_step(self) -> None:
        """Do one step of every player of every member."""
        ...


def fit_together(
    ensemble: Together, checkpoints: Sequence[Path], observers: Sequence[Observer]
) -> list[str | UnweaveError]:
    """Train every member to its last step, with logs and checkpoints, as `fit` does with one.

    Return for each what `fit` returns, or the error that ended it. A member that is no longer
    finite ends, and the others continue; its newest checkpoint is from an earlier step.
    """
    members = ensemble.members
    ended: dict[int, str | UnweaveError] = {
        n: "finished" for n, member in enumerate(members) if member.step == member.config.steps
    }
    with stop_signals() as stopped:
        while len(ended) < len(members) and not stopped():
            ensemble.train_step()
            for n, member in enumerate(members):
                if n not in ended:
                    outcome = _log_and_save(member, checkpoints[n], observers[n])
                    ended |= {} if outcome is None else {n: outcome}
        for n, member in enumerate(members):
            if n not in ended:
                ended[n] = _save(member, checkpoints[n])
    return [ended[n] for n in range(len(members))]


def _log_and_save(
    member: Trainer, checkpoints: Path, observer: Observer
) -> str | UnweaveError | None:
    """Log and save what is due; return the outcome or error that ends the member, or None."""
    try:
        enough = keep(member, checkpoints, observer)
    except UnweaveError as error:
        return error
    if member.step == member.config.steps:
        return "finished"
    return _save(member, checkpoints) if enough else None


def _save(member: Trainer, checkpoints: Path) -> str | UnweaveError:
    try:
        save(member, checkpoints)
    except UnweaveError as error:
        return error
    return "stopped"
