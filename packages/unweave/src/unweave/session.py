"""One session of training: from the newest checkpoint of a run, with log, scores and observers."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from unweave import processor
from unweave.batches import open_feed
from unweave.checkpoint import list_checkpoints, load_checkpoint, save_checkpoint
from unweave.configfile import digest
from unweave.directory import RunDirectory
from unweave.evaluate import score_model
from unweave.files import append_line, write_bytes, write_text
from unweave.players import Labels
from unweave.progress import Progress
from unweave.trained import Trained
from unweave.trainer import Trainer
from unweave.trainer_setup import labels_on
from unweave.training_time import NAME as TIMES
from unweave.training_time import Stopwatch
from unweave.validation import validation_terms


def load_newest(run: Trained, trainer: Trainer) -> None:
    """Load the newest checkpoint of a run into a trainer, if there is one."""
    if list_checkpoints(run.checkpoints):
        trainer.load_state(*load_checkpoint(run.checkpoints, digest(trainer.config)))


@contextmanager
def session(
    run: Trained, trainer: Trainer, progress: Progress, together: int = 1
) -> Iterator[RunObserver]:
    """Continue a locked run from its newest checkpoint, with log and observers.

    The trainer's configuration is that of the run, but may have other steps, which are recorded.
    The block sets `outcome` of the observer that it gets.

    Parameters
    ----------
    together
        Runs that the process trains at once.
    """
    load_newest(run, trainer)
    if trainer.config.steps != run.config.steps:
        run.record_continuation(trainer.config)
    _forget_after(run, trainer.step)
    observer = RunObserver(run, trainer, progress, together)
    run.registry.observe("unweave_run_start", run=run)
    if said := processor.remark(trainer.config.precision, trainer.clock.device):
        progress.say(said)
    progress.start(trainer.step, trainer.config.steps)
    try:
        yield observer
        observer.watch.note(trainer.step)
    finally:
        progress.close()
        run.registry.observe("unweave_run_end", run=run, outcome=observer.outcome)
    if observer.enough and trainer.step < trainer.config.steps:
        observer.outcome = "finished"
        progress.say(observer.enough)
    run.outcome = observer.outcome


class RunObserver:
    """Passes what the trainer reports to the log file, the plugins and the progress bar.

    Parameters
    ----------
    outcome
        The result of `fit`; `failed` until `fit` returns.
    """

    def __init__(
        self, run: Trained, trainer: Trainer, progress: Progress, together: int = 1
    ) -> None:
        device = device_text(trainer.clock.device)
        self.watch = Stopwatch(run.path, trainer.step, device, trainer.ranks.size, together)
        self._run, self._trainer, self._progress = run, trainer, progress
        self._best = _Best(run.config.keep_best, run.config.stop_after)
        for line in run.scalars():
            self._best.hear(line)
        self.enough = ""
        self.outcome = "failed"

    def stepped(self, step: int) -> None:
        """Show it."""
        self._progress.stepped(step)
        config = self._run.config
        if step % config.checkpoint_every == 0 and step % config.log_every:
            self.watch.note(step)  # a resumed run goes on from here

    def logged(self, step: int, scalars: dict[str, float]) -> bool:
        """Score and validate if it is due, write the log line, and call the plugins."""
        config = self._run.config
        if config.holdout and (step % config.validate_every == 0 or step == config.steps):
            scalars |= validation_terms(self._trainer, *self._heldout)
        if config.evaluate_every and step % config.evaluate_every == 0:
            scalars |= self._scores()
        # On the disk before the checkpoint that follows: a resumed run's log has no gap.
        append_line(self._run.scalars_path, json.dumps({"step": step, **scalars}))
        self.watch.note(step)
        self._progress.logged(step, scalars)
        wishes = self._run.registry.observe(
            "unweave_run_log", run=self._run, step=step, scalars=dict(scalars)
        )
        if self._best.hear({"step": step, **scalars}):
            self._keep_best(step)
        if owner := next((o for o, wish in wishes if wish == "stop"), None):
            self.enough = f"stopped at step {step} as observer {owner} asked"
        elif self._best.exhausted:
            self.enough = (
                f"stopped at step {step}: {config.keep_best} was lowest at step {self._best.step}"
            )
        return bool(self.enough)

    def _keep_best(self, step: int) -> None:
        best = self._best_run
        write_bytes(best.scalars_path, self._run.scalars_path.read_bytes())
        write_bytes(best.path / TIMES, (self._run.path / TIMES).read_bytes())
        mark = digest(self._run.config)
        save_checkpoint(best.checkpoints, step, self._trainer.state(), mark, keep=1)

    @functools.cached_property
    def _best_run(self) -> RunDirectory:
        return self._run.make_best()

    @functools.cached_property
    def _heldout(self) -> tuple[Any, int, Labels]:
        dataset, device = self._run.heldout, self._trainer.clock.device
        return open_feed(dataset, device), len(dataset), labels_on(dataset, device)

    def _scores(self) -> dict[str, float]:
        self._trainer.model.eval()
        scores = score_model(self._run, self._trainer.model, codes="both")
        self._trainer.model.train()
        return {f"score/{name}": float(value) for name, value in scores.items()}


def device_text(device: torch.device) -> str:
    """Name a device, and which GPU it is."""
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    return device.type


class _Best:
    """The lowest value of a logged term, and the number of its logs since then."""

    def __init__(self, term: str, patience: int) -> None:
        self._term, self._patience = term, patience
        self._value, self._since, self.step = math.inf, 0, 0

    def hear(self, line: Mapping[str, float]) -> bool:
        """Read a line of the log; return whether its value is the lowest so far."""
        value = line.get(self._term)
        if value is None:
            return False
        self._since += 1
        if value < self._value:
            self._value, self._since, self.step = value, 0, int(line["step"])
        return self._since == 0

    @property
    def exhausted(self) -> bool:
        """Whether the term had no new minimum for as many logs as the patience."""
        return bool(self._patience) and self._since >= self._patience


def _forget_after(run: Trained, step: int) -> None:
    """Drop the log lines after the checkpoint from which training continues."""
    lines = run.scalars()
    earlier_lines = [line for line in lines if line["step"] <= step]
    text = "".join(json.dumps(line) + "\n" for line in earlier_lines)
    if run.scalars_path.is_file() and text != run.scalars_path.read_text(encoding="utf-8"):
        write_text(run.scalars_path, text)
