"""Training of many runs as one ensemble, each in a run directory of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from unweave import processor
from unweave.assemble import Assembly
from unweave.batches import Feed
from unweave.config import build_method, make_config
from unweave.data_set import build_dataset
from unweave.device import choose_device
from unweave.ensemble import Ensemble
from unweave.errors import UnweaveError
from unweave.holdout import split
from unweave.joint_loop import fit_together
from unweave.member_tensors import NotTogetherError
from unweave.method import Schedule
from unweave.progress import Progress
from unweave.protocols import Dataset
from unweave.registry import Registry, registry
from unweave.replay import recorder_for
from unweave.session import RunObserver, session
from unweave.side_by_side import SideBySide
from unweave.train_config import TrainConfig
from unweave.trained import Trained
from unweave.trainer import Trainer
from unweave.trainer_setup import build_trainer, fit_batch, load_data, prepare
from unweave.training import record

FREE = {"seed", "learning_rate", "options", "method"}
"""Settings in which runs of one ensemble may differ; options that are weights may differ, too."""


@dataclass(frozen=True)
class RunRequest:
    """The request to train a run with others.

    Attributes
    ----------
    settings
        Flat settings, as `make_config` takes them.
    path
        The run directory; if it exists, the run continues, to the steps of these settings.
    """

    settings: Mapping[str, Any]
    path: Path
    progress: Progress


@dataclass
class _Member:
    """A run before training starts; if `run` is None, it is a new one."""

    requests: RunRequest
    config: TrainConfig
    dataset: Dataset
    assembly: Assembly
    trainer: Trainer
    run: Trained | None


def train_together(
    requests: Sequence[RunRequest], device: str = "auto"
) -> list[str | UnweaveError]:
    """Train runs as one ensemble, each from its newest checkpoint if it has one.

    Return for each its outcome, `finished` or `stopped`, or the error that ended it.

    Raises
    ------
    NotTogetherError
        If they cannot be batched; nothing is written.
    """
    names, target = registry(), choose_device(device)
    processor.prepare()
    members = _prepare_members(names, requests, target)
    trainers = [one.trainer for one in members]
    recorder, say = recorder_for(target), requests[0].progress.say
    ensemble = Ensemble(trainers) if recorder is None else SideBySide(trainers, recorder, say)
    with contextlib.ExitStack() as stack:
        runs = [_open_run(names, one, device, stack) for one in members]
        observers: list[RunObserver] = [
            stack.enter_context(session(run, one.trainer, one.requests.progress, len(runs)))
            for run, one in zip(runs, members, strict=True)
        ]
        outcomes = fit_together(ensemble, [run.checkpoints for run in runs], observers)
        for observer, outcome in zip(observers, outcomes, strict=True):
            observer.outcome = outcome if isinstance(outcome, str) else "failed"
    return outcomes


def kinship(names: Registry, config: TrainConfig) -> str:
    """Return a text that is equal for runs that may be members of one ensemble."""
    method = build_method(names, config)
    terms = [
        dataclasses.replace(term, weights=_forms(term.weights), targets=_forms(term.targets))
        for term in method.terms
    ]
    content = {
        **config.model_dump(exclude=FREE),
        "rate": _forms(config.learning_rate),
        "method": dataclasses.asdict(dataclasses.replace(method, terms=tuple(terms))),
    }
    return json.dumps(content, sort_keys=True, default=str)


def _forms(weights: Any) -> Any:
    """Return what of weights determines the computation: the form of a schedule and its length."""
    if isinstance(weights, Mapping):
        return {name: _forms(weight) for name, weight in weights.items()}
    schedule = Schedule.parse(weights)
    return f"{schedule.shape} {schedule.steps} {len(schedule.drops)}"


def _prepare_members(
    names: Registry, requests: Sequence[RunRequest], device: torch.device
) -> list[_Member]:
    members: list[_Member] = []
    whole: Dataset | None = None
    for one in requests:
        run = Trained.open(one.path) if (one.path / "config.toml").is_file() else None
        config = make_config(names, one.settings)
        if run is not None:
            config = run.config_until(config.steps)
        if members and kinship(names, config) != kinship(names, members[0].config):
            raise NotTogetherError("they differ in more than seeds, weights and rates")
        whole = whole or build_dataset(names, config.data)
        config = fit_batch(config, len(whole) - config.holdout, one.progress)
        train_data, _ = split(whole, config.holdout, config.seed)
        assembly = prepare(names, config, train_data, None)
        feed: Feed | None = None
        if members and not config.holdout:
            feed = members[0].trainer.feed  # the same images, which are kept once
        feed = feed or load_data(assembly, train_data, device, one.progress)
        trainer = build_trainer(assembly, feed, train_data, config, device)
        members.append(_Member(one, config, train_data, assembly, trainer, run))
    return members


def _open_run(names: Registry, one: _Member, device: str, stack: contextlib.ExitStack) -> Trained:
    """Lock the run directory, and make it if it is a new one."""
    run = one.run or Trained.create(one.requests.path, one.config, names)
    run.device_name = device
    stack.enter_context(run.locked())
    if run.recorded("images") is None:  # a new one, or killed before they were recorded
        record(run, one.assembly, one.dataset)
        one.trainer.config = run.config
    return run
