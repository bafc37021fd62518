"""The trainer: one loop over steps, whose every random number is a function of (seed, step)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from unweave.assemble import Assembly
from unweave.batches import BatchIndices, Feed, derive_seed
from unweave.checkpoint import save_checkpoint
from unweave.config import TrainConfig
from unweave.configfile import digest
from unweave.errors import NonFiniteError, RunError
from unweave.method import Schedule
from unweave.objectives.terms import WeightSchedule
from unweave.owners import declared, explaining
from unweave.player_optimizers import trained_parameters
from unweave.players import Batches, Labels, make_batches, players_of
from unweave.ranks import ALONE, Ranks
from unweave.replay import (
    FixedIndices,
    Prepare,
    RecordedStep,
    RecorderOf,
    at_once,
    make_capturable,
)  # fmt: skip
from unweave.running_means import RunningMeans
from unweave.signals import stop_signals

Gradients = tuple[Tensor | None, ...]
"""Gradients of a player's parameters, in order; None for one that the loss does not depend on."""


@dataclass
class Seat:
    """The parameters of a player, with their optimizer and learning rate."""

    parameters: list[nn.Parameter]
    optimizer: Optimizer
    schedule: Schedule
    rate: WeightSchedule


class Trainer:
    """The state of a run, networks, optimizers, clock and running means, and its training step.

    Parameters
    ----------
    assembly
        Networks and objective.
    feed
        Indices -> float images on the device.
    dataset_size
        N, number of training images.
    config
        Configuration of the run.
    device
        Device of all tensors.
    labels
        Returns the classes of the factors, int64, shape (N, K), on the device; or None.
    ranks
        The processes that share every batch.
    recorder
        Makes the recorder of the step, for replays; or None.
    say
        Shows a line.
    """

    def __init__(
        self,
        assembly: Assembly,
        feed: Feed,
        dataset_size: int,
        config: TrainConfig,
        device: torch.device,
        labels: Labels = lambda: None,
        ranks: Ranks = ALONE,
        recorder: RecorderOf | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self.model, self.objective = assembly.model.to(device), assembly.objective
        cast(nn.Module, self.objective).to(device)
        self.config, self.ranks = config, ranks
        self.step = 0
        self.feed, self.size, self.labels = feed, dataset_size, labels
        self.generator = torch.Generator(device)
        self.forked = [device] if device.type == "cuda" else []
        self.orders: list[Callable[[int], Tensor]] = [
            BatchIndices(dataset_size, config.batch_size, config.seed, stream, device)
            for stream in ("codes", "critic")
        ]
        if config.compile:
            for network in (self.model.encoder, self.model.decoder):
                compile_forward(network)
        self.seats = {
            name: _take_seat(assembly, player, device)
            for name, player in players_of(self.objective.rounds).items()
        }
        self.clock = torch.zeros((), dtype=torch.int64, device=device)
        self.means = RunningMeans(assembly.term_names, device)
        self._compute: Callable[[Prepare], Tensor] = at_once
        if recorder is not None:
            self._compute = RecordedStep(recorder([self.generator]), self.fix(), say)

    def train_step(self) -> None:
        """Do one step of every player."""
        with self.ranks.sharing(self.model), self.reproducible():
            terms = self._compute(self._prepare)
        self.means.add(terms, self.clock)
        self.clock += 1
        self.step += 1

    def _prepare(self) -> Callable[[], Tensor]:
        batches = self.draw(self.step)
        return lambda: self.play(batches, self.move)

    def fix(self) -> str:
        """Put all that changes between steps into fixed tensors; return the obstacle, if any."""
        batch, device = self.config.batch_size, self.clock.device
        self.orders = [FixedIndices(order, batch, device) for order in self.orders]
        if self.ranks.size > 1:
            return "several processes share every batch"
        found = [
            make_capturable(seat.optimizer, len(set(seat.schedule.values)) == 1)
            for seat in self.seats.values()
        ]
        return next(filter(None, found), "")

    @contextmanager
    def reproducible(self) -> Iterator[None]:
        """Seed torch's global generator, for dropout, and name the object behind an error."""
        with torch.random.fork_rng(self.forked):
            seed = derive_seed(self.config.seed, "global", self.step, *self.ranks.own)
            # torch.manual_seed asks every kind of device, which takes 40 times as long.
            torch.default_generator.manual_seed(seed)
            if self.forked:
                torch.cuda.manual_seed(seed)
            with explaining(f"at step {self.step}"):
                yield

    def seed_noise(self, step: int) -> None:
        """Seed the noise of a step, and announce the images of the next one."""
        self.generator.manual_seed(derive_seed(self.config.seed, "noise", step))
        for order in self.orders:
            if isinstance(order, FixedIndices):
                order.fill(step)
        self.feed.announce(self.orders[0](step + 1))

    def draw(self, step: int) -> Batches:
        """Draw the two batches of a step; all work of the host, with lazy parts."""
        self.seed_noise(step)
        first, second = self.orders
        draws = (lambda: first(step), lambda: second(step))
        return make_batches(
            self.model, self.feed, self.labels, self.size, self.generator, draws,
            self.config.batch_size,
        )  # fmt: skip

    def play(self, batches: Batches, move: Callable[[Seat, Gradients], None]) -> Tensor:
        """Compute every round: all gradients of a round before any of its players moves.

        Return the logged terms as one vector in the order of `means.names`.
        """
        named: dict[str, Tensor] = {}
        for number, players in enumerate(self.objective.rounds):
            losses, terms = self.objective.losses(number, batches, self.clock)
            named |= terms
            movers = [player.name for player in players]
            seats = [self.seats[name] for name in movers]
            found = gradients_of(
                declared(losses, movers, self.objective), [seat.parameters for seat in seats]
            )
            for seat, gradients in zip(seats, self.ranks.mean(found), strict=True):
                move(seat, gradients)
        logged = declared(named, self.means.names, self.objective)
        return torch.stack([term.detach() for term in logged])

    def move(self, seat: Seat, gradients: Gradients) -> None:
        """Let a player descend."""
        for parameter, gradient in zip(seat.parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else laid_out(gradient, parameter)
        if self.config.clip_norm:
            nn.utils.clip_grad_norm_(seat.parameters, self.config.clip_norm)
        set_rates(seat.optimizer, seat, self.clock, self.step)
        seat.optimizer.step()
        seat.optimizer.zero_grad(set_to_none=True)

    def take_log(self) -> dict[str, float]:
        """Return the means since the last log and reset them; waits for the device.

        Raises
        ------
        NonFiniteError
            If a term was not finite.
        """
        self.check_finite()
        return self.means.take(self.step)

    def check_finite(self) -> None:
        """Raise if a term or a saved number is not finite.

        Raises
        ------
        NonFiniteError
            If one is not; the message names it.
        """
        self.means.check()
        for name, tensor in self.state().items():
            if tensor.is_floating_point() and not bool(tensor.isfinite().all()):
                raise NonFiniteError(
                    f"{name} is not finite at step {self.step}; lower learning_rate; "
                    "the newest checkpoint is from an earlier step"
                )

    def state(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs, by name."""
        tensors = self._weights()
        for prefix, parameter, state in self._moments():
            for key, value in state.items():
                if value.shape == parameter.shape and value.stride() != parameter.stride():
                    raise AssertionError(
                        f"{prefix}{key} is not laid out in memory as its parameter"
                    )
                tensors[f"{prefix}{key}"] = value
        tensors["log.sums"] = self.means.sums
        tensors["log.step"] = torch.tensor(self.means.step)
        return tensors

    def load_state(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Continue from a state.

        Raises
        ------
        RunError
            If the state does not belong to this configuration.
        """
        weights = self._weights()
        moments = tuple(prefix for prefix, _, _ in self._moments())
        known = {*weights, "log.sums", "log.step"}
        unknown = {name for name in tensors if name not in known and not name.startswith(moments)}
        if unknown:
            raise _unfit(f"it has {min(unknown)!r}, which the run does not have")
        for name, tensor in weights.items():
            tensor.detach().copy_(_matching(tensors, name, tensor))
        for prefix, parameter, state in self._moments():
            found = {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}
            state.clear()
            for key, value in found.items():
                if value.dim() and value.shape != parameter.shape:
                    raise _unfit(f"{prefix}{key} has shape {tuple(value.shape)}")
                state[key] = laid_out(value, parameter).clone()
        self.means.sums.copy_(_matching(tensors, "log.sums", self.means.sums))
        self.means.step = int(_matching(tensors, "log.step", torch.tensor(0)))
        self.step = step
        self.clock.fill_(step)

    def _moments(self) -> Iterator[tuple[str, nn.Parameter, dict[str, Any]]]:
        """Yield for every parameter the prefix of its names, the parameter, and its state."""
        for player, seat in self.seats.items():
            for number, parameter in enumerate(seat.parameters):
                yield f"optimizer.{player}.{number}.", parameter, seat.optimizer.state[parameter]

    def _weights(self) -> dict[str, Tensor]:
        modules = {"model": self.model, "objective": cast(nn.Module, self.objective)}
        return {
            f"{prefix}.{name}": tensor
            for prefix, module in modules.items()
            for name, tensor in module.state_dict().items()
        }


def gradients_of(losses: Sequence[Tensor], own: Sequence[Sequence[Tensor]]) -> list[Gradients]:
    """Return the gradient of each loss for its own parameters."""
    last = len(losses) - 1
    return [
        torch.autograd.grad(loss, parameters, retain_graph=number < last, allow_unused=True)
        for number, (loss, parameters) in enumerate(zip(losses, own, strict=True))
    ]


def compile_forward(module: nn.Module) -> None:
    """Let `torch.compile` compile a module at its first call.

    In torch 2.11 and 2.13 `Module.compile` has no effect on torch's own modules, such as
    `Sequential`: it passes `_call_impl` to the compiler, which skips code of torch.
    """
    module.forward = torch.compile(module.forward)


def set_rates(optimizer: Optimizer, seat: Seat, clock: Tensor, step: int) -> None:
    """Set the learning rate of an optimizer, a tensor if the optimizer takes one."""
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].copy_(seat.rate(clock))
        else:
            group["lr"] = seat.schedule.at(step)


def _take_seat(assembly: Assembly, player: Any, device: torch.device) -> Seat:
    optimizer, schedule = assembly.optimizer_of(player)
    return Seat(
        trained_parameters(player), optimizer, schedule, WeightSchedule(schedule).to(device)
    )


def laid_out(tensor: Tensor, parameter: Tensor) -> Tensor:
    """Return a tensor in the memory layout of its parameter, on its device.

    torch's fused optimizers read a parameter, its gradient and its moments in memory order: a
    contiguous moment would be matched with the wrong weights of a channels-last parameter.
    """
    if tensor.shape != parameter.shape:
        return tensor.clone().to(parameter.device)
    if tensor.stride() == parameter.stride() and tensor.device == parameter.device:
        return tensor
    return torch.empty_like(parameter, dtype=tensor.dtype).copy_(tensor)


def _matching(tensors: dict[str, Tensor], name: str, like: Tensor) -> Tensor:
    if name not in tensors:
        raise _unfit(f"it lacks {name!r}")
    if tensors[name].shape != like.shape:
        raise _unfit(f"{name!r} has shape {tuple(tensors[name].shape)} for {tuple(like.shape)}")
    if tensors[name].dtype != like.dtype:
        raise _unfit(f"{name!r} holds {tensors[name].dtype} for {like.dtype}")
    return tensors[name]


def _unfit(what: str) -> RunError:
    return RunError(f"the checkpoint does not fit the run's configuration: {what}")


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
        If a term or a weight stops being finite; the newest checkpoint is from an earlier step.
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
    done = trainer.step == config.steps
    if done or trainer.step % config.log_every == 0:
        enough = observer.logged(trainer.step, trainer.take_log())
    if done or trainer.step % config.checkpoint_every == 0:
        save(trainer, checkpoints)
    return enough


def save(trainer: Trainer, checkpoints: Path) -> None:
    """Write a checkpoint, unless a number in it is not finite."""
    trainer.check_finite()
    if trainer.ranks.first:
        save_checkpoint(checkpoints, trainer.step, trainer.state(), digest(trainer.config))
