"""The trainer: one loop over steps, whose every random number is a function of (seed, step)."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from unweave.batches import BatchIndices, Feed, derive_seed
from unweave.checkpoint import save_checkpoint
from unweave.config import TrainConfig
from unweave.errors import NonFiniteError, RunError
from unweave.method import Schedule
from unweave.model import Autoencoder
from unweave.objective import Latent, Objective, WeightSchedule


class Observer(Protocol):
    """Who is told how training goes."""

    def stepped(self, step: int) -> None:
        """Hear that `step` steps are done, without a wait for the device."""
        ...

    def logged(self, step: int, scalars: dict[str, float]) -> None:
        """Hear the means of all terms since the last log."""
        ...


class Trainer:
    """Everything that a run changes: networks, optimizers, the clock and the running means.

    Parameters
    ----------
    model, objective : on the device.
    feed : indices -> float images on the device.
    dataset_size : N.
    config : of the run.
    device : of everything.
    """

    def __init__(
        self,
        model: Autoencoder,
        objective: Objective,
        feed: Feed,
        dataset_size: int,
        config: TrainConfig,
        device: torch.device,
    ) -> None:
        self.model, self.objective = model.to(device), objective.to(device)
        self.config = config
        self.step = 0
        self.feed, self._size = feed, dataset_size
        self._generator = torch.Generator(device)
        self._order = self._indices("codes", device)
        self._second_order = self._indices("critic", device)
        if config.compile:
            self.model.encoder.compile()
            self.model.decoder.compile()
        self.optimizers = self._make_optimizers()
        self._rate = WeightSchedule(Schedule.parse(config.learning_rate)).to(device)
        names = self.term_names
        self._clock = torch.zeros((), dtype=torch.int64, device=device)
        self._sums = torch.zeros(len(names), device=device)
        self._first_bad = torch.full((len(names),), -1, dtype=torch.int64, device=device)
        self._logged_step = 0

    @property
    def term_names(self) -> tuple[str, ...]:
        """Names of the logged terms: the objective's, then the critics' losses."""
        critics = (f"{name}/critic_loss" for name in self.objective.critics)
        return (*self.objective.term_names, *critics)

    def train_step(self) -> None:
        """Do one step of every player."""
        x = self.feed(self._order(self.step))
        self._generator.manual_seed(derive_seed(self.config.seed, "noise", self.step))
        latent = self._latent(x)
        terms = self.objective(x, self.model.decode(latent.z), latent, self._clock)
        self._update("autoencoder", terms[0])
        losses = [self._critic_step(name, latent) for name in self.objective.critics]
        self._account(torch.stack([*terms.detach().unbind(), *losses]))

    def _latent(self, x: Tensor) -> Latent:
        posterior = self.model.encode(x)
        z = posterior.rsample(self._generator)
        model = self.model
        return Latent(z, posterior, model.prior, model.decoder, self._size, self._generator)

    def _critic_step(self, name: str, latent: Latent) -> Tensor:
        with torch.no_grad():
            second = self._latent(self.feed(self._second_order(self.step)))
        loss = self.objective.critics[name].critic_loss(latent, second)
        self._update(name, loss)
        return loss.detach()

    def _update(self, player: str, loss: Tensor) -> None:
        optimizer = self.optimizers[player]
        if player == "autoencoder":
            optimizer.param_groups[0]["lr"].copy_(self._rate(self._clock))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    def _account(self, terms: Tensor) -> None:
        """Add up terms and note the first step at which each was not finite, on the device."""
        fresh = (self._first_bad < 0) & ~terms.isfinite()
        self._first_bad = torch.where(fresh, self._clock, self._first_bad)
        self._sums += terms
        self._clock += 1
        self.step += 1

    def take_log(self) -> dict[str, float]:
        """Return the means since the last log and start anew; waits for the device.

        Raises
        ------
        NonFiniteError
            If a term was not finite.
        """
        self.check_finite()
        means = (self._sums / max(1, self.step - self._logged_step)).tolist()
        self._sums.zero_()
        self._logged_step = self.step
        return dict(zip(self.term_names, means, strict=True))

    def check_finite(self) -> None:
        """Raise if a term was not finite, or a weight is not.

        Raises
        ------
        NonFiniteError
            Naming the first term and its step.
        """
        bad = {
            name: step
            for name, step in zip(self.term_names, self._first_bad.tolist(), strict=True)
            if step >= 0
        }
        if bad:
            # The loss is the sum of the terms: name the term that spoilt it.
            name = min(bad, key=lambda term: (bad[term], term == "loss"))
            raise NonFiniteError(
                f"{name} is not finite at step {bad[name]}; lower learning_rate or the weights, "
                "the newest checkpoint is from before"
            )
        for name, tensor in self._weights().items():
            if not bool(tensor.isfinite().all()):
                raise NonFiniteError(
                    f"weight {name} is not finite at step {self.step}; lower learning_rate, "
                    "the newest checkpoint is from before"
                )

    def state(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs, flat."""
        tensors = self._weights()
        for player, optimizer in self.optimizers.items():
            for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
                for key, value in optimizer.state[parameter].items():
                    tensors[f"optimizer.{player}.{number}.{key}"] = value
        tensors["log.sums"] = self._sums
        tensors["log.step"] = torch.tensor(self._logged_step)
        return tensors

    def load_state(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Continue from a state.

        Raises
        ------
        RunError
            If the state is not one of this configuration.
        """
        try:
            self._load_tensors(tensors)
        except (KeyError, RuntimeError) as error:
            raise RunError(
                f"the checkpoint does not fit the run's configuration: {error}"
            ) from error
        self.step = step
        self._clock.fill_(step)

    def _load_tensors(self, tensors: dict[str, Tensor]) -> None:
        for name, tensor in self._weights().items():
            tensor.detach().copy_(tensors[name])
        for player, optimizer in self.optimizers.items():
            for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
                prefix = f"optimizer.{player}.{number}."
                state = {k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)}
                optimizer.state[parameter] = {k: laid_out(v, parameter) for k, v in state.items()}
        self._sums.copy_(tensors["log.sums"])
        self._logged_step = int(tensors["log.step"])

    def _weights(self) -> dict[str, Tensor]:
        modules = {"model": self.model, "objective": self.objective}
        return {
            f"{prefix}.{name}": tensor
            for prefix, module in modules.items()
            for name, tensor in module.state_dict().items()
        }

    def _make_optimizers(self) -> dict[str, torch.optim.Adam]:
        config = self.config
        own = [*self.model.parameters(), *self.objective.autoencoder_parameters()]
        settings = {"lr": 0.0, "betas": config.adam_betas, "eps": config.adam_eps}
        optimizers = {"autoencoder": _adam(own, **settings)}
        for name, critic in self.objective.critics.items():
            parameters = list(self.objective.estimators[name].parameters())
            optimizers[name] = _adam(parameters, **critic.critic_optimizer)
        return optimizers

    def _indices(self, stream: str, device: torch.device) -> BatchIndices:
        config = self.config
        return BatchIndices(self._size, config.batch_size, config.seed, stream, device)


def laid_out(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Copy a tensor into the memory layout of its parameter, and to its device.

    torch's fused optimizers walk the memories of a parameter, its gradient and its moments in one
    order: a contiguous moment of channels-last weights would be paired with other weights.
    """
    if tensor.shape != parameter.shape:
        return tensor.clone().to(parameter.device)
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def _adam(parameters: list[nn.Parameter], **settings: Any) -> torch.optim.Adam:
    wanted = [parameter for parameter in parameters if parameter.requires_grad]
    rate = torch.tensor(float(settings.pop("lr")), device=wanted[0].device)
    return torch.optim.Adam(wanted, lr=rate, fused=True, **settings)


def fit(trainer: Trainer, checkpoints: Path, observer: Observer) -> str:
    """Train to the last step, with logs and checkpoints; return `finished` or `stopped`.

    SIGINT and SIGTERM end the loop after the step in progress, with a checkpoint.

    Raises
    ------
    NonFiniteError
        If a term or a weight stops being finite; the newest checkpoint is from before.
    RunError
        If a checkpoint cannot be written; the one before is intact.
    """
    config = trainer.config
    with _stop_signals() as stopped:
        while trainer.step < config.steps and not stopped():
            trainer.train_step()
            observer.stepped(trainer.step)
            done = trainer.step == config.steps
            if done or trainer.step % config.log_every == 0:
                observer.logged(trainer.step, trainer.take_log())
            if done or trainer.step % config.checkpoint_every == 0:
                _checkpoint(trainer, checkpoints)
        if trainer.step < config.steps:
            _checkpoint(trainer, checkpoints)
    return "finished" if trainer.step == config.steps else "stopped"


def _checkpoint(trainer: Trainer, folder: Path) -> None:
    trainer.check_finite()
    save_checkpoint(folder, trainer.step, trainer.state())


@contextlib.contextmanager
def _stop_signals() -> Iterator[Callable[[], bool]]:
    """Turn the first SIGINT or SIGTERM into a flag; a second one acts as usual."""
    caught: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return

    def catch(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        signal.signal(number, previous[signal.Signals(number)])

    previous = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)}
    for number in previous:
        signal.signal(number, catch)
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
