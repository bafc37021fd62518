"""Training in one call: checks before a file is written, then the loop with log and observers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from unweave import processor
from unweave.assemble import Assembly
from unweave.checkpoint import newest_step
from unweave.config import make_config
from unweave.data_set import build_dataset, check_dataset
from unweave.device import choose_device
from unweave.directory import check_empty
from unweave.errors import ConfigError, RunError
from unweave.files import expanded
from unweave.from_python import as_dataset
from unweave.holdout import split
from unweave.launch import LostProcessError, announce, way_on
from unweave.loop import fit
from unweave.method import Method
from unweave.options import short_name
from unweave.progress import Progress, Silent
from unweave.protocols import Dataset, member
from unweave.ranks import Ranks
from unweave.registry import FROM_PYTHON, registry
from unweave.session import load_newest, session
from unweave.train_config import Spec, TrainConfig
from unweave.trained import Trained
from unweave.trainer import Trainer
from unweave.trainer_setup import Networks, build_trainer, fit_batch, load_data, prepare

R = TypeVar("R", bound=Trained)


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
    """Train a method and return its run directory as an instance of `kind`.

    Parameters
    ----------
    kind
        `Trained` or a subclass. The other parameters are those of `unweave.train`.

    Raises
    ------
    ConfigError
        If a name or value is invalid; nothing is written.
    NonFiniteError
        If the loss stops being finite; the error names the newest checkpoint, if there is one.
    """
    ranks = Ranks.of_job()
    names, display = registry(), progress if progress and ranks.first else Silent()
    own_data = None if _is_named(data) else _check_data(data)
    networks = None if _is_named(architecture) else cast(Networks, tuple(architecture))
    # A default that is not said is looked up where it comes from, whatever else is installed.
    said = {
        "data": data if own_data is None else Spec(name=FROM_PYTHON),
        "architecture": architecture if networks is None else Spec(name=FROM_PYTHON),
    }
    settings |= {name: value for name, value in said.items() if value is not None}
    config = make_config(names, {**_method_settings(method), **settings})
    target = choose_device(ranks.device(device))
    processor.prepare()
    if out and ranks.first:
        check_empty(expanded(out))
    dataset = own_data or build_dataset(names, config.data)
    config = fit_batch(config, len(dataset) - config.holdout, display)
    train_data, _ = split(dataset, config.holdout, config.seed)
    assembly = prepare(names, config, train_data, networks)
    feed = load_data(assembly, train_data, target, display)
    if not ranks.first:
        trainer = build_trainer(assembly, feed, train_data, config, target, ranks, display.say)
        return _follow(kind(Path(out or "runs"), config, names), trainer, target)
    run = kind.create(expanded(out) if out else _free_path(config), config, names)
    run.device_name, run.networks = device, networks
    run.__dict__["whole_dataset"] = dataset
    announce(run.path)
    with run.locked():
        record(run, assembly, train_data)
        trainer = build_trainer(assembly, feed, train_data, run.config, target, ranks, display.say)
        return _train(run, trainer, target, display)


def _check_data(data: Any) -> Dataset:
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
    """Continue a run from its newest checkpoint; return it as an instance of `kind`.

    Parameters
    ----------
    kind
        `Trained` or a subclass. The other parameters are those of `unweave.resume`.

    Raises
    ------
    RunError
        If the directory is not a run.
    """
    run = kind.open(path, device=device, data=data, architecture=architecture)
    ranks = Ranks.of_job()
    display = progress if progress and ranks.first else Silent()
    processor.prepare()
    target = choose_device(ranks.device(device))
    step = newest_step(run.checkpoints)
    config = run.config
    if steps is not None:
        if steps < step:
            raise ConfigError(f"steps must be at least {step}, which the run has done, got {steps}")
        config = run.config_until(steps)
    if step > config.steps:
        raise RunError(f"{run.path} is at step {step}, beyond its steps={config.steps}")
    if step == config.steps:
        display.say(f"{run.path} is finished at step {step}; --steps N continues to step N")
    assembly = prepare(run.registry, config, run.dataset, run.networks)
    announce(run.path)
    with run.locked() if ranks.first else nullcontext():
        if ranks.first and run.recorded("images") is None:  # killed before they were recorded
            record(run, assembly, run.dataset)
        feed = load_data(assembly, run.dataset, target, display)
        trainer = build_trainer(assembly, feed, run.dataset, config, target, ranks, display.say)
        if ranks.first:
            return _train(run, trainer, target, display)
        load_newest(run, trainer)
        return _follow(run, trainer, target)


def record(run: Trained, assembly: Assembly, dataset: Dataset) -> None:
    """Save in the run what it needs besides its configuration."""
    run.carry(member(assembly.model.prior, "carried"))
    run.record_images(dataset)


def _is_named(value: Any) -> bool:
    return value is None or isinstance(value, str | Spec | Mapping)


def _method_settings(method: str | Method) -> dict[str, Any]:
    """Return the settings of a method; a `Method` is written out as options of `custom`."""
    if isinstance(method, Method):
        return {"method": "unweave:custom", **dataclasses.asdict(method)}
    return {"method": method}


def _train(run: R, trainer: Trainer, device: torch.device, progress: Progress) -> R:
    """Train in a run directory that this process has locked."""
    try:
        with session(run, trainer, progress) as observer, trainer.ranks.joined(device):
            observer.outcome = fit(trainer, run.checkpoints, observer)
    except LostProcessError as error:
        raise LostProcessError(f"{error}; {way_on(run.path, trainer.ranks.size)}") from error
    return run


def _follow(run: R, trainer: Trainer, device: torch.device) -> R:
    """Train together with the process that has locked the run directory."""
    with trainer.ranks.joined(device):
        run.outcome = fit(trainer, run.checkpoints, _Follower())
    return run


class _Follower:
    """The observer of a process that leaves log and checkpoints to the first one."""

    def stepped(self, step: int) -> None:
        pass

    def logged(self, step: int, scalars: dict[str, float]) -> bool:
        return False


def _free_path(config: TrainConfig) -> Path:
    """Make a new run directory that no other process can take."""
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
