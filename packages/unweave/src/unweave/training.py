"""Training as one call: checks before a file is written, then the loop with log and observers."""

from __future__ import annotations

import dataclasses
import functools
import json
import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, nn

from unweave import processor
from unweave.assemble import Assembly, assemble
from unweave.batches import Feed, open_feed
from unweave.checkpoint import list_checkpoints, load_checkpoint, newest_step, save_checkpoint
from unweave.config import Spec, TrainConfig, make_config
from unweave.configfile import digest
from unweave.data_set import build_dataset, check_dataset
from unweave.device import choose_device
from unweave.directory import RunDirectory, check_empty
from unweave.errors import ConfigError, RunError, blaming
from unweave.evaluate import score_model
from unweave.files import append_line, expanded, write_bytes, write_text
from unweave.given import as_dataset
from unweave.holdout import split
from unweave.method import Method
from unweave.options import short_name
from unweave.owners import name_of
from unweave.players import Labels
from unweave.progress import Progress, Silent
from unweave.protocols import Dataset, member
from unweave.ranks import ALONE, Ranks
from unweave.registry import Registry, registry
from unweave.rehearsal import check_feed, rehearse
from unweave.replay import recorder_for
from unweave.settings import read_settings
from unweave.trained import Trained
from unweave.trainer import Trainer, fit
from unweave.validation import validation_terms

Networks = tuple[nn.Module, nn.Module]
R = TypeVar("R", bound=Trained)
GIVEN = Spec(name="unweave:given")
"""Stands in a configuration for what was given from Python."""


def train(
    kind: type[R],
    /,
    method: str | Method,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    data: Any = None,
    architecture: Any = None,
    **settings: Any,
) -> R:
    """Train a method and return its run directory, as an object of a kind.

    Parameters
    ----------
    kind
        `Trained`, or a class that knows more. The others are those of `unweave.train`.

    Raises
    ------
    ConfigError
        If a name or value is not as expected; nothing is written.
    NonFiniteError
        If the loss stops being finite; the newest checkpoint is from an earlier step.
    """
    ranks = Ranks.of_job()
    names, shown = registry(), progress if progress and ranks.first else Silent()
    given = None if _is_named(data) else _check_given(data)
    networks = None if _is_named(architecture) else cast(Networks, tuple(architecture))
    # A default that is not said is looked up where it comes from, whatever else is installed.
    said = {
        "data": data if given is None else GIVEN,
        "architecture": architecture if networks is None else GIVEN,
    }
    settings |= {name: value for name, value in said.items() if value is not None}
    config = make_config(names, {**_method_settings(method), **settings})
    target = choose_device(ranks.device(device))
    processor.prepare()
    if out and ranks.first:
        check_empty(expanded(out))
    dataset = given or build_dataset(names, config)
    config = fit_batch(config, len(dataset) - config.holdout, shown)
    kept, _ = split(dataset, config.holdout, config.seed)
    assembly = prepare(names, config, kept, networks)
    feed = put(assembly, kept, target, shown)
    if not ranks.first:
        trainer = build_trainer(assembly, feed, kept, config, target, ranks, shown.say)
        return _follow(kind(Path(out or "runs"), config, names), trainer, target)
    run = kind.create(expanded(out) if out else _free_path(config), config, names)
    run.device_name, run.networks = device, networks
    run.__dict__["whole_dataset"] = dataset
    with run.locked():
        record(run, assembly, kept)
        trainer = build_trainer(assembly, feed, kept, run.config, target, ranks, shown.say)
        return _train(run, trainer, target, shown)


def _check_given(data: Any) -> Dataset:
    return check_dataset(f"data of type {type(data).__name__}", as_dataset(data))


def resume(
    kind: type[R],
    /,
    path: str | Path,
    *,
    steps: int | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    data: Any = None,
    architecture: Networks | None = None,
) -> R:
    """Continue a run from its newest checkpoint; return it as an object of a kind.

    Parameters
    ----------
    kind
        `Trained`, or a class that knows more. The others are those of `unweave.resume`.

    Raises
    ------
    RunError
        If the directory is not a run.
    """
    run = kind.open(path, device=device, data=data, architecture=architecture)
    ranks = Ranks.of_job()
    shown = progress if progress and ranks.first else Silent()
    processor.prepare()
    target = choose_device(ranks.device(device))
    done = newest_step(run.checkpoints)
    config = run.config
    if steps is not None:
        if steps < done:
            raise ConfigError(f"steps must be at least {done}, which the run has done, got {steps}")
        config = make_config(run.registry, {**read_settings(run.config_path), "steps": steps})
    if done > config.steps:
        raise RunError(f"{run.path} is at step {done}, beyond its steps={config.steps}")
    if done == config.steps:
        shown.say(f"{run.path} is finished at step {done}; --steps N continues to step N")
    assembly = prepare(run.registry, config, run.dataset, run.networks)
    with run.locked() if ranks.first else nullcontext():
        if ranks.first and run.recorded("images") is None:  # killed before they were recorded
            record(run, assembly, run.dataset)
        feed = put(assembly, run.dataset, target, shown)
        trainer = build_trainer(assembly, feed, run.dataset, config, target, ranks, shown.say)
        if ranks.first:
            return _train(run, trainer, target, shown)
        load_newest(run, trainer)
        return _follow(run, trainer, target)


