"""Ensembles: many runs of one architecture and method, computed as one batched model.

Each weight is one tensor that holds the weights of all members, and `torch.func.vmap` computes a
step of all members at once. A member is a `Trainer` like any other: it draws its own batches and
its own noise, its own optimizers move its own part, and its checkpoints are those of a run alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import cast

import torch
from torch import Tensor
from torch.func import functional_call, vmap

from unweave.draws import Draws, each, jointly
from unweave.errors import UnweaveError, describe
from unweave.joint_optimizer import JointOptimizer
from unweave.member_tensors import NotTogetherError as NotTogetherError
from unweave.member_tensors import (
    Stage,
    copy_buffers,
    copy_tensors,
    join,
    join_means,
    join_named,
    restore,
)
from unweave.owners import explaining
from unweave.players import make_batches
from unweave.seats import Gradients, Seat, gradients_of
from unweave.trainer import Trainer

TOLERANCES = {"float32": 5e-2, "bfloat16": 2e-1}
"""Largest relative difference in norm, by precision, of a member's terms and gradients from those
of its run alone. A wrong batch, such as one member's noise for all, makes a difference of order 1.
Rounding makes one of some 1e-6, but it may switch a ReLU unit, and on images with a uniform
background then at many positions at once: 4 % were seen. On a CPU the first step of four `vae` with
`conv64` and a classifier differed by at most 1e-6, and in float64 by 1e-15."""


Move = Callable[[str, Gradients], None]
"""Moves a player of all members, given its name and gradients stacked over the members."""


class Ensemble:
    """Trainers of one architecture and method that take their steps together.

    Their seeds, learning rates, weights and current steps may differ.

    Raises
    ------
    NotTogetherError
        If they cannot be batched: their tensors differ in shape, a part of the step has no batched
        form, or the batched step is not the one that each takes alone.
    """

    def __init__(self, members: Sequence[Trainer]) -> None:
        self.members = tuple(members)
        self._first = members[0]
        self._stage = Stage(self._first)
        self._check_alike()
        self._tensors = join_named([Stage(member).tensors() for member in members])
        self._clocks = join([member.clock for member in members])
        self._means = join_means([member.means for member in members])
        places = {id(tensor): name for name, tensor in self._stage.tensors().items()}
        self._names = {
            player: [places[id(parameter)] for parameter in seat.parameters]
            for player, seat in self._first.seats.items()
        }
        self._check_step()
        self._optimizers: dict[str, JointOptimizer | None] = {}

    def train_step(self) -> None:
        """Do one step of every player of every member."""
        with torch.random.fork_rng(self._first.forked), explaining("together"):
            for member in self.members:
                member.seed_noise(member.step)
            terms = self.play(self.move)
        self._means.add(terms, self._clocks[:, None])
        self._clocks += 1
        for member in self.members:
            member.step += 1

    def move(self, player: str, gradients: Gradients) -> None:
        """Let a player of every member descend, by one optimizer if that gives the same result.

        Parameters
        ----------
        gradients
            Gradients of its parameters, stacked over the members.
        """
        if player not in self._optimizers:
            seats = [member.seats[player] for member in self.members]
            whole = [self._tensors[name] for name in self._names[player]]
            fits = JointOptimizer.fits(self.members, player)
            self._optimizers[player] = JointOptimizer(whole, seats) if fits else None
        joint = self._optimizers[player]
        if joint is not None:
            joint.move(gradients, self._first.clock, self._first.step)
            return
        for member, own in zip(
            self.members, _split_gradients(gradients, len(self.members)), strict=True
        ):
            member.move(member.seats[player], own)

    def play(self, move: Move) -> Tensor:
        """Play every round of all members; return their terms, shape (members, terms).

        Parameters
        ----------
        move
            Function that moves a player of all members.
        """
        numbers = torch.arange(len(self.members), device=self._clocks.device)
        play = functools.partial(self._play, move)
        terms: Tensor = vmap(play)(numbers, self._clocks, self._tensors)
        return terms

    def _play(
        self, move: Move, number: Tensor, clock: Tensor, tensors: dict[str, Tensor],
    ) -> Tensor:  # fmt: skip
        """Play as one member whose number, clock and tensors stand for those of all."""
        trained = {id(tensors[name]) for names in self._names.values() for name in names}
        generators = [member.generator for member in self.members]
        with Draws(number, generators, trained):
            arguments = (self._rounds, move, number, clock)
            return cast(Tensor, functional_call(self._stage, tensors, arguments))

    def _rounds(self, move: Move, number: Tensor, clock: Tensor) -> Tensor:
        first, named = self._first, dict[str, Tensor]()
        batches = make_batches(
            first.model, functools.partial(self._feed, number), self._first.labels,
            first.size, first.generator,
            (self._order(number, 0), self._order(number, 1)), first.config.batch_size,
        )  # fmt: skip
        for index, players in enumerate(first.objective.rounds):
            losses, terms = first.objective.losses(index, batches, clock)
            named |= terms
            names = [player.name for player in players]
            mover = functools.partial(self._move, move, names)
            jointly(mover, number, *(losses[name] for name in names))
        return torch.stack([named[name].detach() for name in first.means.names])

    def _order(self, number: Tensor, stream: int) -> Callable[[], Tensor]:
        return lambda: each(lambda k: self.members[k].orders[stream](self.members[k].step), number)

    def _feed(self, number: Tensor, index: Tensor, generator: torch.Generator) -> Tensor:
        members = self.members
        return each(lambda k, rows: members[k].feed(rows, members[k].generator), number, index)

    def _move(self, move: Move, names: Sequence[str], *losses: Tensor) -> None:
        """Move players of one round; the gradient of a sum over members is that of each."""
        own = [[self._tensors[name] for name in self._names[player]] for player in names]
        sums = [loss.sum() for loss in losses]
        for player, gradients in zip(names, gradients_of(sums, own), strict=True):
            move(player, gradients)

    def _check_alike(self) -> None:
        first = self._first
        for member in self.members[1:]:
            if member.means.names != first.means.names or member.size != first.size:
                raise NotTogetherError("their data or terms differ")
        if first.config.compile:
            raise NotTogetherError("compile=true compiles one model")
        if first.config.holdout and first.config.classifier.mode != "none":
            raise NotTogetherError("with holdout each has labels of its own")

    def _check_step(self) -> None:
        """Compute the first step of all together and of each alone; nothing moves."""
        before = [copy_tensors(member) for member in self.members]
        alone = [_step_alone(member) for member in self.members]
        for member, tensors in zip(self.members, before, strict=True):
            restore(member, tensors)
        together = self._look()
        for number, member in enumerate(self.members):
            _compare(alone[number], together[number], TOLERANCES[member.config.precision])
            restore(member, before[number])

    def _look(self) -> list[dict[str, Tensor]]:
        """Compute terms, gradients and buffers of all together, and move nothing."""
        results: list[dict[str, Tensor]] = [{} for _ in self.members]
        for member in self.members:
            member.seed_noise(member.step)

        def note(player: str, gradients: Gradients) -> None:
            for into, own in zip(results, _split_gradients(gradients, len(results)), strict=True):
                into |= _name_gradients(player, own)

        try:
            terms = self.play(note)
        except UnweaveError:
            raise
        except Exception as error:
            raise NotTogetherError(describe(error)) from error
        for member, into, own in zip(self.members, results, terms, strict=True):
            into |= {"terms": own, **copy_buffers(member)}
        return results


def _split_gradients(gradients: Gradients, members: int) -> list[Gradients]:
    """Split the gradients of all members into those of each."""
    return [tuple(None if g is None else g[k] for g in gradients) for k in range(members)]


def _name_gradients(player: str, gradients: Gradients) -> dict[str, Tensor]:
    return {
        f"gradient {number} of {player}": gradient.clone()
        for number, gradient in enumerate(gradients)
        if gradient is not None
    }


def _step_alone(member: Trainer) -> dict[str, Tensor]:
    """Compute terms, gradients and buffers of one member alone, and move nothing."""
    named: dict[str, Tensor] = {}
    players = {id(seat): player for player, seat in member.seats.items()}

    def note(seat: Seat, gradients: Gradients) -> None:
        named.update(_name_gradients(players[id(seat)], gradients))

    with member.reproducible():
        terms = member.play(member.draw(member.step), note)
    return {**named, "terms": terms, **copy_buffers(member)}


def _compare(alone: dict[str, Tensor], together: dict[str, Tensor], tolerance: float) -> None:
    if alone.keys() != together.keys():
        raise NotTogetherError("a gradient is missing where they are batched")
    for name, expected in alone.items():
        error = (together[name].double() - expected.double()).norm()
        if not error <= tolerance * expected.double().norm() + torch.finfo(torch.float32).eps:
            raise NotTogetherError(f"{name} of the batched step is not that of a run alone")
