"""Training as one call, from Python and from the command line."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from unweave.batches import check_batch_size, derive_seed, open_feed, to_float
from unweave.building import build_dataset, build_model, choose_device
from unweave.checkpoint import list_checkpoints, load_checkpoint
from unweave.config import TrainConfig, build_method, make_config
from unweave.errors import ConfigError, RunError
from unweave.files import remove_partial, write_text
from unweave.model import Autoencoder
from unweave.objective import Latent, Objective, build_objective
from unweave.options import parse_spec
from unweave.progress import Progress, Silent
from unweave.protocols import Dataset, PosteriorFamily
from unweave.registry import Registry, registry
from unweave.run import Run
from unweave.trainer import Trainer, fit


def train(
    method: str,
    *,
    out: str | Path | None = None,
    device: str = "auto",
    progress: Progress | None = None,
    **settings: Any,
) -> Run:
    """Train a method and return its run directory.

    Parameters
    ----------
    method : registered name, `unweave methods` lists them.
    out : the run directory; by default a new one under `runs/`.
    device : `auto`, `cpu`, `cuda` or `cuda:N`.
    progress : who shows it; nobody by default.
    settings : `data`, `steps`, `seed`, ... (fields of `unweave.config.TrainConfig`) and the
        options of the method, such as beta=6.

    Raises
    ------
    ConfigError
        If a name or value is not as expected; nothing is written.
    NonFiniteError
        If the loss stops being finite; the newest checkpoint is from before.
    """
    names, shown = registry(), progress or Silent()
    config = make_config(names, {"method": method, **settings})
    target = choose_device(device)
    _flush_denormals()
    dataset = build_dataset(names, config)
    parts = _build_parts(names, config, dataset)
    run = Run.create(Path(out) if out else _free_path(method, config.data.name), config, names)
    run.dataset = dataset
    return _train(run, _load(config, parts, dataset, target, shown), shown)


def resume_training(
    path: str | Path, *, device: str = "auto", progress: Progress | None = None
) -> Run:
    """Continue a run from its newest checkpoint.

    Raises
    ------
    RunError
        If the directory is no run.
    """
    run, shown = Run.open(path), progress or Silent()
    _flush_denormals()
    target = choose_device(device)
    trainer = make_trainer(run.registry, run.config, target, run.dataset, shown)
    for folder in (run.path, run.checkpoints):
        remove_partial(folder)
    if list_checkpoints(run.checkpoints):
        trainer.load_state(*load_checkpoint(run.checkpoints))
    _forget_after(run, trainer.step)
    return _train(run, trainer, shown)


def _flush_denormals() -> None:
    """Let the processor treat numbers below 1e-38 as zero.

    Units whose gradient vanishes fill the moments of Adam with such numbers, and x86 processors
    compute with them in microcode: a step was measured to take three times as long. Threads
    inherit the mode, so it is set before torch starts any.
    """
    torch.set_flush_denormal(True)


def _build_parts(
    names: Registry, config: TrainConfig, dataset: Dataset
) -> tuple[Autoencoder, Objective]:
    """Build the networks, which finds out whether everything fits before a file is written."""
    model = build_model(names, config, dataset)
    with torch.random.fork_rng([]):
        torch.manual_seed(derive_seed(config.seed, "estimators"))
        method = build_method(names, config)
        family = cast(PosteriorFamily, model.family)
        objective = build_objective(names, method, config.dim, family)
    check_batch_size(len(dataset), config.batch_size)
    _rehearse(model, objective, dataset)
    return model, objective


def _rehearse(model: Autoencoder, objective: Objective, dataset: Dataset) -> None:
    """Run the objective on two images: what does not fit is said here, before a file is written.

    In evaluation mode, so that nothing is remembered of it.

    Raises
    ------
    ConfigError
        If the data are outside the cost's range, or the prior is learned and nothing teaches it.
    """
    x = to_float(torch.from_numpy(np.ascontiguousarray(dataset.images(np.arange(2)))))
    if dataset.bits == 32:
        _check_cost(objective.cost, dataset)
    model.eval()
    objective.eval()
    posterior = model.encode(x)
    generator = torch.Generator().manual_seed(0)
    z = posterior.rsample(generator)
    latent = Latent(z, posterior, model.prior, model.decoder, len(dataset), generator)
    terms = objective(x, model.decode(z), latent, torch.zeros((), dtype=torch.int64))
    for name, term in zip(objective.term_names, terms.tolist(), strict=True):
        if name != "loss" and not math.isfinite(term):
            raise ConfigError(
                f"{name} is {term} before the first step: posterior {_named(model.family)} and "
                f"prior {_named(model.prior)} do not fit it; choose another of them"
            )
    _check_prior_learns(model.prior, terms[0])
    objective.train()
    model.train()


def _check_cost(cost: torch.nn.Module, dataset: Dataset) -> None:
    if getattr(cost, "unit_interval", False) or not hasattr(cost, "expected"):
        raise ConfigError(
            f"{dataset.name} has vectors of any size, and the cost takes images in [0, 1]; "
            "choose cost=gaussian or cost=l2sq"
        )


def _check_prior_learns(prior: torch.nn.Module, loss: torch.Tensor) -> None:
    learned = [parameter for parameter in prior.parameters() if parameter.requires_grad]
    if learned and not any(
        g is not None for g in torch.autograd.grad(loss, learned, allow_unused=True)
    ):
        raise ConfigError(
            f"prior {_named(prior)} is learned, and no term of the method teaches it; take a "
            "method with a kl or dimension_wise_kl term, or a prior that is given"
        )


def _named(module: torch.nn.Module) -> str:
    return type(module).__name__


def make_trainer(
    names: Registry,
    config: TrainConfig,
    device: torch.device,
    dataset: Dataset | None = None,
    progress: Progress | None = None,
) -> Trainer:
    """Build the trainer of a configuration, without a run directory."""
    dataset = dataset or build_dataset(names, config)
    return _load(
        config, _build_parts(names, config, dataset), dataset, device, progress or Silent()
    )


def _load(
    config: TrainConfig,
    parts: tuple[Autoencoder, Objective],
    dataset: Dataset,
    device: torch.device,
    progress: Progress,
) -> Trainer:
    """Put the data on the device, which may take long, and join it with the networks."""
    if dataset.note:
        progress.say(dataset.note)
    feed = open_feed(dataset, device, progress.loading)
    return Trainer(*parts, feed, len(dataset), config, device)


class _RunObserver:
    """Passes what the trainer reports to the log file, the plugins and the progress bar."""

    def __init__(self, run: Run, progress: Progress) -> None:
        self._run, self._progress = run, progress

    def stepped(self, step: int) -> None:
        self._progress.stepped(step)

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        line = json.dumps({"step": step, **scalars})
        try:
            with self._run.scalars_path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            raise RunError(
                f"{self._run.scalars_path} cannot be written: {error.strerror}"
            ) from error
        self._progress.logged(step, scalars)
        self._run.registry.observe("unweave_run_log", run=self._run, step=step, scalars=scalars)


def _train(run: Run, trainer: Trainer, progress: Progress) -> Run:
    run.registry.observe("unweave_run_start", run=run)
    outcome = "failed"
    progress.start(trainer.step, run.config.steps)
    try:
        outcome = fit(trainer, run.checkpoints, _RunObserver(run, progress))
    finally:
        progress.close()
        run.registry.observe("unweave_run_end", run=run, outcome=outcome)
    run.outcome = outcome
    return run


def _forget_after(run: Run, step: int) -> None:
    """Drop what was logged after the checkpoint that training goes on from."""
    kept = [line for line in run.scalars() if line["step"] <= step]
    if run.scalars_path.is_file():
        write_text(run.scalars_path, "".join(json.dumps(line) + "\n" for line in kept))


def _free_path(method: str, data: str) -> Path:
    """Name a run directory that is not there yet."""
    stem = "-".join(parse_spec(text)[0].rpartition(":")[2] for text in (method, data))
    path, number = Path("runs") / stem, 1
    while path.exists():
        number += 1
        path = path.with_name(f"{stem}-{number}")
    return path