def record(run: Trained, assembly: Assembly, dataset: Dataset) -> None:
    """Keep in the run what it needs beside its configuration."""
    run.carry(member(assembly.model.prior, "carried"))
    run.record_images(dataset)


def _is_named(value: Any) -> bool:
    return value is None or isinstance(value, str | Spec | Mapping)


def _method_settings(method: str | Method) -> dict[str, Any]:
    """Name a method; one that is not a registered name is written out as options of `custom`."""
    if isinstance(method, Method):
        return {"method": "unweave:custom", **dataclasses.asdict(method)}
    return {"method": method}


def fit_batch(config: TrainConfig, size: int, progress: Progress) -> TrainConfig:
    """Lower a batch to the number of images where there are fewer, and say so."""
    if config.batch_size <= size or size < 2:
        return config
    progress.say(f"batch_size is lowered from {config.batch_size} to the {size} images there are")
    return config.model_copy(update={"batch_size": size})


def prepare(
    names: Registry, config: TrainConfig, dataset: Dataset, networks: Networks | None
) -> Assembly:
    """Build the networks and rehearse, which finds what does not fit before a file is written."""
    assembly = assemble(names, config, dataset, networks)
    terms = rehearse(assembly, dataset)
    if config.keep_best and config.keep_best.removeprefix("validation/") not in terms:
        raise ConfigError(
            f"setting keep_best must be a logged term, {', '.join(terms)}, or one of these behind "
            f"validation/; got {config.keep_best!r}"
        )
    if config.keep_best.startswith("validation/") and not config.holdout:
        raise ConfigError(f"keep_best={config.keep_best} needs held-out images: set holdout=N")
    return dataclasses.replace(assembly, term_names=terms)


def make_trainer(
    names: Registry,
    config: TrainConfig,
    device: torch.device,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
    say: Callable[[str], None] | None = None,
) -> Trainer:
    """Build the trainer of a configuration, without a run directory; `say` as `build_trainer`."""
    dataset = dataset or build_dataset(names, config)
    assembly = prepare(names, config, dataset, None)
    feed = put(assembly, dataset, device, progress or Silent())
    return build_trainer(assembly, feed, dataset, config, device, say=say)


def build_trainer(
    assembly: Assembly,
    feed: Feed,
    dataset: Dataset,
    config: TrainConfig,
    device: torch.device,
    ranks: Ranks = ALONE,
    say: Callable[[str], None] | None = None,
) -> Trainer:
    """Build the trainer of what was prepared.

    Parameters
    ----------
    say
        Shows a line; where it is given, the step is recorded and replayed if the device can.

    Raises
    ------
    ConfigError
        If processes that share every batch cannot share this one.
    """
    ranks.check(config.batch_size, assembly.model, cast(nn.Module, assembly.objective))
    labels = _labels(dataset, device)
    recorder = None if say is None else recorder_for(device)
    return Trainer(
        assembly, feed, len(dataset), config, device, labels, ranks, recorder, say or print
    )


def put(assembly: Assembly, dataset: Dataset, device: torch.device, progress: Progress) -> Feed:
    """Put the data on the device, which may take long."""
    if note := member(dataset, "note"):
        progress.say(str(note))
    owner = name_of(dataset)
    with blaming(owner, "in stored()"):
        feed = open_feed(dataset, device, progress.loading)
    check_feed(owner, feed, dataset, device)
    return feed


def _labels(dataset: Dataset, device: torch.device) -> Labels:
    @functools.cache
    def labels() -> Tensor | None:
        if dataset.factors is None:
            return None
        return torch.as_tensor(dataset.factors).to(device, torch.int64)

    return labels


def _train(run: R, trainer: Trainer, device: torch.device, progress: Progress) -> R:
    """Train in a run directory that this process holds."""
    with session(run, trainer, progress) as observer, trainer.ranks.joined(device):
        observer.outcome = fit(trainer, run.checkpoints, observer)
    return run


def _follow(run: R, trainer: Trainer, device: torch.device) -> R:
    """Train along with the process that holds the run directory."""
    with trainer.ranks.joined(device):
        run.outcome = fit(trainer, run.checkpoints, _Follower())
    return run


