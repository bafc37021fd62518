"""The trainer: one loop over steps, whose every random number is a function of (seed, step)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import cast

import torch
from torch import Tensor, nn

from unweave.assemble import Assembly
from unweave.batches import BatchIndices, Feed, derive_seed
from unweave.errors import NonFiniteError
from unweave.owners import declared, explaining
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
from unweave.seats import Gradients, Seat, gradients_of, like_parameter, set_rates, take_seat
from unweave.train_config import TrainConfig
from unweave.trainer_state import TrainerState


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
            name: take_seat(assembly, player, device)
            for name, player in players_of(self.objective.rounds).items()
        }
        self.clock = torch.zeros((), dtype=torch.int64, device=device)
        self.means = RunningMeans(assembly.term_names, device)
        networks = {"model": self.model, "objective": cast(nn.Module, self.objective)}
        self._state = TrainerState(networks, self.seats, self.means)
        self._compute: Callable[[Prepare], Tensor] = at_once
        if recorder is not None:
            self._compute = RecordedStep(recorder([self.generator]), self.fix(), say)
        if config.compile:
            self._compute = timing_first(self._compute, say)

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
        obstacles = [
            make_capturable(seat.optimizer, len(set(seat.schedule.values)) == 1)
            for seat in self.seats.values()
        ]
        return next(filter(None, obstacles), "")

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
            own = gradients_of(
                declared(losses, movers, self.objective), [seat.parameters for seat in seats]
            )
            for seat, gradients in zip(seats, self.ranks.mean(own), strict=True):
                move(seat, gradients)
        logged = declared(named, self.means.names, self.objective)
        return torch.stack([term.detach() for term in logged])

    def move(self, seat: Seat, gradients: Gradients) -> None:
        """Let a player descend."""
        for parameter, gradient in zip(seat.parameters, gradients, strict=True):
            parameter.grad = None if gradient is None else like_parameter(gradient, parameter)
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
                    f"{name} is not finite at step {self.step}; lower learning_rate"
                )

    def state(self) -> dict[str, Tensor]:
        """Return every tensor that a resumed run needs, by name."""
        return self._state.tensors()

    def load_state(self, step: int, tensors: dict[str, Tensor]) -> None:
        """Continue from a state.

        Raises
        ------
        RunError
            If the state does not belong to this configuration.
        """
        self._state.load(step, tensors)
        self.step = step
        self.clock.fill_(step)


def timing_first(
    compute: Callable[[Prepare], Tensor], say: Callable[[str], None]
) -> Callable[[Prepare], Tensor]:
    """Say before the first step that it compiles, and after it how long it took."""
    begun = False

    def timed(prepare: Prepare) -> Tensor:
        nonlocal begun
        if begun:
            return compute(prepare)
        begun = True
        say("compile=true: the first step compiles encoder and decoder, which can take minutes")
        start = time.perf_counter()
        terms = compute(prepare)
        say(f"the first step took {time.perf_counter() - start:.0f} s, most of it to compile")
        return terms

    return timed


def compile_forward(module: nn.Module) -> None:
    """Let `torch.compile` compile a module at its first call.

    In torch 2.11 and 2.13 `Module.compile` has no effect on torch's own modules, such as
    `Sequential`: it passes `_call_impl` to the compiler, which skips code of torch.
    """
    module.forward = torch.compile(module.forward)