class _Follower:
    """Hears what another process writes down."""

    def stepped(self, step: int) -> None:
        pass

    def logged(self, step: int, scalars: dict[str, float]) -> bool:
        return False


def load_newest(run: Trained, trainer: Trainer) -> None:
    """Put a trainer where the run's newest checkpoint is, if it has one."""
    if list_checkpoints(run.checkpoints):
        trainer.load_state(*load_checkpoint(run.checkpoints, digest(trainer.config)))


@contextmanager
def session(run: Trained, trainer: Trainer, progress: Progress) -> Iterator[RunObserver]:
    """Continue a run that this process holds from its newest checkpoint, with log and observers.

    The trainer's configuration is the run's, or the same with other steps, which are recorded once
    they fit. The block puts into `outcome` of what it is given how training ended.
    """
    load_newest(run, trainer)
    if trainer.config.steps != run.config.steps:
        run.record_continuation(trainer.config)
    _forget_after(run, trainer.step)
    observer = RunObserver(run, trainer, progress)
    run.registry.observe("unweave_run_start", run=run)
    if said := processor.remark(trainer.config.precision, trainer.clock.device):
        progress.say(said)
    progress.start(trainer.step, trainer.config.steps)
    try:
        yield observer
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
        How training ended, as `fit` says it; `failed` until it says so.
    """

    def __init__(self, run: Trained, trainer: Trainer, progress: Progress) -> None:
        self._run, self._trainer, self._progress = run, trainer, progress
        self._best = _Best(run.config.keep_best, run.config.stop_after)
        for line in run.scalars():
            self._best.hear(line)
        self.enough = ""
        self.outcome = "failed"

    def stepped(self, step: int) -> None:
        """Show it."""
        self._progress.stepped(step)

    def logged(self, step: int, scalars: dict[str, float]) -> bool:
        """Score and validate where it is due, write the line and tell the plugins."""
        config = self._run.config
        if config.holdout and (step % config.validate_every == 0 or step == config.steps):
            scalars |= validation_terms(self._trainer, *self._heldout)
        if config.evaluate_every and step % config.evaluate_every == 0:
            scalars |= self._scores()
        # On the disk before the checkpoint that follows: a resumed run's log has no gap.
        append_line(self._run.scalars_path, json.dumps({"step": step, **scalars}))
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
        write_bytes(self._best_run.scalars_path, self._run.scalars_path.read_bytes())
        mark = digest(self._run.config)
        save_checkpoint(self._best_run.checkpoints, step, self._trainer.state(), mark, keep=1)

    @functools.cached_property
    def _best_run(self) -> RunDirectory:
        return self._run.make_best()

    @functools.cached_property
    def _heldout(self) -> tuple[Any, int, Labels]:
        dataset, device = self._run.heldout, self._trainer.clock.device
        return open_feed(dataset, device), len(dataset), _labels(dataset, device)

    def _scores(self) -> dict[str, float]:
        self._trainer.model.eval()
        scores = score_model(self._run, self._trainer.model)
        self._trainer.model.train()
        return {f"score/{name}": float(value) for name, value in scores.items()}


class _Best:
    """The lowest value of a logged term, and for how many logs of it nothing was lower."""

    def __init__(self, term: str, patience: int) -> None:
        self._term, self._patience = term, patience
        self._value, self._since, self.step = math.inf, 0, 0

    def hear(self, line: Mapping[str, float]) -> bool:
        """Take a line of the log; return whether its value is the lowest so far."""
        value = line.get(self._term)
        if value is None:
            return False
        self._since += 1
        if value < self._value:
            self._value, self._since, self.step = value, 0, int(line["step"])
        return self._since == 0

    @property
    def exhausted(self) -> bool:
        """Whether the term was not lower for as many logs as the patience."""
        return bool(self._patience) and self._since >= self._patience


def _forget_after(run: Trained, step: int) -> None:
    """Drop what was logged after the checkpoint that training goes on from."""
    lines = run.scalars()
    kept = [line for line in lines if line["step"] <= step]
    text = "".join(json.dumps(line) + "\n" for line in kept)
    if run.scalars_path.is_file() and text != run.scalars_path.read_text(encoding="utf-8"):
        write_text(run.scalars_path, text)


def _free_path(config: TrainConfig) -> Path:
    """Make a run directory that was not there yet, which no other process can take as well."""
    stem = f"{short_name(config.method)}-{short_name(config.data.name)}"
    path, number = Path("runs") / stem, 1
    while True:
        try:
            path.mkdir(parents=True, exist_ok=False)
        except FileExistsError:
            number += 1
            path = path.with_name(f"{stem}-{number}")
        except OSError as error:
            raise RunError(f"{path} cannot be made: {error.strerror}") from error
        else:
            return path
